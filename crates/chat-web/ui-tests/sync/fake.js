// A clock that is turned by hand, seeded dice, a storage, and a server in memory that speaks enough of the protocol to be
// hostile on purpose. It is written from the protocol's page alone and must not know the client under test.

/** Seeded dice: mulberry32. */
export function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

/** Whatever follows without time passing has followed: a request takes a few turns of the loop. */
async function settled() {
  for (let turn = 0; turn < 12; turn++) await soon();
}

/** Time stands still unless `pass(ms)` says otherwise. */
export class FakeClock {
  #now = 1_700_000_000_000;
  #next = 1;
  #timers = new Map();

  now = () => this.#now;
  setTimeout = (act, ms = 0) => {
    this.#timers.set(this.#next, { due: this.#now + Math.max(ms, 0), act });
    return this.#next++;
  };
  clearTimeout = (id) => { this.#timers.delete(id); };

  /** Runs what is due, in order, and everything that follows from it. */
  async pass(ms) {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.due <= end).sort((a, b) => a[1].due - b[1].due || a[0] - b[0])[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].due);
      due[1].act();
      await settled();
    }
    this.#now = end;
    await settled();
  }

  /** The machine sleeps: timers that were due all fire afterwards. */
  async sleep(ms) {
    this.#now += ms;
    await this.pass(0);
  }
}

/** A `Storage`. */
export class FakeStorage {
  map = new Map();
  get length() { return this.map.size; }
  key(index) { return [...this.map.keys()][index] ?? null; }
  getItem(key) { return this.map.get(key) ?? null; }
  setItem(key, value) { this.map.set(key, String(value)); }
  removeItem(key) { this.map.delete(key); }
}

/** `navigator.locks`, between the tabs of one test. */
export class FakeLocks {
  #tails = new Map();
  request(name, act) {
    const turn = (this.#tails.get(name) ?? Promise.resolve()).then(act);
    this.#tails.set(name, turn.catch(() => {}));
    return turn;
  }
}

const LIMITS = { frame: 65536, text: 4000, subscriptions: 500, inflight: 32, rooms_per_subscribe: 100 };

/** Rooms as logs, users, sessions, sockets. Tests change its fields and read its lists. */
export class FakeServer {
  constructor(clock) {
    this.clock = clock;
    this.rooms = new Map();
    this.users = new Map();
    this.tokens = new Map(); // Access token → user id.
    this.refreshes = new Map(); // Refresh token → user id.
    this.mine = new Map(); // User id → `@me` number.
    this.reads = new Map(); // "room user" → seq.
    this.sockets = [];
    this.asked = []; // REST requests: "GET /sync".
    this.heard = []; // Client frames.
    this.limits = { ...LIMITS };
    this.heartbeat_ms = 25_000;
    this.expires_in = 900;
    this.down = false; // Neither REST nor sockets.
    this.answers = {}; // Frame type → (frame, socket) → what to say instead, or nothing.
    this.rest = {}; // "GET /sync" → () → { status, body }.
    this.hostile = null; // (frame, socket) → list of frames that arrive in its place.
    this.serial = 0;
    const server = this;
    this.WebSocket = class {
      constructor(url, protocol) {
        Object.assign(this, { url, protocol, user: null, open: false, cursors: new Map(), watched: new Set() });
        server.sockets.push(this);
        setImmediate(() => {
          if (server.down) return this.drop(1006);
          this.open = true;
          this.onopen?.();
        });
      }
      get readyState() { return this.open ? 1 : 3; }
      send(text) { if (this.open) server.take(this, JSON.parse(text)); }
      close() { this.open = false; }
      /** The server's end, or the line's. */
      drop(code = 1006) {
        this.open = false;
        setImmediate(() => this.onclose?.({ code }));
      }
      push(frame) {
        const frames = server.hostile && !frame.id && frame.type !== 'ready' ? server.hostile(frame, this) : [frame];
        for (const one of frames) setImmediate(() => { if (this.open) this.onmessage?.({ data: JSON.stringify(one) }); });
      }
    };
    this.fetch = async (url, { method, headers, body }) => {
      const { pathname, searchParams } = new URL(url);
      const path = pathname.replace('/api/v1', '');
      this.asked.push(`${method} ${path}`);
      await soon();
      if (this.down) throw new TypeError('fetch failed');
      const user = this.tokens.get(headers.authorization?.replace('Bearer ', ''));
      const given = this.rest[`${method} ${path}`]?.(body && JSON.parse(body));
      const { status, body: value } = given ?? this.answer(method, path, searchParams, body && JSON.parse(body), user);
      await soon();
      if (this.down) throw new TypeError('fetch failed');
      return { ok: status < 400, status, text: async () => (value === undefined ? '' : JSON.stringify(value)) };
    };
  }

