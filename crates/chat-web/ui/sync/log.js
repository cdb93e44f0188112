// What one room looks like from here, and how events, batches, pages and snapshots change it: an object with a higher `rev`
// replaces the one held. Pure: it must not know the network, time, or who listens.

const HELD = 600; // messages of one room in memory
const CAP = 100; // the server counts no further: it means "99+"

/** Own reactions stay own: live events are the same bytes for everybody and do not tell. */
function keepOwn(held, message, mine) {
  return { ...message, reactions: message.reactions.map((one) => {
    const { count = 0, me } = held.reactions.find(({ emoji }) => emoji === one.emoji) ?? {};
    return (mine && one.count !== count ? one.count > count : me) ? { ...one, me: true } : one;
  }) };
}

/** Reducers give `{gap, parts, seen, fresh}`: what is missing, which parts changed, messages, and those new and of others. */
const outcome = (gap = false) => ({ gap, parts: new Set(), seen: [], fresh: [] });

export function log(me, room, member) {
  let base = { head: 0, unread: 0, mentions: 0 }; // what the server counted
  let fresh = new Map(); // unread number after the base's head → whether it mentions me
  let left; // who is not in, by `rev`, against older pages
  let altered; // the place of the latest deletion or edit: an older snapshot does not know it
  let meanwhile = [], loads = 0; // changes since a page was asked for, which may be older than they are; bounded by its time-out
  let since, catching;

  const mentionsMe = (message) => !message.deleted && (message.mentions_room || message.mentions.includes(me));
  function advance(seq) {
    it.cursor = seq;
    it.head = Math.max(it.head, seq);
  }

  /** A cursor where there is none. */
  function begin(epoch, head) {
    it.place({ epoch, head });
    it.cursor ??= head;
  }
  /** By kind: how an object takes its place. */
  const take = {
    message(message, found, from, by) {
      const { seq, rev, author, deleted } = message, last = it.last?.seq ?? 0;
      if (author !== me) count(message);
      if (loads) meanwhile.push([message, by]);
      if (it.upsert(message, by)) found.parts.add('messages');
      found.parts.add('counts');
      found.seen.push(message);
      if (seq > from && author !== me && !deleted) found.fresh.push(message);
      if (seq < last || (seq === last && rev <= it.last.rev)) return;
      if (!deleted) it.last = message;
      else if (seq === last) {
        it.last = (!it.moreAfter && it.messages.findLast((one) => !one.deleted)) || null;
        if (!it.last && (!it.loaded || it.moreBefore || it.moreAfter)) it.doubtful = true;
      }
    },
    member(member, { parts }) {
      const { user, rev } = member;
      if (user === me && rev > it.member.rev) {
        it.member = member;
        parts.add('room');
      }
      if (rev <= Math.max(it.members.get(user)?.rev ?? 0, left.get(user) ?? 0)) return;
      if (member.in) it.members.set(user, member);
      else {
        it.members.delete(user);
        left.set(user, rev);
      }
      parts.add('members');
    },
    room(room, { parts }) {
      if (room.rev <= it.room.rev) return;
      it.room = room;
      parts.add('room');
    },
  };

  function count(message) {
    const { seq, rev, deleted, edited_at } = message;
    if (deleted || edited_at) altered = Math.max(altered, rev);
    if (seq <= it.read || rev <= base.head) return;
    if (seq > base.head) {
      if (deleted) fresh.delete(seq);
      else fresh.set(seq, mentionsMe(message));
      return;
    }
    const held = it.find(seq);
    if (held && !held.deleted && held.rev < rev) base.mentions += mentionsMe(message) - mentionsMe(held);
    else if (deleted ? base.mentions : edited_at) it.doubtful = true;
    if (!deleted) return;
    if (base.unread >= CAP) it.doubtful = true;
    else if (base.unread) base.unread--;
  }
  function forget(upTo) { for (const seq of fresh.keys()) if (seq <= upTo) fresh.delete(seq); }
  /** After the marker moved. */
  function moved() {
    forget(it.read);
    if (it.read >= base.head) base.unread = base.mentions = 0;
    else if (base.unread) it.doubtful = true;
    recount();
  }
  /** Where the piece holds all that is after the marker. */
  function recount() {
    const first = it.messages[0]?.seq ?? Infinity;
    if (!it.doubtful || !it.loaded || it.moreAfter || (it.moreBefore && first > it.read + 1)) return;
    const unread = it.messages.filter(({ seq, author, deleted }) => seq > it.read && author !== me && !deleted);
    fresh = new Map(unread.map((message) => [message.seq, mentionsMe(message)]));
    base = { head: it.read, unread: 0, mentions: 0 };
    it.doubtful = !it.last && it.moreBefore;
  }
  function trim(atEnd) {
    const surplus = it.messages.length - HELD;
    if (surplus <= 0) return;
    it.messages.splice(atEnd ? HELD : 0, surplus);
    it[atEnd ? 'moreAfter' : 'moreBefore'] = true;
  }

  const it = {
    room, member,
    read: 0, // my marker
    doubtful: false, // a count or `last` cannot be derived: ask the server
    get id() { return it.room.id; },
    get unread() { return Math.min(CAP, base.unread + fresh.size); },
    get mentions() { return Math.min(CAP, base.mentions + [...fresh.values()].filter(Boolean).length); },

    /** At first and after a `reset`: nothing that is held can be trusted. Gives whether a piece was held. */
    drop() {
      const { loaded } = it;
      Object.assign(it, {
        epoch: null, head: 0, last: null,
        cursor: undefined, // no number is above or below it: it is learnt from a page or a snapshot
        messages: [], moreBefore: false, moreAfter: false, loaded: false, // one contiguous piece of the history, oldest first
        members: new Map(), membersLoaded: false,
        room: { ...it.room, rev: 0 }, member: { ...it.member, rev: 0 },
      });
      fresh.clear();
      left = new Map();
      altered = 0;
      catching = false;
      return loaded;
    },

    find: (seq) => it.messages.find((one) => one.seq === seq),

    event({ seq, kind, by, data }) {
      const { cursor } = it, found = outcome(seq > cursor + 1);
      if (seq !== cursor + 1) return found;
      take[kind]?.(data, found, cursor, by);
      advance(seq);
      return found;
    },

    /** A message that was changed later comes in a later batch, so new ones may belong between those held. */
    batch({ epoch, from, to, more, messages, members, state }) {
      const { cursor } = it, found = outcome(from > cursor);
      if (!(from <= cursor) || epoch !== (it.epoch ?? epoch)) return found;
      if (!catching) since = cursor;
      catching = more;
      for (const message of messages.sort((a, b) => a.seq - b.seq)) if (message.rev > cursor) take.message(message, found, since);
      for (const one of members) take.member(one, found);
      if (state) take.room(state, found);
      it.epoch = epoch;
      advance(Math.max(to, cursor));
      return found;
    },

    /** The answer to `subscribe`. It never moves the cursor. */
    place({ epoch, head }) {
      it.epoch ??= epoch;
      it.head = Math.max(it.head, head);
    },

    /** Objects that came by another way. A room joined just now begins at the member change. */
    learn({ room, member }, begins) {
      const found = outcome();
      if (room) take.room(room, found);
      if (member) take.member(member, found);
      if (begins) {
        advance(member.rev);
        it.mark(it.cursor);
      }
      return found.parts;
    },

    /** One room of `/sync`. It places the cursor where there is none, or where nothing is heard (`unheard`). */
    snapshot({ epoch, head, read, unread, mentions, last, peer = it.peer, ...objects }, unheard) {
      const parts = it.learn(objects), isOld = head < it.cursor;
      it.doubtful = isOld && (it.doubtful && !it.last || altered > head);
      it.peer = peer;
      if (!isOld) it.last = last;
      if (unheard && head > it.cursor) Object.assign(it, { epoch: null, cursor: undefined, moreAfter: it.loaded, membersLoaded: false });
      begin(epoch, head);
      base = { head, unread, mentions };
      forget(head);
      it.read = Math.max(it.read, read);
      if (it.read > read || read >= head) moved();
      recount();
      return parts.add('counts');
    },

    /** Before a page is asked for; `settle` follows whatever comes of it. */
    expect() { loads++; },
    settle() { if (!--loads) meanwhile = []; },

    /** A page takes its place: instead of the piece, or at its `side`. */
    page({ items, epoch, head, more_before, more_after }, side) {
      begin(epoch, head);
      it.loaded = true;
      it.messages = side === 'before' ? [...items, ...it.messages] : side ? [...it.messages, ...items] : items;
      if (side !== 'after') it.moreBefore = more_before;
      if (side !== 'before') it.moreAfter = more_after;
      trim(side === 'before');
      for (const change of meanwhile) it.upsert(...change);
      recount();
    },

    /** The marker moves forward only; gives whether it did. */
    mark(seq) {
      if (seq <= it.read) return false;
      it.read = seq;
      moved();
      return true;
    },

    /** Gives whether the piece changed. Without `by` the object is from REST or a batch, with own reactions marked. */
    upsert(message, by) {
      const at = it.messages.findLastIndex(({ seq }) => seq < message.seq) + 1, held = it.messages[at];
      if (held?.seq === message.seq) {
        if (message.rev <= held.rev) return false;
        it.messages[at] = by ? keepOwn(held, message, by === me) : message;
      } else {
        if (!it.loaded || (at === 0 && it.moreBefore) || (at === it.messages.length && it.moreAfter)) return false;
        it.messages.splice(at, 0, message);
        trim();
      }
      return true;
    },

    /** What an acknowledged reaction tells, where no event will. */
    own(seq, emoji, on) {
      const reaction = it.find(seq)?.reactions.find((one) => one.emoji === emoji);
      if (on && reaction) reaction.me = true;
      else delete reaction?.me;
    },
  };
  it.drop();
  return it;
}
