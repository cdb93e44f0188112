// An open room: its head, its timeline, its composer, and the panel beside it.
import { bdi, fill, h, icon, pops, tool } from './dom.js';
import { t } from '../text/say.js';
import { attempt, confirm, menu } from './over.js';
import { composer } from './composer.js';
import { panel } from './panel.js';
import { timeline } from './timeline.js';
import { isAdmin, kindIcon, nameOf, peerOf, statusOf, titleOf } from './names.js';
import { invites, people } from './entrance.js';
import { care } from './care.js';

export function roomView(chat, room, house) {
  const head = h('header');
  const typing = h('div.typing.cut');
  const side = panel(chat, room, house);
  const writer = composer(chat, room, { sent: () => lines.toEnd(), lastOwn: () => lines.lastOwn() });
  const lines = timeline(chat, room, { reply: writer.reply, edit: writer.edit, jump: (seq) => house.openRoom(room.id, seq), direct: house.direct });
  const node = h('main.room', { id: 'main' }, head, lines.node, h('div.foot', typing, writer.node));
  let drawn = '';

  function title() {
    const name = titleOf(chat, room);
    const peer = peerOf(chat, room);
    const under = peer ? t(statusOf(chat, peer)) : room.room.topic || (room.membersLoaded && t('n_members', { n: room.members.size }));
    const sign = [name, under, room.member?.role].join('\u0000');
    if (sign === drawn) return;
    drawn = sign;
    const isDirect = room.room.kind === 'direct';
    fill(head, h('a.tool.back', { href: '#/', ariaLabel: t('back'), title: t('back') }, icon('back')),
      h('div.titles', h('h2', !isDirect && icon(kindIcon(room)), h('span.cut', bdi(name))), under && h('p.small.soft.cut', bdi(under))),
      tool('search', t('search'), () => side.open('search')), !isDirect && tool('people', t('members'), () => side.open('members')), tool('dots', t('more_actions'), more, pops));
  }
  function more({ currentTarget }) {
    const isOpen = room.room.kind !== 'direct';
    const mayCare = isOpen && isAdmin(room);
    menu(currentTarget, [
      ['pin', t('pins'), () => side.open('pins')],
      mayCare && ['people', t('add_people'), () => people(chat, room)],
      mayCare && ['link', t('invite'), () => invites(chat, room)],
      mayCare && ['settings', t('room_settings'), () => care(chat, room)],
      isOpen && ['door', t('leave'), () => confirm(t('leave_sure', { name: titleOf(chat, room) }), t('leave'), () => chat.api.leave(room.id)), true],
    ]);
  }
  function types() {
    const [a, b, ...others] = [...room.typing.keys()].map((id) => nameOf(chat, id));
    fill(typing, a && t(others.length ? 'typing_n' : b ? 'typing_2' : 'typing_1', { a, b }));
  }
  const all = () => { title(); types(); lines.draw(); side.draw(); };
  const offs = [
    chat.on('users', () => { all(); writer.look(); }),
    chat.on('presence', () => { title(); side.draw(); }),
    chat.on('room', (changed, part) => {
      if (changed !== room) return;
      if (part === 'typing') types();
      else if (part === 'room' || part === 'members') { all(); writer.draw(); house.watch(); } else lines.draw();
    }),
  ];
  title();
  if (!room.membersLoaded) attempt(() => room.loadMembers());
  return {
    room, node, panel: side.node, focus: lines.focus,
    open(seq) {
      lines.open(seq);
      if (!seq && matchMedia('(pointer: fine)').matches) writer.focus();
    },
    close() {
      for (const off of offs) off();
      lines.close();
      writer.close();
      side.node.remove();
    },
  };
}