  get socket() { return this.sockets.at(-1); }

  user(name) {
    const user = { id: `u-${name}`, username: name, display_name: name, bot: false, deleted: false, created_at: this.at() };
    this.users.set(user.id, user);
    return user;
  }

  at() { return new Date(this.clock.now()).toISOString(); }

  grant(user) {
    const access_token = `a${++this.serial}`, refresh_token = `r${this.serial}`;
    this.tokens.set(access_token, user.id);
    this.refreshes.set(refresh_token, user.id);
    return { access_token, refresh_token, token_type: 'Bearer', expires_in: this.expires_in, session: `s-${user.id}`, user };
  }

  room(id, ...members) {
    const entry = { epoch: 'e1', floor: 0, log: [], messages: new Map(), members: new Map(), nonces: new Map(), mine: new Map(),
      room: { id, rev: 0, kind: 'public', name: id, topic: '', slow_mode_s: 0, created_at: this.at(), pins: [], archived: false } };
    this.rooms.set(id, entry);
    this.commit(id, members[0].id, 'room', (rev) => (entry.room = { ...entry.room, rev }));
    for (const member of members) this.join(id, member);
    return entry;
  }

  commit(id, by, kind, make) {
    const entry = this.rooms.get(id);
    const seq = entry.log.length + 1;
    const data = make(seq);
    const event = { type: 'event', room: id, seq, kind, by, data };
    entry.log.push(event);
    for (const socket of this.sockets) if (socket.open && socket.cursors.has(id)) socket.push(event);
    return data;
  }

  join(id, user, is = true) {
    const entry = this.rooms.get(id);
    const member = this.commit(id, user.id, 'member', (rev) => ({ room: id, user: user.id, rev, role: 'member', in: is, muted_until: null, banned: false, joined_at: this.at() }));
    entry.members.set(user.id, member);
    if (is) this.reads.set(`${id} ${user.id}`, member.rev);
    if (!is) for (const socket of this.sockets) if (socket.user === user.id) socket.cursors.delete(id);
    this.hint(user.id, 'rooms', { room: id, member });
    return member;
  }

  hint(user, kind, data) {
    const seq = (this.mine.get(user) ?? 0) + 1;
    this.mine.set(user, seq);
    for (const socket of this.sockets) if (socket.open && socket.user === user) socket.push({ type: 'event', room: '@me', seq, kind, data });
  }

  post(id, user, text, { nonce = `n${++this.serial}-padding`, mentions = [], mentions_room = false, reply_to = null } = {}) {
    const entry = this.rooms.get(id), known = entry.nonces.get(`${user.id} ${nonce}`);
    if (known) return { message: entry.messages.get(known), duplicate: true };
    const message = this.commit(id, user.id, 'message', (seq) => this.keep(entry, { room: id, seq, rev: seq, author: user.id, at: this.at(), text, reply_to,
      mentions, mentions_room, reactions: [], edited_at: null, deleted: false, nonce }));
    entry.nonces.set(`${user.id} ${nonce}`, message.seq);
    return { message, duplicate: false };
  }

  change(id, by, seq, changes) {
    const entry = this.rooms.get(id);
    return this.commit(id, by.id, 'message', (rev) => this.keep(entry, { ...entry.messages.get(seq), ...changes, rev }));
  }

  edit(id, by, seq, text) { return this.change(id, by, seq, { text, edited_at: this.at() }); }
  delete(id, by, seq) { return this.change(id, by, seq, { text: null, deleted: true, mentions: [], reactions: [] }); }
  react(id, by, seq, emoji, on) {
    const entry = this.rooms.get(id), key = `${seq} ${emoji}`;
    const who = entry.mine.get(key) ?? new Set();
    entry.mine.set(key, who);
    if (who.has(by.id) === on) return null;
    who[on ? 'add' : 'delete'](by.id);
    const others = entry.messages.get(seq).reactions.filter((one) => one.emoji !== emoji);
    return this.change(id, by, seq, { reactions: [...others, ...(who.size ? [{ emoji, count: who.size }] : [])] });
  }

