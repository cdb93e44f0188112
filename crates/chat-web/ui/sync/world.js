// The rooms that I am in and the news about them: what to listen to, where each resumes, and when the whole picture must be
// asked for again. It must not know how a line is kept alive, or what a room does inside.
import { outbox } from './outbox.js';
import { backoff } from './outside.js';
import { expect } from './problem.js';
import { room as roomOf } from './room.js';

const TOGETHER_MS = 300, SPACING_MS = 2_000; // reasons to ask `/sync` are gathered, and asked apart
const REPAIR_MS = 20_000; // a repair unanswered for so long is over
const REFRESH_MS = 60_000; // for rooms beyond the limit of subscriptions
const TOGETHER = 100; // rooms of one `subscribe`

/** `emit` is the chat's, `setMe(user)` hears of my profile. */
export function world(env, api, link, me, emit, setMe) {
  const { now, after, cancel } = env, rooms = new Map(), waits = backoff(env.random), doubts = backoff(() => 1, SPACING_MS, REFRESH_MS);
  const repairs = new Map(), subscribed = new Set(), resets = new Set(), box = outbox(env, me, link, rooms, (item) => emit('lost', item));
  let limit = 500, mine, running = null, following = null, timer = null, refresh, synced = -Infinity, over = false; // `mine`: my number in `@me`

  function changed(room, parts) {
    if (rooms.get(room.id) !== room) return;
    for (const part of parts) emit('room', room, part);
    if (/room|counts|reset/.test([...parts].join())) emit('rooms');
  }
  function add(room, member) {
    const one = roomOf({ env, api, link, outbox: box, emit, changed, repair, reset, subscribe, syncSoon }, me, room, member);
    rooms.set(room.id, one);
    return one;
  }
  function remove(room, reason) {
    if (rooms.get(room.id) !== room) return;
    for (const held of [rooms, subscribed, repairs]) held.delete(room.id);
    box.leave(room.id);
    emit('evicted', room, reason);
    emit('rooms');
  }
  function meet(room) {
    if (room.room.kind === 'direct' && !room.peer) room.loadMembers().catch(expect);
  }

  /** The whole picture, of a moment after this call. */
  function sync() {
    if (!running) return running = fetchAll().finally(() => { running = null; });
    return following ??= running.catch(expect).then(() => {
      following = null;
      return sync();
    });
  }
  function syncSoon(wait = Math.max(TOGETHER_MS, synced + SPACING_MS - now())) {
    if (!over) timer ??= after(wait, async () => {
      timer = null;
      try {
        await sync();
        subscribe();
      } catch (problem) {
        expect(problem);
        if (problem.status !== 401) syncSoon(waits.next(problem.retry_ms));
      }
    });
  }
  const orSoon = (attempt) => attempt.catch((problem) => {
    expect(problem);
    syncSoon();
  });
  async function fetchAll() {
    const gone = new Set(rooms.values()), picture = await api.sync();
    if (over) return;
    synced = now();
    waits.reset();
    if (picture.seq < mine) return syncSoon(); // Hints were heard that are newer.
    mine = picture.seq;
    setMe(picture.user);
    const beyond = rooms.size > limit;
    for (const entry of picture.rooms) {
      const { id } = entry.room, room = rooms.get(id) ?? add(entry.room, entry.member);
      gone.delete(room);
      changed(room, room.snapshot(entry, beyond && !subscribed.has(id)));
      box.passed(id);
      meet(room);
    }
    for (const room of gone) remove(room, 'left');
    emit('rooms');
    cancel(refresh);
    if (rooms.size > limit) refresh = after(REFRESH_MS, syncSoon);
    if ([...rooms.values()].some(({ doubtful }) => doubtful)) syncSoon(doubts.next());
    else doubts.reset();
  }

  /** A room of which REST told. What is not known of it is asked for. */
  function adopt({ room, member }) {
    let one = rooms.get(room.id);
    if (one) changed(one, one.learn({ room, member }));
    else {
      one = add(room, member ?? { user: me, role: 'member' });
      one.learn({ room, member }, member);
      if (!member) syncSoon(0);
      meet(one);
      emit('rooms');
      subscribe();
    }
    return one;
  }

  /** Listens to what fits: rooms with a piece of history first, then by newest activity. */
  function subscribe() {
    const rank = ({ loaded, last, room }) => (loaded ? '1' : '0') + (last?.at ?? room.created_at);
    const known = [...rooms.values()].filter(({ cursor }) => cursor !== undefined);
    const chosen = known.length > limit ? known.sort((a, b) => (rank(a) < rank(b) ? 1 : -1)).slice(0, limit) : known;
    const out = [...subscribed].filter((id) => !chosen.includes(rooms.get(id))), missing = chosen.filter(({ id }) => !subscribed.has(id));
    for (const id of out) subscribed.delete(id);
    while (out.length) link.request({ type: 'unsubscribe', rooms: out.splice(0, TOGETHER) }).catch(expect);
    while (missing.length) ask(missing.splice(0, TOGETHER));
  }
  async function ask(some) {
    if (!link.live) return;
    for (const { id } of some) {
      subscribed.add(id);
      repairs.set(id, now());
    }
    try {
      const from = ({ id, epoch, cursor }) => ({ room: id, ...(epoch && { epoch }), after: cursor });
      for (const answer of (await link.request({ type: 'subscribe', rooms: some.map(from) })).rooms) answered(answer);
    } catch (problem) {
      expect(problem);
      for (const { id } of some) {
        subscribed.delete(id);
        repairs.delete(id);
      }
      if (problem.retry && link.live) after(problem.retry_ms ?? SPACING_MS, subscribe);
    }
  }
  function answered({ room: id, status, code, ...place }) {
    const room = rooms.get(id);
    if (!room) return;
    if (status === 'reset') return reset(room);
    if (status !== 'catchup') repairs.delete(id);
    if (status !== 'error') return room.place(place);
    subscribed.delete(id);
    if (code !== 'too_many_subscriptions') syncSoon();
  }
  /** A gap: asked for once, however many events show it. */
  function repair(room) {
    if (now() - (repairs.get(room.id) ?? -Infinity) > REPAIR_MS) ask([room]);
  }
  async function reset(room) {
    const { id } = room;
    if (resets.has(id)) return;
    resets.add(id);
    subscribed.delete(id);
    const wasLoaded = room.drop();
    await orSoon(sync().then(() => {
      subscribe();
      return wasLoaded && room.open();
    }));
    resets.delete(id);
    changed(room, ['reset']);
  }

  function hint({ seq, kind, data }) {
    if (seq !== mine + 1) return seq > mine && syncSoon();
    mine = seq;
    const room = rooms.get(data.room), { member } = data;
    if (kind === 'profile') setMe(data);
    if (kind === 'read') room?.markedElsewhere(data.seq);
    if (kind !== 'rooms') return;
    if (room && member.in) changed(room, room.learn({ member }));
    else if (room) remove(room, member.banned ? 'banned' : 'left');
    else if (member.in) orSoon(api.room(data.room).then((found) => adopt({ room: found, member })));
  }

  return {
    rooms, adopt,
    first: () => orSoon(sync()),
    stop(forget) {
      over = true;
      cancel(timer);
      cancel(refresh);
      box.stop(forget);
    },
    /** A new line: nothing is subscribed there. */
    async ready({ seq, limits }) {
      limit = limits.subscriptions;
      subscribed.clear();
      for (const room of rooms.values()) room.resume();
      box.resume();
      if (!(seq <= mine) || [...rooms.values()].some(({ cursor }) => cursor === undefined)) await orSoon(running ?? sync());
      if (seq > mine) syncSoon();
      subscribe();
    },
    take(frame) {
      const room = rooms.get(frame.room), { type } = frame;
      if (type === 'heartbeat') {
        for (const [id, head] of Object.entries(frame.heads)) if (head > rooms.get(id)?.cursor) repair(rooms.get(id));
        if (frame.seq > mine) syncSoon();
      } else if (frame.room === '@me') hint(frame);
      else if (!room) return;
      else if (type === 'reset') reset(room);
      else if (type === 'evicted') remove(room, frame.reason);
      else if (type === 'typing') room.heardTyping(frame);
      else if (type === 'event' || type === 'batch') {
        if (frame.more === false) repairs.delete(room.id);
        room.take(frame);
      }
    },
  };
}
