// The reference client, put together: a session, a line, a world of rooms, and people. All that touches the outside is given to
// it, so it runs in a browser and in a test alike. It must not know the DOM.
import { http, routes } from './api.js';
import { link } from './link.js';
import { outside } from './outside.js';
import { people } from './people.js';
import { session } from './session.js';
import { world } from './world.js';

const FIRST_MS = 3_000; // how long `start` waits for the first picture
const nobody = () => ({ me: null, session: null, node: null, rooms: new Map() });

/** Events: `state me rooms room users presence message lost evicted signed_out too_many_sockets`. */
export function Chat(given) {
  const env = outside(given), send = http(env), listeners = {};
  let home = null; // the world of who is signed in

  const account = session(env, send, (reason) => {
    end(reason === 'asked');
    emit('me');
    emit('rooms');
    tell();
    emit('signed_out', reason);
  });
  const api = routes(send, account);
  const line = link(env, account, {
    state: tell,
    tooMany: () => emit('too_many_sockets'),
    frame: (frame) => (frame.type === 'presence' ? others.heard(frame) : home.take(frame)),
    ready(frame) {
      it.limits = frame.limits;
      it.node = frame.node;
      setMe(frame.user);
      home.ready(frame);
      others.resume();
    },
  });
  const others = people(env, api, line, emit), { user, learn, watch, setPresence, presence } = others;

  /** A listener that throws hinders neither the others nor the caller. */
  function emit(name, ...details) {
    for (const listener of [...(listeners[name] ?? [])]) {
      try {
        listener(...details);
      } catch (error) {
        queueMicrotask(() => { throw error; });
      }
    }
  }
  function tell() { emit('state', it.state); }
  function setMe(me) {
    it.me = me;
    others.learn([me]);
    emit('me');
  }
  async function begin() {
    end(false);
    const { id, user } = account;
    home = world(env, api, line, user.id, emit, setMe);
    Object.assign(it, { session: id, rooms: home.rooms });
    setMe(user);
    line.reconnect();
    await home.first();
  }
  function end(forget) {
    line.stop();
    home?.stop(forget);
    home = null;
    watch([]);
    Object.assign(it, nobody());
  }

  const it = {
    api, user, learn, watch, setPresence, presence,
    ...nobody(), limits: null,
    get state() { return !account.id ? 'signed_out' : line.state === 'idle' ? 'connecting' : line.state; },
    get retryAt() { return line.retryAt; },
    reconnect: line.reconnect,
    online: line.online,

    /** Gives what ends it. */
    on(name, listener) {
      const some = (listeners[name] ??= new Set()).add(listener);
      return () => some.delete(listener);
    },

    /** Resumes a stored session. Resolves when the first picture is there, or will not be for now. */
    async start() {
      if (!account.load()) return tell();
      await Promise.race([begin(), new Promise((resolve) => { env.after(FIRST_MS, resolve); })]);
    },
    /** With `{username, password, device}`. */
    async signIn(who) {
      account.keep(await api.createSession(who));
      await begin();
    },
    /** And `display_name`. */
    async signUp(who) {
      await api.createAccount(who);
      await it.signIn(who);
    },
    /** Signed out here, whatever the server says. */
    async signOut() {
      line.stop(); // Else its close would be taken for a revocation.
      try {
        await api.deleteSession('current');
      } finally {
        account.end('asked');
      }
    },

    adopt: (entry) => home.adopt(entry),
  };
  return it;
}