  keep(entry, message) {
    entry.messages.set(message.seq, message);
    return message;
  }

  /** The object as `user` sees it over REST and in batches. */
  seen(entry, message, user) {
    const { nonce, ...rest } = message;
    const reactions = message.reactions.map((one) => (entry.mine.get(`${message.seq} ${one.emoji}`)?.has(user) ? { ...one, me: true } : one));
    return { ...rest, reactions, ...(message.author === user && { nonce }) };
  }

  batch(id, from, to, user) {
    const entry = this.rooms.get(id), inside = ({ rev }) => rev > from && rev <= to, head = entry.log.length;
    return { type: 'batch', room: id, epoch: entry.epoch, from, to, head, more: to < head,
      messages: [...entry.messages.values()].filter(inside).map((message) => this.seen(entry, message, user)),
      members: [...entry.members.values()].filter(inside), ...(inside(entry.room) && { state: entry.room }) };
  }

  sync(user) {
    const rooms = [...this.rooms.values()].filter(({ members }) => members.get(user)?.in).map((entry) => {
      const read = this.reads.get(`${entry.room.id} ${user}`) ?? 0;
      const alive = [...entry.messages.values()].filter(({ deleted }) => !deleted).sort((a, b) => a.seq - b.seq);
      const unread = alive.filter(({ seq, author }) => seq > read && author !== user);
      return { room: entry.room, member: entry.members.get(user), epoch: entry.epoch, head: entry.log.length, floor: entry.floor, read,
        unread: Math.min(unread.length, 100), mentions: Math.min(100, unread.filter((one) => one.mentions_room || one.mentions.includes(user)).length),
        last: alive.length ? this.seen(entry, alive.at(-1), user) : null };
    });
    return { user: this.users.get(user), seq: this.mine.get(user) ?? 0, rooms };
  }

  page(id, fields, user) {
    const entry = this.rooms.get(id), limit = Number(fields.get('limit') ?? 50);
    const all = [...entry.messages.values()].sort((a, b) => a.seq - b.seq).map((message) => this.seen(entry, message, user));
    const [before, after, around] = ['before', 'after', 'around'].map((name) => (fields.has(name) ? Number(fields.get(name)) : null));
    let items = all.slice(-limit);
    if (before !== null) items = all.filter(({ seq }) => seq < before).slice(-limit);
    if (after !== null) items = all.filter(({ seq }) => seq > after).slice(0, limit);
    if (around !== null) {
      const older = all.filter(({ seq }) => seq < around), newer = all.filter(({ seq }) => seq >= around);
      items = [...older.slice(-(limit >> 1)), ...newer.slice(0, limit - (limit >> 1))];
    }
    const first = items[0]?.seq ?? before ?? Infinity, last = items.at(-1)?.seq ?? after ?? 0;
    return { items, epoch: entry.epoch, head: entry.log.length, floor: entry.floor, more_before: all.some(({ seq }) => seq < first), more_after: all.some(({ seq }) => seq > last) };
  }

  answer(method, path, fields, body, user) {
    const refuse = (status, code) => ({ status, body: { code, status } });
    if (path === '/sessions') {
      const found = [...this.users.values()].find(({ username }) => username === body?.username);
      if (method === 'POST') return found ? { status: 201, body: this.grant(found) } : refuse(401, 'bad_credentials');
    }
    if (path === '/sessions/refresh') {
      const owner = this.refreshes.get(body.refresh_token);
      this.refreshes.delete(body.refresh_token);
      return owner ? { status: 200, body: this.grant(this.users.get(owner)) } : refuse(401, 'session_revoked');
    }
    if (!user) return refuse(401, 'token_expired');
    if (path === '/sync') return { status: 200, body: this.sync(user) };
    if (path === '/sessions/current') return { status: 204 };
    if (path === '/users') return { status: 200, body: { items: fields.get('ids').split(',').map((id) => this.users.get(id)).filter(Boolean), next: null } };
    const [, , id, what, seq] = path.split('/');
    const entry = this.rooms.get(id);
    if (!entry) return refuse(404, 'not_found');
    if (!what) return { status: 200, body: entry.room };
    if (what === 'messages' && !seq) return { status: 200, body: this.page(id, fields, user) };
    if (what === 'members') return { status: 200, body: { items: [...entry.members.values()].filter((member) => member.in), next: null } };
    if (what === 'read') {
      this.read(id, user, body.seq);
      return { status: 204 };
    }
    return refuse(404, 'not_found');
  }

