// A member in the panel, and what may be done with them: who may what is the server's to say, this leaves out what it would refuse.
import { bdi, button, h, pops } from './dom.js';
import { moment, t } from '../text/say.js';
import { attempt, confirm, menu } from './over.js';
import { face, isAdmin, isMuted, isOwner, nameOf, statusOf } from './names.js';

export function person(chat, room, member, house) {
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
    const until = (hours) => ({ muted_until: new Date(Date.now() + hours * 36e5).toISOString() });
    const out = (label, picture, work) => [picture, t(label), () => confirm(`${t(label)}: ${name}?`, t(label), work), true];
    menu(currentTarget, [
      !isMe && ['chat', t('message_to'), () => house.direct(id)],
      mayRule && role !== 'admin' && set('make_admin', 'settings', { role: 'admin' }),
      mayRule && role !== 'owner' && set('make_owner', 'lock', { role: 'owner' }),
      mayRule && role !== 'member' && set('make_member', 'people', { role: 'member' }),
      mayModerate && muted && set('unmute', 'check', { muted_until: null }),
      mayModerate && !muted && set('mute_1h', 'clock', until(1)),
      mayModerate && !muted && set('mute_1d', 'clock', until(24)),
      mayModerate && out('kick', 'door', () => api.kick(room.id, id)),
      mayModerate && out('ban', 'alert', () => api.ban(room.id, id)),
    ], h('div.who', face(chat, id), h('div.grow', h('div.cut', h('b', bdi(name))), h('div.soft.small', t(role)))));
  }
  return button('person', [face(chat, id, '', status), h('span.grow', h('span.cut', bdi(name), isMe && h('span.soft', ` (${t('you')})`)), h('span.soft.small.cut', under)), h('span.hidden', t(status))], deeds, { 'data-user': id, ...pops });
}
