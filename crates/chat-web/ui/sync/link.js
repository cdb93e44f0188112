// The line: one socket at a time while somebody is signed in, from its first frame to its end, requests and their answers, the
// suspicion that nobody is there any more, and the next attempt at the right time. It must not know rooms.
import { backoff } from './outside.js';
import { Problem, expect, offline } from './problem.js';

const ANSWER_MS = 15_000, PROBE_MS = 4_000, BYE_MS = 5_000, TICK_MS = 5_000;
const DEAD_BEATS = 2.5, SLEPT_BEATS = 2, QUEUE = 256;
const STEADY_MS = 30_000; // A line that lasted so long forgives what was before it.
const BUG_MS = 300_000, FLOODED_MS = 10_000;

/** What a close code asks for besides backoff, which is all that the others want: a bug reconnects quickly once at most. */
const CLOSES = {
  1002: 'bug', 1003: 'bug', 1007: 'bug', 1009: 'bug', 4400: 'bug', 4401: 'expired', 4403: 'revoked', 4409: 'crowded', 4429: 'flooded',
};

/** `hooks`: `state()`, `ready(frame)`, `frame(push)`, `tooMany()`. */
export function link({ WebSocket, origin, client, random, now, after, cancel }, session, hooks) {
  const waits = backoff(random), inflight = new Map(), queue = [];
  let socket = null, attempt = 0, id = 0, bugs = 0, halted = false, isOnline = true, token = null, stale = null;
  let timer, renewal, watchdog, bye, beat, limit, since, heard, probing;

  function become(state) {
    it.state = state;
    if (state !== 'waiting') it.retryAt = null;
    hooks.state();
  }
  async function open() {
    const mine = ++attempt;
    cancel(timer);
    become('connecting');
    try {
      token = await session.token(stale);
    } catch (problem) {
      expect(problem);
      if (mine === attempt && session.id) wait(waits.next(problem.retry_ms));
      return;
    }
    if (mine === attempt) connect();
  }
  function connect() {
    const mine = socket = new WebSocket(`${origin.replace('http', 'ws')}/api/v1/ws`, 'chat.v1');
    const on = (act) => (event) => mine === socket && act(event);
    bye = null;
    probing = false;
    watchdog = after(ANSWER_MS, () => end(1006));
    mine.onopen = on(() => write({ type: 'auth', id: ++id, token, client }));
    mine.onmessage = on(({ data }) => take(JSON.parse(data)));
    mine.onclose = on(({ code }) => end(code));
    mine.onerror = () => {}; // A close follows.
  }
  function take(frame) {
    const { type } = frame;
    heard = now();
    if (type === 'ready') {
      since = heard;
      stale = null;
      beat = frame.heartbeat_ms;
      limit = frame.limits.inflight;
      it.state = 'live';
      watch();
      hooks.ready(frame);
      hooks.state();
    } else if (type === 'reauth') renew();
    else if (type === 'bye') {
      bye = frame;
      arm(BYE_MS, () => end(frame.code));
    } else if (!frame.id) hooks.frame(frame);
    else settle(frame.id, ({ resolve, reject }) => (type === 'error' ? reject(new Problem(frame)) : resolve(frame)));
  }
  function end(code) {
    const wish = CLOSES[bye?.code ?? code];
    if (it.live && now() - since >= STEADY_MS) {
      waits.reset();
      bugs = 0;
    }
    drop();
    if (wish === 'revoked') return session.end(wish);
    if (wish === 'expired') stale = token;
    halted = wish === 'crowded';
    const pause = Math.max(waits.next(bye?.retry_ms), wish === 'flooded' ? FLOODED_MS : 0);
    wait(wish === 'bug' && ++bugs > 1 ? BUG_MS : pause);
    if (halted) hooks.tooMany();
  }
  function drop() {
    for (const one of [timer, renewal, watchdog]) cancel(one);
    socket?.close(1000);
    socket = null;
    for (const entry of [...inflight.values(), ...queue.splice(0)]) {
      cancel(entry.timer);
      entry.reject(offline());
    }
    inflight.clear();
  }
  function wait(ms) {
    cancel(timer);
    const stopped = halted || !isOnline;
    it.retryAt = stopped ? null : now() + ms;
    if (!stopped) timer = after(ms, open);
    become('waiting');
  }

  /** What a socket that is about to close does not take is lost like what it took. */
  const write = (frame) => socket.readyState === 1 && socket.send(JSON.stringify(frame));
  function transmit({ frame, patience, ...entry }) {
    const mine = ++id;
    entry.timer = after(patience, () => {
      settle(mine, ({ reject }) => reject(new Problem({ code: 'timeout' })));
      probe();
    });
    inflight.set(mine, entry);
    write({ ...frame, id: mine });
  }
  function pump() { while (queue.length && inflight.size < limit) transmit(queue.shift()); }
  function settle(which, how) {
    const entry = inflight.get(which);
    if (!entry) return;
    inflight.delete(which);
    cancel(entry.timer);
    how(entry);
    pump();
  }
  /** Whoever does not answer this soon is gone. */
  function probe() {
    if (!it.live || probing) return;
    probing = true;
    transmit({ frame: { type: 'ping' }, patience: PROBE_MS, resolve() { probing = false; }, reject: () => socket && end(1006) });
  }
  function arm(ms, act) {
    cancel(watchdog);
    watchdog = after(ms, act);
  }
  /** Timers stand still while a laptop sleeps: one that is late asks before it condemns. */
  function watch() {
    const due = now() + TICK_MS;
    arm(TICK_MS, () => {
      if (now() - due > SLEPT_BEATS * beat) probe();
      else if (now() - heard > DEAD_BEATS * beat && !probing) return end(1006);
      watch();
    });
  }
  /** A token whose life is shorter than the server's warning is renewed at half of it. */
  async function renew() {
    const mine = socket;
    let again = Math.max(session.leftUntil(0.5), 1_000);
    try {
      const fresh = await session.token(null, 0.5);
      if (fresh !== token) {
        await it.request({ type: 'auth', token: fresh, client });
        token = fresh;
        return;
      }
    } catch (problem) {
      expect(problem);
      again = problem.retry_ms ?? 5_000;
    }
    if (mine === socket && session.id) renewal = after(again, renew);
  }

  const it = {
    state: 'idle',
    retryAt: null,
    get live() { return it.state === 'live'; },
    /** Now, whatever was waited for. */
    reconnect() {
      halted = false;
      bugs = 0;
      if (it.live) probe();
      else if (it.state !== 'connecting' && session.id) open();
    },
    /** What the browser believes. */
    online(is) {
      isOnline = is;
      if (it.live) probe();
      else if (is && !halted) it.reconnect();
      else if (it.state === 'waiting') wait(0);
    },
    stop() {
      attempt++;
      drop();
      token = stale = null;
      waits.reset();
      become('idle');
    },
    request: (frame) => new Promise((resolve, reject) => {
      if (!it.live) reject(offline());
      else if (queue.length >= QUEUE) reject(new Problem({ code: 'too_many_inflight' }));
      else queue.push({ frame, patience: ANSWER_MS, resolve, reject });
      pump();
    }),
    push: (frame) => it.live && write(frame),
  };
  return it;
}
