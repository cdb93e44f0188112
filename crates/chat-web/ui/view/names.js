// What people and rooms are called, and how they look. All of it is text of others, so it stands in elements of its own (`bdi`).
import { t } from '../text/say.js';
import { avatar, emblem } from './dom.js';

export function nameOf(chat, id) {
  const user = chat.user(id);
  return !user ? '…' : user.deleted ? t('deleted_user') : user.display_name || user.username;
}
/** Asks for the names of those who are shown next. */
export async function learn(chat, ids) {
  if (ids.length) chat.learn((await chat.api.users([...new Set(ids)])).items);
}
/** The other one of a direct room; `null` until known. */
export const peerOf = (chat, room) => (room.room.kind !== 'direct' ? null : room.peer ?? [...room.members.keys()].find((id) => id !== chat.me.id) ?? null);
export function titleOf(chat, room) {
  if (room.room.kind !== 'direct') return room.room.name;
  const peer = peerOf(chat, room);
  return peer ? nameOf(chat, peer) : '…';
}
export const face = (chat, id, look, status) => avatar(id, nameOf(chat, id), look, status);
export const statusOf = (chat, id) => (id === chat.me.id ? 'online' : chat.presence.get(id) ?? 'offline');
export const kindIcon = (room) => (room.room.kind === 'private' ? 'lock' : 'hash');
export function roomFace(chat, room) {
  const peer = peerOf(chat, room);
  return peer ? face(chat, peer, '', statusOf(chat, peer)) : emblem(kindIcon(room));
}
export const isAdmin = ({ member }) => ['admin', 'owner'].includes(member?.role);
export const isOwner = ({ member }) => member?.role === 'owner';
export const isMuted = (member) => Boolean(member?.muted_until) && new Date(member.muted_until) > new Date();
/** A text on one line. */
export const snippet = (message) => (message.deleted ? t('deleted') : message.text.slice(0, 160).replace(/\s+/g, ' '));
