// The house: the list of rooms, the room that is open, the panel beside it, and what lies above all of them: the connection.
import { button, empty, fill, h } from './dom.js';
import { t } from '../text/say.js';
import { act, attempt, dialog } from './over.js';
import { roomList } from './rooms.js';
import { roomView } from './room.js';
import { titleOf } from './names.js';

/** `#/room/<id>`, `#/room/<id>/<seq>` or `#/invite/<code>`: after the `#`, so that no server ever logs it. */
const place = () => {
  const [, kind, id, seq] = location.hash.split('/');
  return { kind, id, seq: Number(seq) || null };
};

export function house(chat, redraw) {
  const banner = h('div.banner', { role: 'status' });
  const start = h('main.room', { id: 'main' }, empty('chat', t('pick_room')));
  let view = null;
  let late = 0; // seconds without a live connection
  let isCrowded = false;
  const self = {
    redraw, openRoom, watch, direct, adopt,
    get room() { return view?.room ?? null; },
    get title() { return view ? titleOf(chat, view.room) : t('app'); },
  };
  const list = roomList(chat, self);
  const skip = h('a.skip', { href: '#main', onclick: (event) => { event.preventDefault(); view?.focus(); } }, t('newest'));
  self.node = h('div.shell', skip, banner, list.node, start);

  /** Shows what the address bar names. */
  self.go = () => {
    const { kind, id, seq } = place();
    if (kind === 'invite') return invited(id);
    const room = kind === 'room' ? chat.rooms.get(id) : null;
    if (view?.room !== room) {
      const old = view?.node ?? start;
      view?.close();
      view = room ? roomView(chat, room, self) : null;
      old.replaceWith(view?.node ?? start);
      if (view) self.node.append(view.panel);
    }
    self.node.dataset.room = view ? 'yes' : 'no';
    view?.open(seq);
    list.draw();
    watch();
    return null;
  };
  function openRoom(id, seq) {
    const to = `#/room/${id}${seq ? `/${seq}` : ''}`;
    if (location.hash === to) self.go();
    else location.hash = to;
  }
  /** A room that a request just made or found becomes known, and is opened. */
  async function adopt(room, member) {
    const mine = async () => (await chat.api.members(room.id)).items.find(({ user }) => user === chat.me.id);
    if (!chat.rooms.has(room.id)) chat.adopt({ room, member: member ?? await mine() });
    openRoom(room.id);
  }
  function direct(user) { return attempt(async () => adopt(await chat.api.createRoom({ kind: 'direct', members: [user] }))); }

  function invited(code) {
    history.replaceState(null, '', '#/');
    self.go();
    dialog(t('invite_title'), (close) => button('button.main', t('join'), act(async () => {
      const { room, member } = await chat.api.acceptInvite(code);
      close();
      adopt(room, member);
    })));
  }
  /** Rooms came or went. */
  function follow() {
    list.soon();
    const { kind, id } = place();
    if (view && !chat.rooms.has(view.room.id)) {
      for (const over of document.querySelectorAll('dialog')) over.remove();
      location.hash = '#/';
    }
    else if (!view && kind === 'room' && chat.rooms.has(id)) self.go();
  }
  function connection() {
    const { state, retryAt } = chat;
    late = state === 'live' ? 0 : late + 1;
    if (state === 'live') isCrowded = false;
    const n = Math.ceil(((retryAt ?? 0) - Date.now()) / 1000);
    const text = isCrowded ? t('many_windows') : late < 2 || state === 'live' ? '' : state === 'connecting' ? t('connecting') : n > 0 ? t('waiting_in', { n }) : t('waiting');
    if (banner.dataset.text === text) return;
    banner.dataset.text = text;
    fill(banner, text, text && state === 'waiting' && button('link', t('reconnect'), () => chat.reconnect()));
  }
  /** Whose presence is looked at: those of the open room first, then the others of direct rooms. */
  function watch() {
    const people = [...(view?.room.members.keys() ?? [])].slice(0, 150);
    const peers = [...chat.rooms.values()].map((room) => room.peer);
    chat.watch([...new Set([...people, ...peers])].filter((id) => id && id !== chat.me.id).slice(0, 200));
  }
  const offs = [
    chat.on('too_many_sockets', () => { isCrowded = true; connection(); }), chat.on('state', connection), chat.on('rooms', follow),
    ...['presence', 'users', 'room'].map((name) => chat.on(name, list.soon)),
  ];
  const clock = setInterval(connection, 1000);
  self.close = () => {
    clearInterval(clock);
    for (const off of offs) off();
    view?.close();
  };
  return self;
}
