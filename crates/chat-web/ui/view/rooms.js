// The list of rooms: what is new where, and the ways to more rooms.
import { bdi, button, calm, empty, fill, h, pops, refill, tool } from './dom.js';
import { number, short, t } from '../text/say.js';
import { face, nameOf, roomFace, snippet, statusOf, titleOf } from './names.js';
import { dialog, input, menu } from './over.js';
import { browse, newDirect, newRoom } from './entrance.js';
import { settings } from './settings.js';
import { searching } from './search.js';

const capped = (n) => (n >= 100 ? '99+' : number(n));

export function roomList(chat, house) {
  const nav = h('nav', { ariaLabel: t('rooms') });
  const foot = h('footer');
  const filter = input({ type: 'search', placeholder: t('find_room'), ariaLabel: t('find_room'), oninput: draw });
  const links = new Map(); // room id → { sign, node }
  const add = ({ currentTarget }) => menu(currentTarget, [
    ['hash', t('new_room'), () => newRoom(chat, house)], ['chat', t('new_direct'), () => newDirect(chat, house)], ['compass', t('browse'), () => browse(chat, house)]]);
  const look = () => dialog(t('search'), (close) => searching(chat, house, null, close));
  const node = h('div.side', h('header', h('h1.cut', t('app')), tool('search', t('search'), look), tool('plus', t('new_room'), add, pops)), h('div.filter', filter), nav, foot);
  let drawn = '';

  function draw() {
    if (!chat.me) return;
    const wanted = filter.value.trim().toLowerCase();
    const all = [...chat.rooms.values()].map((room) => ({ room, title: titleOf(chat, room), at: room.last?.at ?? room.room.created_at }));
    const shown = all.filter(({ title }) => title.toLowerCase().includes(wanted)).sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : a.room.id < b.room.id ? -1 : 1));
    const part = (name, isDirect) => {
      const some = shown.filter(({ room }) => (room.room.kind === 'direct') === isDirect);
      return some.length > 0 && [h('h2', name), h('ul', { ariaLabel: name }, some.map((one) => h('li', link(one))))];
    };
    const none = () => empty('compass', t('no_rooms'), button('button.main', t('browse'), () => browse(chat, house)), button('button', t('new_room'), () => newRoom(chat, house)));
    refill(nav, 'room', part(t('rooms'), false), part(t('direct'), true), !all.length ? none() : !shown.length && empty('search', t('no_match')));
    const { id, display_name, username } = chat.me;
    if (drawn === display_name) return;
    drawn = display_name;
    fill(foot, face(chat, id), h('div.grow', h('div.cut', h('b', bdi(display_name))), h('div.cut.small.soft', `@${username}`)), tool('settings', t('settings'), () => settings(chat, house)));
  }

  /** One room; made anew only when something on it changed. */
  function link({ room, title, at }) {
    const { id, last, unread, mentions } = room;
    const isOpen = house.room === room;
    const isDirect = room.room.kind === 'direct';
    const who = last && !isDirect ? `${last.author === chat.me.id ? t('you') : nameOf(chat, last.author)}: ` : '';
    const under = last ? who + snippet(last) : room.room.topic ?? '';
    const sign = [title, short(at), under, unread, mentions, isOpen, room.room.kind, isDirect && statusOf(chat, room.peer)].join('\u0000');
    const held = links.get(id);
    if (held?.sign === sign) return held.node;
    const badge = (text, label, isLoud) => h(isLoud ? 'span.badge.loud' : 'span.badge', h('span', { ariaHidden: 'true' }, text), h('span.hidden', label));
    const fresh = h(unread ? 'a.room-link.unread' : 'a.room-link', { href: `#/room/${id}`, 'data-room': id, ariaCurrent: isOpen ? 'page' : null },
      roomFace(chat, room),
      h('span.grow', h('span.top', h('span.name.cut', bdi(title)), h('time', { datetime: at }, short(at))),
        h('span.under', h('span.cut', bdi(under)), mentions > 0 && badge('@', t('n_mentions', { n: mentions }), true), unread > 0 && badge(capped(unread), t('unread', { n: capped(unread) }), isDirect || mentions))));
    links.set(id, { sign, node: fresh });
    return fresh;
  }
  draw();
  return { node, draw, soon: calm(draw, 50) };
}
