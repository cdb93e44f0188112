// Who the ids are and who is there. Ids are asked for together; presence is a watch, repeated on every new line. It must not know rooms.
import { expect } from './problem.js';

const TOGETHER_MS = 20, OLD_MS = 300_000, AGAIN_MS = 2_000, IDS = 100, WATCHED = 200;

/** `told('users')` and `told('presence')` say that it changed. */
export function people({ after, now }, api, link, told) {
  const known = new Map(), since = new Map(), asked = new Set(), presence = new Map();
  let timer = null, watched = [], mine = 'online';

  async function ask() {
    const ids = [...asked].slice(0, IDS);
    try {
      const { items } = await api.users(ids);
      for (const id of ids) since.set(id, now());
      learn(items);
    } catch (problem) {
      expect(problem); // Who still wants to know asks again.
    }
    for (const id of ids) asked.delete(id);
    timer = asked.size ? after(TOGETHER_MS, ask) : null;
  }
  function learn(users) {
    for (const user of users) {
      known.set(user.id, user);
      since.set(user.id, now());
    }
    told('users');
  }
  async function listen() {
    if (link.live) await link.request({ type: 'watch', users: watched }).catch((problem) => {
      expect(problem);
      if (problem.retry && link.live) after(problem.retry_ms ?? AGAIN_MS, listen);
    });
  }
  const tell = () => link.push({ type: 'presence', status: mine });

  return {
    learn, presence,
    /** A user object, or undefined: then it is asked for, and `users` tells. */
    user(id) {
      if (id && !(now() - since.get(id) < OLD_MS)) { // Names change.
        asked.add(id);
        timer ??= after(TOGETHER_MS, ask);
      }
      return known.get(id);
    },
    watch(ids) {
      const before = String(watched);
      watched = [...new Set(ids)].slice(0, WATCHED);
      if (String(watched) === before) return;
      for (const id of presence.keys()) if (!watched.includes(id)) presence.delete(id);
      listen();
    },
    setPresence(status) {
      if (status === mine) return;
      mine = status;
      tell();
    },
    heard({ user, status }) {
      presence.set(user, status);
      told('presence');
    },
    resume() {
      if (watched.length) listen();
      if (mine !== 'online') tell();
    },
  };
}
