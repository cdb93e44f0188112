// A client in a test: the core with its outside replaced. It must not know what is tested.

import { Chat } from '../../ui/sync/chat.js';
import { FakeClock, FakeServer, FakeStorage, dice } from './fake.js';

/** A server with `ann` and `bob` in room `r`, and nobody connected. */
export function town() {
  const clock = new FakeClock(), server = new FakeServer(clock);
  const [ann, bob] = [server.user('ann'), server.user('bob')];
  server.room('r', ann, bob);
  return { clock, server, ann, bob };
}

/** Another page of the same or another browser. */
export function tab({ clock, server }, { storage = new FakeStorage(), locks = null, seed = 7 } = {}) {
  const chat = new Chat({ origin: 'http://chat.test', storage, WebSocket: server.WebSocket, fetch: server.fetch, locks, client: 'test/1', clock, timers: clock, random: dice(seed) });
  const heard = [];
  for (const name of ['state', 'me', 'rooms', 'room', 'users', 'presence', 'message', 'evicted', 'signed_out', 'too_many_sockets']) {
    chat.on(name, (...details) => heard.push([name, ...details]));
  }
  return { chat, heard, storage, of: (name) => heard.filter(([one]) => one === name) };
}

/** Signed in, live, and subscribed. */
export async function live(place, user = place.ann, options = {}) {
  const made = tab(place, options);
  made.chat.signIn({ username: user.username, password: 'x' });
  await place.clock.pass(1_000);
  if (made.chat.state !== 'live') throw new Error(`not live but ${made.chat.state}`);
  return { ...made, room: made.chat.rooms.get('r') };
}
