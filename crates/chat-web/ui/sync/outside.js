// The outside as the core uses it: storage that never throws, time, dice and waiting. It must not know what they are used for.

/** Strings that outlive the page as far as the browser lets them; what could not be written is held in memory. */
function shelf(storage) {
  const memory = new Map();
  const attempt = (act) => { try { return act(); } catch { return null; } };
  return {
    get: (key) => memory.get(key) ?? attempt(() => storage.getItem(key)),
    set(key, value) {
      memory.set(key, value);
      attempt(() => { storage.setItem(key, value); memory.delete(key); });
    },
    remove(key) {
      memory.delete(key);
      attempt(() => storage.removeItem(key));
    },
    keys(prefix) {
      const stored = attempt(() => Array.from({ length: storage.length }, (_, index) => storage.key(index))) ?? [];
      return [...new Set([...stored, ...memory.keys()])].filter((key) => key.startsWith(prefix));
    },
  };
}

/** Browsers want their functions called without another `this`. */
export function outside({ storage, clock = Date, random = Math.random, timers = globalThis, ...rest }) {
  return { ...rest, random, shelf: shelf(storage), now: () => clock.now(), after: (ms, act) => timers.setTimeout(act, ms), cancel: (timer) => timers.clearTimeout(timer) };
}

/** Full jitter under a ceiling that doubles, so that clients of a server that comes back do not come together. A wish of the server goes first. */
export function backoff(random, base = 500, cap = 30_000) {
  let failures = 0;
  return {
    reset() { failures = 0; },
    next(wish = null) {
      const ceiling = Math.min(cap, base * 2 ** Math.min(failures++, 20));
      return wish === null ? Math.round(100 + random() * (ceiling - 100)) : Math.min(Math.max(wish, 100), 600_000);
    },
  };
}