  read(id, user, seq) {
    const key = `${id} ${user}`;
    if (seq <= (this.reads.get(key) ?? 0)) return;
    this.reads.set(key, Math.min(seq, this.rooms.get(id).log.length));
    this.hint(user, 'read', { room: id, seq: this.reads.get(key) });
  }

  /** What a client says. */
  take(socket, frame) {
    this.heard.push(frame);
    const say = (answer) => socket.push({ id: frame.id, ...answer });
    const given = this.answers[frame.type]?.(frame, socket);
    if (given) return given === 'silence' ? undefined : say(given);
    const user = this.users.get(socket.user);
    if (frame.type === 'auth') {
      const owner = this.tokens.get(frame.token);
      if (!owner) return socket.drop(4401);
      if (socket.user) return say({ type: 'ok', expires_at: this.at() });
      socket.user = owner;
      return say({ type: 'ready', user: this.users.get(owner), session: `s-${owner}`, node: 'n1', expires_at: this.at(), heartbeat_ms: this.heartbeat_ms, seq: this.mine.get(owner) ?? 0, limits: this.limits });
    }
    if (frame.type === 'ping') return say({ type: 'pong' });
    if (frame.type === 'subscribe') return this.subscribe(socket, frame, say);
    if (frame.type === 'unsubscribe') for (const id of frame.rooms) socket.cursors.delete(id);
    if (frame.type === 'read') this.read(frame.room, socket.user, frame.seq);
    if (frame.type === 'send') {
      const { message, duplicate } = this.post(frame.room, user, frame.text, frame);
      return say({ type: 'ok', seq: message.seq, rev: message.rev, at: message.at, duplicate });
    }
    if (frame.type === 'react') {
      const message = this.react(frame.room, user, frame.seq, frame.emoji, frame.on) ?? this.rooms.get(frame.room).messages.get(frame.seq);
      return say({ type: 'ok', seq: frame.seq, rev: message.rev, changed: true });
    }
    if (frame.type === 'edit' || frame.type === 'delete') {
      const { rev } = this[frame.type](frame.room, user, frame.seq, frame.text);
      return say({ type: 'ok', seq: frame.seq, rev, changed: true });
    }
    if (frame.id) say({ type: 'ok' });
  }

  subscribe(socket, frame, say) {
    const batches = [];
    const rooms = frame.rooms.map(({ room: id, epoch, after }) => {
      const entry = this.rooms.get(id);
      if (!entry?.members.get(socket.user)?.in) return { room: id, status: 'error', code: 'not_found' };
      const place = { room: id, epoch: entry.epoch, head: entry.log.length, floor: entry.floor };
      const reason = epoch && epoch !== entry.epoch ? 'epoch' : after > place.head ? 'ahead' : after < entry.floor ? 'purged' : null;
      if (reason) {
        batches.push({ type: 'reset', ...place, reason });
        return { ...place, status: 'reset' };
      }
      socket.cursors.set(id, true);
      if (after === undefined || after === place.head) return { ...place, status: 'live' };
      for (let from = after; from < place.head; from += 20) batches.push(this.batch(id, from, Math.min(from + 20, place.head), socket.user));
      return { ...place, status: 'catchup' };
    });
    say({ type: 'ok', rooms });
    for (const batch of batches) socket.push(batch);
  }

  /** A beat for every socket that is open. */
  beat() {
    for (const socket of this.sockets) {
      if (!socket.open || !socket.user) continue;
      const heads = Object.fromEntries([...socket.cursors.keys()].map((id) => [id, this.rooms.get(id).log.length]));
      socket.push({ type: 'heartbeat', at: this.at(), heads, seq: this.mine.get(socket.user) ?? 0 });
    }
  }
}
