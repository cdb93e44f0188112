// The web client begins here: one `Chat` (the sync core), one address bar, and either the door or the house.
import { Chat } from './sync/chat.js';
import { language, speak, t } from './text/say.js';
import { door } from './view/door.js';
import { fill, h } from './view/dom.js';
import { house } from './view/house.js';
import { notify } from './view/notify.js';
import { toast } from './view/over.js';
import { titleOf } from './view/names.js';
import { dress, forget } from './view/taste.js';

let storage = null; // a browser that keeps nothing: the session lasts as long as the page
try { storage = window.localStorage; } catch { /* stays null */ }
const chat = new Chat({ origin: location.origin, storage, WebSocket, fetch: (...request) => fetch(...request), locks: navigator.locks, client: 'web/1.0.0' });
const app = document.getElementById('app');
let home = null;
let note = null; // why somebody stands at the door who was inside
let isOpen = true;
let drawn = null;

function draw() {
  document.documentElement.lang = language;
  home?.close();
  for (const over of document.querySelectorAll('dialog, .menu')) over.remove();
  home = null;
  if (chat.state === 'signed_out') {
    document.title = t('app');
    fill(app, door(chat, { note, isOpen: () => isOpen, speak: (tag) => { speak(tag); draw(); } }));
  } else if (!chat.me) fill(app, h('main.empty', { role: 'status' }, t('loading')));
  else {
    home = house(chat, draw);
    fill(app, home.node);
    home.go();
  }
}
function react() {
  const now = chat.state === 'signed_out' ? 'door' : chat.me?.id ?? 'loading';
  if (now === drawn) return;
  drawn = now;
  if (chat.me) note = null;
  draw();
}

dress();
chat.on('state', react);
chat.on('me', react);
chat.on('signed_out', (reason) => {
  if (reason !== 'expired') forget('draft.');
  note = reason === 'asked' ? null : t(`ended_${reason}`);
  drawn = null;
  react();
});
chat.on('evicted', (room, reason) => reason !== 'left' && toast(t(`evicted_${reason}`, { name: titleOf(chat, room) })));
chat.on('lost', ({ text }) => toast(`${t('failed')}: ${text}`));
notify(chat, () => home);
addEventListener('hashchange', () => home?.go());
addEventListener('online', () => chat.online(true));
addEventListener('offline', () => chat.online(false));
document.addEventListener('visibilitychange', () => chat.setPresence(document.hidden ? 'away' : 'online'));
chat.api.meta().then(({ registration }) => { isOpen = registration === 'open'; }, () => {});
await chat.start();
react();
