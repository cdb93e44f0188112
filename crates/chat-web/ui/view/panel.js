// The panel beside a room: its members, what is pinned, a search.
import { bdi, button, empty, fill, h, pops, refill, tool } from './dom.js';
import { moment, t } from '../text/say.js';
import { attempt, confirm, menu } from './over.js';
import { face, isAdmin, isMuted, isOwner, nameOf, snippet, statusOf } from './names.js';
import { searching } from './search.js';

export function panel(chat, room, house) {
  const node = h('aside.panel', { hidden: true, onkeydown: ({ key }) => key === 'Escape' && close() });
  let body = null;
  let shown = null;
  let opener = null;

  /** Opens what is named, or closes it when it is open. */
  function open(name) {
    if (shown === name) return close();
    opener = document.activeElement;
    shown = name;
    node.ariaLabel = t(name);
    body = h('div.body', { tabIndex: -1 }, name === 'search' && searching(chat, house, room));
    const shut = tool('close', t('close'), close);
    fill(node, h('header', h('h2', t(name)), shut), body);
    node.hidden = false;
    (body.querySelector('input') ?? shut).focus();
    return draw();
  }
  function close() {
    shown = null;
    node.hidden = true;
    if (opener?.isConnected) opener.focus();
  }
  function draw() {
    if (shown === 'members') members();
    if (shown === 'pins') pins();
  }
  function members() {
    const named = [...room.members.values()].filter((member) => member.in).map((member) => ({ member, name: nameOf(chat, member.user) })).sort((a, b) => a.name.localeCompare(b.name));
    const group = (title, role) => {
      const some = named.filter(({ member }) => member.role === role);
      return some.length > 0 && [h('h3', `${t(title)} · ${some.length}`), h('ul', { ariaLabel: t(title) }, some.map(({ member }) => h('li', person(chat, room, member, house))))];
    };
    refill(body, 'user', !room.membersLoaded && h('p.load', t('loading')), group('owners', 'owner'), group('admins', 'admin'), group('others', 'member'));
  }
  const pins = () => attempt(async () => {
    const pinned = room.aside;
    for (const message of room.messages) if (room.room.pins.includes(message.seq)) pinned.set(message.seq, message);
    await Promise.all(room.room.pins.filter((seq) => !pinned.has(seq)).map(async (seq) => {
      pinned.set(seq, null);
      pinned.set(seq, await chat.api.message(room.id, seq));
    }));
    if (shown !== 'pins') return;
    const messages = room.room.pins.map((seq) => pinned.get(seq)).filter((message) => message?.text);
    fill(body, messages.length ? messages.reverse().map((message) => hit(chat, message, snippet(message), () => house.openRoom(room.id, message.seq))) : empty('pin', t('no_pins')));
  });
  return { node, open, draw };
}

/** A message in a list, which leads to its place. */
export const hit = (chat, { author, at }, text, onclick, where) => button('hit', [
  h('span.meta', face(chat, author, '.s'), h('b.cut', bdi(nameOf(chat, author))), where && h('span.cut', bdi(where)), h('time', { datetime: at }, moment(at))), h('span.text', text)], onclick);

/** A member, and what may be done with them: who may what is the server's to say, this leaves out what it would refuse. */
function person(chat, room, member, house) {
  const { user: id, role, muted_until } = member;
  const { api } = chat;
  const name = nameOf(chat, id);
  const isMe = id === chat.me.id;
  const status = statusOf(chat, id);
  const muted = isMuted(member);
  const username = chat.user(id)?.username;
  const under = [username && `@${username}`, muted && t('muted_until', { at: moment(muted_until) })].filter(Boolean).join(' · ');

  function deeds({ currentTarget }) {
    const mayRule = isOwner(room) && !isMe;
    const mayModerate = !isMe && (isOwner(room) || (isAdmin(room) && role === 'member'));
    const set = (label, picture, what) => [picture, t(label), () => attempt(() => api.setMember(room.id, id, what))];
    const out = (label, picture, work) => [picture, t(label), () => confirm(`${t(label)}: ${name}?`, t(label), work), true];
    menu(currentTarget, [
      !isMe && ['chat', t('message_to'), () => house.direct(id)],
      mayRule && role !== 'admin' && set('make_admin', 'settings', { role: 'admin' }),
      mayRule && role !== 'owner' && set('make_owner', 'lock', { role: 'owner' }),
      mayRule && role !== 'member' && set('make_member', 'people', { role: 'member' }),
      mayModerate && muted && set('unmute', 'check', { muted_until: null }),
      mayModerate && !muted && set('mute_1h', 'clock', { muted_until: new Date(Date.now() + 36e5).toISOString() }),
      mayModerate && out('kick', 'door', () => api.kick(room.id, id)),
      mayModerate && out('ban', 'alert', () => api.ban(room.id, id)),
    ], h('div.who', face(chat, id), h('div.grow', h('div.cut', h('b', bdi(name))), h('div.soft.small', t(role)))));
  }
  return button('person', [face(chat, id, '', status), h('span.grow', h('span.cut', bdi(name), isMe && h('span.soft', ` (${t('you')})`)), h('span.soft.small.cut', under)), h('span.hidden', t(status))], deeds, { 'data-user': id, ...pops });
}
