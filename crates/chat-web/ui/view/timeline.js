// The timeline of a room: a window of some messages on the piece of history that the room holds. Rows are made anew only when
// what they show changed; whatever is added or dropped above, what the reader looks at stays where it is.
import { bdi, button, fill, h, icon } from './dom.js';
import { day, dayKey, t } from '../text/say.js';
import { attempt } from './over.js';
import { pendingRow, row } from './message.js';
import { actions } from './actions.js';
import { titleOf } from './names.js';

/** Rows shown at least: on a higher screen there are two and a half screens of the lowest rows, which have 24 pixels. */
const ROWS = 60;
/** Pixels from an end at which more is fetched, and within which the end is followed. */
const NEAR = 700;
const END = 40;
/** Messages of one author within this stand together, in milliseconds. */
const TOGETHER = 3e5;

export function timeline(chat, room, does) {
  const list = h('ol');
  const scroll = h('div.scroll', { tabIndex: 0, role: 'region', onscroll: scrolled }, list);
  const jump = button('button.jump', '', toEnd, { hidden: true });
  const node = h('div.timeline', scroll, jump);
  const moved = actions(chat, room, list, does);
  const shown = new Map(); // key → { sign, node }
  let from = null; // seq of the first message shown; null: as many as fit before the last
  let to = null; // seq of the last one shown; null: the newest
  let follows = true;
  let newFrom = null; // read up to here when the room was opened
  let isBlank = true;
  let isBusy = false;
  let frame = 0;
  let was = 0; // where the scroll stood at the last look: only who moves towards an end gets more of it

  const most = () => Math.max(ROWS, (scroll.clientHeight / 20 | 0) * 2);
  const step = () => most() >> 2; // rows that come when an end comes near: what is in sight stays among those that are kept
  const left = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
  const bottom = () => { scroll.scrollTop = scroll.scrollHeight; };
  const at = (seq) => list.querySelector(`[data-seq="${seq}"]`);

  /** Shows the message asked for, or the oldest unread, or the newest. */
  async function open(seq) {
    scroll.ariaLabel = list.ariaLabel = t('messages', { name: titleOf(chat, room) });
    newFrom = room.unread > 0 ? room.read : null;
    const wanted = seq ?? newFrom;
    await attempt(async () => {
      await room.open();
      const misses = () => (room.moreBefore && room.messages[0]?.seq > newFrom + 1) || (room.moreAfter && !(room.messages.at(-1)?.seq > newFrom));
      if (wanted === null) await room.latest();
      else if (seq || misses()) await room.jump(Math.max(1, wanted));
      if (wanted === newFrom && wanted && misses()) await room.loadAfter();
    });
    isBlank = false;
    from = to = null;
    follows = wanted === null;
    if (!follows) around(seq ?? room.messages.find((one) => one.seq > newFrom)?.seq);
    draw();
    const target = seq ? at(seq) : list.querySelector('.new');
    if (!target) bottom();
    else if (seq) {
      target.scrollIntoView({ block: 'center' });
      target.classList.add('flash');
      target.focus({ preventScroll: true });
    } else scroll.scrollTop = target.offsetTop - 60;
    scrolled();
  }

  function around(seq) {
    const { messages, moreAfter } = room;
    const index = Math.max(0, messages.findIndex((one) => one.seq >= seq));
    from = messages[Math.max(0, index - most() / 2)]?.seq ?? null;
    to = messages[index + most() / 2]?.seq ?? (moreAfter ? messages.at(-1)?.seq : null) ?? null;
  }

  async function toEnd() {
    if (room.moreAfter) await attempt(() => room.latest());
    from = to = null;
    follows = true;
    draw();
  }

  /** The piece that is shown. Who follows the end gets it; who reads further up keeps the place. */
  function range() {
    const { messages } = room;
    const past = to === null ? -1 : messages.findIndex(({ seq }) => seq > to);
    let end = past < 0 ? messages.length : past;
    let start = from === null ? Math.max(0, end - most()) : Math.max(0, messages.findIndex(({ seq }) => seq >= from));
    if (end - start > most()) follows ? (start = end - most()) : (end = start + most());
    return { start, end, isNewest: end === messages.length && !room.moreAfter };
  }

  /** Every row that is to be there. */
  function wanted() {
    const { messages, moreBefore } = room;
    const { start, end, isNewest } = range();
    const line = (key, sign, look, ...more) => ({ key, sign, make: () => h(`li.${look}`, more) });
    if (!room.loaded || isBlank) return [line('wait', '', 'load', t('loading'))];
    const name = titleOf(chat, room);
    const { topic } = room.room;
    const rows = [start || moreBefore ? line('before', '', 'load', t('loading')) : line('opening', name + topic, 'opening', h('h3', bdi(name)), h('p', t('beginning')), topic && h('p', bdi(topic)))];
    let last = null;
    let isMarked = newFrom === null;
    for (const message of messages.slice(start, end)) {
      const { at: when, author, seq } = message;
      if (!last || dayKey(last.at) !== dayKey(when)) {
        rows.push(line(dayKey(when), day(when), 'day', day(when)));
        last = null;
      }
      if (!isMarked && seq > newFrom && author !== chat.me.id) {
        isMarked = true;
        last = null;
        rows.push(line('new', '', 'day.new', t('new_line')));
      }
      rows.push(row(chat, room, message, last?.author !== author || message.reply_to || new Date(when) - new Date(last.at) > TOGETHER));
      last = message;
    }
    if (isNewest) {
      for (const item of room.outbox) {
        rows.push(pendingRow(chat, room, item, last?.author !== chat.me.id || item.reply_to));
        last = { author: chat.me.id };
      }
    }
    return rows;
  }

  function draw() {
    const edge = scroll.getBoundingClientRect().top;
    const anchor = follows ? null : [...list.children].find((one) => one.dataset.key && one.getBoundingClientRect().bottom > edge);
    const before = anchor?.getBoundingClientRect().bottom;
    const rows = wanted();
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, held] of shown) {
      if (keys.has(key)) continue;
      held.node.remove();
      shown.delete(key);
    }
    let next = list.firstChild;
    for (const { key, sign, make } of rows) {
      let held = shown.get(key);
      if (held?.sign !== sign) {
        const fresh = make();
        if (held) {
          moved(held.node, fresh);
          if (next === held.node) next = fresh;
          held.node.replaceWith(fresh);
        }
        held = { sign, node: fresh };
        shown.set(key, held);
      }
      if (held.node === next) next = next.nextSibling;
      else list.insertBefore(held.node, next);
    }
    const kept = anchor && (anchor.isConnected ? anchor : shown.get(anchor.dataset.key)?.node);
    if (follows) bottom();
    else if (kept) scroll.scrollTop += kept.getBoundingClientRect().bottom - before;
    was = scroll.scrollTop;
    look();
  }

  function scrolled() {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      follows = range().isNewest && left() < END;
      if (follows) from = to = null;
      look();
      const { start, end } = range();
      const way = end - start < most() ? 0 : scroll.scrollTop - was || NaN;
      was = scroll.scrollTop;
      if (way <= 0 && was < NEAR) extend(-1);
      else if (way >= 0 && left() < NEAR) extend(1);
    });
  }

  /** Moves the window towards an end, and loads when the piece is used up. */
  async function extend(way) {
    let { start, end, isNewest } = range();
    if (isBusy || isBlank || (way < 0 ? !start && !room.moreBefore : isNewest)) return;
    isBusy = true;
    const first = room.messages[start]?.seq ?? 0;
    const last = room.messages[end - 1]?.seq ?? 0;
    const went = await attempt(async () => {
      if (way < 0 && start < step() && room.moreBefore) await room.loadBefore();
      if (way > 0 && room.messages.length - end < step() && room.moreAfter) await room.loadAfter();
    });
    const { messages } = room;
    if (way < 0) {
      start = Math.max(0, messages.findIndex(({ seq }) => seq >= first) - step());
      end = start + most();
    } else {
      end = messages.findLastIndex(({ seq }) => seq <= last) + 1 + step();
      start = Math.max(0, end - most());
    }
    from = messages[start]?.seq ?? null;
    to = end >= messages.length && !room.moreAfter ? null : messages[Math.min(end, messages.length) - 1]?.seq ?? null;
    follows = false;
    isBusy = false;
    draw();
    if (went) scrolled();
  }

  /** What was in sight of somebody who looks is read; who is far from the end is shown the way. */
  function look() {
    const isFar = !follows && !isBlank && (left() > 300 || room.moreAfter);
    jump.hidden = !isFar;
    if (isFar) fill(jump, icon('down'), room.unread ? t('n_new', { n: room.unread }) : t('newest'));
    if (document.hidden || !document.hasFocus() || isBlank) return;
    const edge = scroll.getBoundingClientRect().bottom + 4;
    const seen = follows ? room.messages.at(-1)?.seq : [...list.querySelectorAll('[data-seq]')].findLast((one) => one.getBoundingClientRect().bottom <= edge)?.dataset.seq;
    if (seen) room.markRead(Number(seen));
  }

  scroll.addEventListener('keydown', (event) => {
    const all = [...list.querySelectorAll('.message')];
    const now = all.indexOf(event.target.closest('.message'));
    // From the region itself one comes to the newest, however one enters.
    const next = all[{ ArrowUp: now < 0 ? all.length - 1 : now - 1, ArrowDown: now + 1 || all.length - 1, Home: 0, End: all.length - 1 }[event.key]];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  addEventListener('focus', look);
  document.addEventListener('visibilitychange', look);
  const sizes = new ResizeObserver(() => follows && bottom());
  sizes.observe(scroll);

  return {
    node, open, draw, toEnd,
    focus: () => ([...list.querySelectorAll('.message')].at(-1) ?? scroll).focus(),
    lastOwn: () => room.messages.findLast(({ author, deleted }) => author === chat.me.id && !deleted),
    close() {
      removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
      sizes.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}
