// The composer: a draft, what it answers or changes, mentions that complete themselves, and why nothing can be written when it cannot.
import { bdi, fill, h, icon, pops, tool } from './dom.js';
import { moment, t } from '../text/say.js';
import { attempt, emojis } from './over.js';
import { completion } from './completion.js';
import { keep as store, read } from './taste.js';
import { isMuted, nameOf, snippet, titleOf } from './names.js';

export function composer(chat, room, { sent, lastOwn }) {
  const about = h('div.about', { hidden: true });
  const count = h('span.count', { role: 'status' });
  const area = h('textarea', { rows: 1, oninput: typed, onkeydown: key });
  const names = completion(chat, room, area);
  const smile = tool('smile', t('emoji'), (event) => emojis(event.currentTarget, (emoji) => { area.setRangeText(emoji, area.selectionStart, area.selectionEnd, 'end'); area.focus(); typed(); }), pops);
  const box = h('div.composer', about, h('div.line', area, count, smile, tool('send', t('send'), send)));
  const node = h('div');
  const draft = `draft.${chat.me.id}.${room.id}`;
  let mode = null; // { kind: 'reply' | 'edit', message }
  let timer = 0;

  function draw() {
    const { archived, slow_mode_s } = room.room;
    const until = room.member?.muted_until;
    const name = titleOf(chat, room);
    clearTimeout(timer);
    if (isMuted(room.member)) timer = setTimeout(draw, Math.min(new Date(until) - Date.now() + 200, 6e5));
    area.ariaLabel = t('write', { name });
    area.placeholder = slow_mode_s ? t('slow_wait', { n: slow_mode_s }) : area.ariaLabel;
    const closed = archived ? t('archived_note') : isMuted(room.member) ? t('muted_note', { at: moment(until) }) : null;
    if (closed) fill(node, h('p.closed', { role: 'status' }, closed));
    else if (!box.isConnected) fill(node, box, names.node);
  }

  function enter(kind, message) {
    leave();
    if (kind === 'edit') { keep(); area.value = message.text; }
    mode = { kind, message };
    fill(about, icon(kind), h('span.grow.cut', kind === 'edit' ? t('editing') : [t('replying', { name: nameOf(chat, message.author) }), ' · ', bdi(snippet(message))]), tool('close', t('cancel'), () => { leave(); area.focus(); }));
    about.hidden = false;
    measure();
    area.focus();
  }
  function leave() {
    if (mode?.kind === 'edit') area.value = read(draft) ?? '';
    mode = null;
    about.hidden = true;
    measure();
  }
  const keep = () => mode?.kind !== 'edit' && store(draft, area.value);

  function typed() {
    measure();
    names.look();
    keep();
    if (mode?.kind !== 'edit') room.type(Boolean(area.value.trim()));
  }
  /** Counts Unicode scalars, as the server does; answers whether they fit. */
  function measure() {
    const most = chat.limits?.text ?? 4000;
    const left = most - [...area.value].length;
    fill(count, left < 0 ? t('too_long', { n: -left }) : left < most / 10 ? left : '');
    count.classList.toggle('over', left < 0);
    area.ariaInvalid = String(left < 0);
    if (!CSS.supports('field-sizing', 'content')) {
      area.style.height = 'auto';
      area.style.height = `${area.scrollHeight}px`;
    }
    return left >= 0;
  }
  function key(event) {
    if (event.isComposing || names.key(event)) return;
    const last = event.key === 'ArrowUp' && !area.value && !mode && lastOwn();
    if (event.key === 'Enter' && !event.shiftKey && (matchMedia('(pointer: fine)').matches || event.ctrlKey || event.metaKey)) send();
    else if (event.key === 'Escape' && mode) leave();
    else if (last) enter('edit', last);
    else return;
    event.preventDefault();
  }
  function send() {
    const text = area.value.toWellFormed();
    if (!text.trim() || !measure()) return;
    const now = mode;
    if (now?.kind === 'edit') {
      attempt(async () => { await room.edit(now.message.seq, text); if (mode === now) leave(); }, box);
      return;
    }
    room.send(text, now?.message.seq);
    area.value = '';
    leave();
    keep();
    room.type(false);
    names.close();
    sent();
  }

  area.value = read(draft) ?? '';
  draw();
  measure();
  return { node, draw, look: names.look, focus: () => area.focus({ preventScroll: true }), reply: (message) => enter('reply', message), edit: (message) => enter('edit', message), close() { clearTimeout(timer); keep(); } };
}
