// A room is its log with hands: it loads history, sends, and marks what was read. It must not know other rooms or when the line is renewed.
import { log } from './log.js';
import { expect } from './problem.js';

const PAGE = 50, TYPING_MS = 3_000, READ_MS = 400;

/** Besides `env`, `api`, `link` and `outbox` it is given what to tell: `changed(room, parts)`, `repair(room)`, `reset(room)`, and that it has history (`subscribe`) or doubts (`syncSoon`). */
export function room({ env: { now, after }, api, link, outbox, emit, changed, repair, reset, subscribe, syncSoon }, me, ...objects) {
  const it = log(me, ...objects), { id, drop } = it, loading = new Map();
  let turn = 0, typed = -Infinity, unsaid = false, reader = null;

  /** All of these change nothing when repeated, so what the socket lost may go by REST. */
  async function say(type, values) {
    try {
      if (link.live) return await link.request({ type, room: id, ...values });
    } catch (problem) {
      if (link.live || !problem.retry) throw problem;
    }
    return await api[type](id, ...Object.values(values)) ?? {};
  }
  async function tell() {
    reader = null;
    unsaid = false;
    try {
      await say('read', { seq: it.read });
    } catch (problem) {
      expect(problem);
      unsaid = problem.retry;
      if (problem.retry_ms) reader ??= after(problem.retry_ms, tell);
    }
    if (it.doubtful) syncSoon();
  }

  function once(name, act) {
    if (!loading.has(name)) {
      const mine = act().finally(() => loading.get(name) === mine && loading.delete(name));
      loading.set(name, mine);
    }
    return loading.get(name);
  }
  async function load(where, side) {
    const mine = side ? turn : ++turn, cursor = it.cursor ?? 0;
    it.expect();
    try {
      const page = await api.messages(id, { ...where, limit: PAGE });
      const edge = it.messages.at(side === 'before' ? 0 : -1)?.seq ?? 0;
      if (mine !== turn || (side && edge !== where[side])) return;
      if (page.epoch !== (it.epoch ?? page.epoch)) return reset(it);
      for (const message of page.items) outbox.seen(message);
      // A replica may lag: a page older than the cursor has a hole at its end.
      it.page({ ...page, more_after: page.more_after || page.head < cursor }, side);
      it.touch('messages', 'counts');
      subscribe();
    } finally {
      it.settle();
    }
  }
  const newest = () => once('newest', () => load({}));
  const beside = (side, seq) => once(side, () => load({ [side]: seq }, side));
  async function allMembers() {
    for (let cursor; cursor !== null;) {
      const { items, next } = await api.members(id, cursor);
      for (const member of items) {
        it.learn({ member });
        if (it.room.kind === 'direct' && member.user !== me) it.peer = member.user;
      }
      cursor = next;
    }
    it.membersLoaded = true;
    it.touch('members');
  }

  Object.defineProperty(it, 'outbox', { get: () => outbox.of(id) });
  return Object.assign(it, {
    typing: new Map(),
    /** Messages outside of the piece that somebody looks at: answered, pinned. */
    aside: new Map(),

    /** Says that a part looks different. */
    touch: (...parts) => changed(it, parts),

    /** An event or a batch. */
    take(frame) {
      const found = it[frame.type](frame), { parts } = found;
      if (found.gap) return repair(it);
      for (const message of found.seen) {
        outbox.seen(message);
        if (it.aside.has(message.seq)) it.aside.set(message.seq, message);
        if (message.rev === message.seq && it.typing.delete(message.author)) parts.add('typing');
      }
      outbox.passed(id);
      it.touch(...parts);
      for (const message of found.fresh) emit('message', it, message);
      if (it.doubtful) syncSoon();
    },

    /** The newest page, unless a piece is held. */
    async open() { if (!it.loaded) await newest(); },
    /** The piece that ends with the newest message. */
    async latest() { if (!it.loaded || it.moreAfter) await newest(); },
    /** A piece around a message. */
    async jump(seq) {
      if (!it.find(seq)) await load({ around: seq });
      if (!it.messages.length) await newest(); // Beyond the head there is nothing.
    },
    async loadBefore() { if (it.moreBefore && it.messages.length) await beside('before', it.messages[0].seq); },
    async loadAfter() { if (it.moreAfter) await beside('after', it.messages.at(-1)?.seq ?? 0); },
    /** All of them. A direct room learns its peer. */
    async loadMembers() { if (!it.membersLoaded) await once('members', allMembers); },

    /** Gives the nonce under which it stands in `outbox`. */
    send: (text, reply_to = null) => outbox.add({ room: id, text, reply_to }),
    retry: outbox.retry,
    discard: outbox.discard,

    async edit(seq, text) {
      const message = await say('edit', { seq, text });
      if (message.author && it.upsert(message)) it.touch('messages');
    },
    delete: (seq) => say('delete', { seq }),
    async react(seq, emoji, on) {
      await say('react', { seq, emoji, on });
      it.own(seq, emoji, on);
      it.touch('messages');
    },

    /** Counts change at once; the server hears a little later, once for many. */
    markRead(seq) {
      if (!it.mark(Math.min(seq, it.head))) return;
      unsaid = true;
      it.touch('counts');
      reader ??= after(READ_MS, tell);
    },
    /** Another device read. */
    markedElsewhere(seq) {
      if (!it.mark(seq)) return;
      it.touch('counts');
      if (it.doubtful) syncSoon();
    },
    /** On a new line. */
    resume() { if (unsaid) tell(); },

    type(on) {
      const at = now();
      if (at - typed < TYPING_MS || (!on && typed === -Infinity)) return;
      typed = on ? at : -Infinity;
      link.push({ type: 'typing', room: id, on });
    },
    heardTyping({ user, on, ttl_ms }) {
      const { typing } = it;
      if (on) {
        typing.set(user, now() + ttl_ms);
        after(ttl_ms, () => { if (typing.get(user) <= now() && typing.delete(user)) it.touch('typing'); });
      } else typing.delete(user);
      it.touch('typing');
    },

    /** Pages under way are of the state that is dropped. */
    drop() {
      turn++;
      loading.clear();
      it.aside.clear();
      return drop();
    },
  });
}
