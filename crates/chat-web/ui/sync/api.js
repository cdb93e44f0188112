// REST: JSON there and back, bounded in time, every failure a `Problem`; one method for each route a client needs. It must not know the socket.
import { Problem, offline } from './problem.js';

const PATIENCE_MS = 15_000;

// Name, verb, path (`~` is one room); then the fields behind the path's values, or `*` for one object of them. `±`: PUT if true, DELETE if false. `-`: no bearer.
const ROUTES = `
meta -GET /meta
createAccount -POST /accounts *
createSession -POST /sessions *
sessions GET /sessions
deleteSession DELETE /sessions/{}
changeMe PATCH /me *
changePassword PUT /me/password current new
users GET /users ids
findUsers GET /users q cursor
sync GET /sync
directory GET /rooms?scope=public q cursor
createRoom POST /rooms *
room GET ~
changeRoom PATCH ~ *
deleteRoom DELETE ~
members GET ~/members cursor
join PUT ~/members/me
leave DELETE ~/members/me
setMember PUT ~/members/{} *
kick DELETE ~/members/{}
bans GET ~/bans
ban PUT ~/bans/{}
unban DELETE ~/bans/{}
createInvite POST ~/invites *
invites GET ~/invites
deleteInvite DELETE ~/invites/{}
acceptInvite POST /invites/{}
messages GET ~/messages *
message GET ~/messages/{}
edit PATCH ~/messages/{} text
delete DELETE ~/messages/{}
react ± ~/messages/{}/reactions/{}
reactions GET ~/messages/{}/reactions *
pin ± ~/pins/{}
read PUT ~/read seq
search GET /search *
createWebhook POST ~/webhooks name
webhooks GET ~/webhooks
deleteWebhook DELETE ~/webhooks/{}`;

/** Gives `send(verb, path, body, token)`: the body of the answer, or null. */
export function http({ origin, fetch, after, cancel }) {
  return async (method, path, body, token) => {
    const patience = new AbortController(), timer = after(PATIENCE_MS, () => patience.abort());
    const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }) };
    let answer, value;
    try {
      answer = await fetch(`${origin}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body), signal: patience.signal });
      const text = await answer.text();
      value = text ? JSON.parse(text) : null;
    } catch {
      throw offline(); // Or a proxy's page.
    } finally {
      cancel(timer);
    }
    if (answer.ok) return value;
    throw value?.code ? new Problem({ ...value, status: answer.status }) : offline();
  };
}

/** The methods of the table: `api.kick(room, user)`, `api.search({q, room})`, `api.pin(room, seq, true)`. */
export function routes(send, session) {
  const signed = async (verb, path, body) => {
    const token = await session.token();
    try {
      return await send(verb, path, body, token);
    } catch (problem) {
      if (problem.code === 'session_revoked') session.end('revoked');
      if (problem.status !== 401 || !session.id) throw problem;
      return send(verb, path, body, await session.token(token));
    }
  };
  const api = {};
  for (const [name, how, path, ...fields] of ROUTES.trim().split('\n').map((line) => line.split(' '))) {
    const ask = how[0] === '-' ? send : signed;
    api[name] = async (...values) => {
      const verb = how === '±' ? (values.pop() ? 'PUT' : 'DELETE') : how.replace('-', '');
      const to = path.replace('~', '/rooms/{}').replace(/\{\}/g, () => encodeURIComponent(values.shift()));
      const given = fields[0] === '*' ? values[0] ?? {} : Object.fromEntries(fields.map((field, at) => [field, values[at]]));
      if (verb !== 'GET') return ask(verb, to, fields.length ? given : undefined);
      const query = Object.entries(given).filter(([, value]) => value != null && value !== '');
      return ask(verb, query.length ? `${to + (to.includes('?') ? '&' : '?')}${new URLSearchParams(query)}` : to);
    };
  }
  return api;
}
