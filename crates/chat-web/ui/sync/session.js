// The tokens of one signed-in person. Tabs share them through storage and refresh in turns by a lock, because a refresh token
// is good once. A network failure is never a sign-out. It must not know rooms or sockets.
import { Problem } from './problem.js';

const KEY = 'chat.session';
const nobody = () => new Problem({ code: 'unauthenticated', status: 401 });

/** `ended(reason)` is called once: `revoked`, `expired` or `asked`. */
export function session({ shelf, now, locks }, send, ended) {
  let held = null, refreshing = null;
  const stored = () => { try { return JSON.parse(shelf.get(KEY)); } catch { return null; } };
  const reread = () => { if (stored()?.session === held?.session) held = stored(); };
  const leftUntil = (share) => (held ? held.expires - held.expires_in * 1000 * share - now() : 0);
  function good(stale, share) {
    if (!held) throw nobody();
    return held.access_token !== stale && leftUntil(share) > 0 && held.access_token;
  }

  async function refresh() {
    const { session: id, refresh_token } = held;
    try {
      const answer = await send('POST', '/sessions/refresh', { refresh_token });
      if (held?.session !== id) throw nobody();
      return it.keep(answer);
    } catch (problem) {
      if (problem.status !== 401 || held?.session !== id) throw problem;
      reread(); // Without locks another tab may have been faster.
      if (held.refresh_token !== refresh_token) return held.access_token;
      it.end(problem.code === 'session_revoked' ? 'revoked' : 'expired');
      throw problem;
    }
  }

  const it = {
    get id() { return held?.session; },
    get user() { return held?.user; },
    load: () => (held = stored()) !== null,
    keep(answer) {
      held = { ...answer, expires: now() + answer.expires_in * 1000 };
      shelf.set(KEY, JSON.stringify(held));
      return held.access_token;
    },
    end(reason) {
      if (!held) return;
      if (stored()?.session === held.session) shelf.remove(KEY); // Another tab may have signed in anew.
      held = null;
      ended(reason);
    },
    /** With more than `share` of its life left, and not `stale`, which was refused. */
    async token(stale = null, share = 0.1) {
      const turn = async () => {
        reread();
        return good(stale, share) || refresh();
      };
      return good(stale, share) || (refreshing ??= (locks ? locks.request('chat-refresh', turn) : turn()).finally(() => { refreshing = null; }));
    },
    leftUntil,
  };
  return it;
}
