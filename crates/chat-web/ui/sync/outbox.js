// What I said and the server has not shown back. Each item is stored under a key of its own, so that tabs cannot overwrite each
// other, and keeps its nonce, so that sending again posts nothing twice; a room's items go one after the other. It must not know how they look.
import { backoff } from './outside.js';
import { expect } from './problem.js';

/** `rooms` know how far they heard, and look different when something changes here; `lost(item)` was said where I am no more. */
export function outbox({ shelf, now, random, after }, user, link, rooms, lost) {
  const items = new Map(), waits = backoff(random, 1_000), prefix = `chat.outbox.${user}.`;
  const of = (room) => [...items.values()].filter((item) => item.room === room).sort((a, b) => a.at - b.at);

  function note(item, changes) {
    Object.assign(item, changes);
    if (items.get(item.nonce) !== item) return;
    shelf.set(prefix + item.nonce, JSON.stringify(item));
    rooms.get(item.room)?.touch('outbox');
  }
  function remove(item) {
    if (!item) return;
    const { nonce, room } = item;
    items.delete(nonce);
    shelf.remove(prefix + nonce);
    rooms.get(room)?.touch('outbox');
    pump(room);
  }
  const dice = () => Array.from({ length: 20 }, () => Math.floor(random() * 36).toString(36)).join('');
  function add({ room, text, reply_to }, nonce = dice()) {
    const at = Math.max(now(), ...of(room).map((item) => item.at + 1));
    const item = { nonce, room, text, reply_to, state: 'queued', code: null, retryAt: null, at };
    items.set(nonce, item);
    note(item);
    pump(room);
    return nonce;
  }

  /** The first that is not through goes; the others wait. */
  async function pump(room) {
    const item = of(room).find(({ state }) => state === 'queued' || state === 'sending');
    if (item?.state !== 'queued' || item.retryAt || !link.live) return;
    note(item, { state: 'sending' });
    try {
      const { nonce, text, reply_to } = item;
      const { seq } = await link.request({ type: 'send', room, nonce, text, ...(reply_to && { reply_to }) });
      waits.reset();
      note(item, { state: 'sent', seq });
      passed(room);
    } catch (problem) {
      expect(problem);
      const { code, retry, retry_ms } = problem;
      if (!retry) {
        note(item, { state: 'failed', code });
        leave(room);
      }
      else if (!link.live) return note(item, { state: 'queued' }); // `resume` comes
      else {
        const wait = waits.next(retry_ms);
        note(item, { state: 'queued', retryAt: now() + wait });
        return after(wait, () => {
          note(item, { retryAt: null });
          pump(room);
        });
      }
    }
    pump(room);
  }
  /** What failed in a room that is not mine any more has no place to be seen. */
  function leave(room) {
    if (rooms.has(room)) return;
    for (const item of of(room)) {
      if (item.state !== 'failed') continue;
      remove(item);
      lost(item);
    }
  }
  /** Sent, and in the log, though outside of what is shown. */
  function passed(room) {
    for (const item of of(room)) if (item.state === 'sent' && item.seq <= rooms.get(room)?.cursor) remove(item);
  }

  for (const key of shelf.keys(prefix)) {
    const item = JSON.parse(shelf.get(key));
    items.set(item.nonce, item.state === 'failed' ? item : { ...item, state: 'queued', retryAt: null });
  }
  return {
    of, add, passed, leave,
    discard: (nonce) => remove(items.get(nonce)),
    /** To the end of the queue. A nonce in conflict belongs to another message. */
    retry(nonce) {
      const item = items.get(nonce);
      if (item?.state !== 'failed') return;
      remove(item);
      add(item, item.code === 'nonce_conflict' ? undefined : nonce);
    },
    /** The message itself is there. */
    seen({ nonce, author }) { if (nonce && author === user) remove(items.get(nonce)); },
    resume() { for (const { room } of items.values()) pump(room); },
    stop(forget) {
      if (forget) for (const nonce of items.keys()) shelf.remove(prefix + nonce);
      items.clear();
    },
  };
}
