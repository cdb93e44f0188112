// Telling somebody who looks elsewhere: the tab's title, and the browser's notifications where they are wanted and allowed.
import { t } from '../text/say.js';
import { nameOf, titleOf } from './names.js';
import { read } from './taste.js';

export function notify(chat, house) {
  const isForMe = (room, { mentions, mentions_room }) => room.room.kind === 'direct' || mentions_room || mentions.includes(chat.me.id);
  const count = () => {
    const rooms = [...chat.rooms.values()];
    const loud = rooms.reduce((sum, room) => sum + (room.room.kind === 'direct' ? room.unread : room.mentions), 0);
    document.title = `${loud ? `(${loud}) ` : rooms.some((room) => room.unread) ? '• ' : ''}${house()?.title ?? t('app')}`;
  };
  chat.on('rooms', count);
  chat.on('room', (room, part) => ['counts', 'room', 'members'].includes(part) && count());
  addEventListener('hashchange', () => setTimeout(count));
  chat.on('message', (room, message) => {
    const isSeen = document.hasFocus() && house()?.room === room;
    if (isSeen || !isForMe(room, message)) return;
    document.getElementById('live').textContent = t('says', { name: nameOf(chat, message.author), text: message.text });
    if (!read('notify') || !('Notification' in window) || Notification.permission !== 'granted') return;
    const shown = new Notification(`${nameOf(chat, message.author)} · ${titleOf(chat, room)}`, { body: message.text.slice(0, 200), tag: `${room.id}/${message.seq}` });
    shown.onclick = () => {
      window.focus();
      house()?.openRoom(room.id, message.seq);
      shown.close();
    };
  });
}
