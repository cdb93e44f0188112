// The line: first frame, heartbeat, sleep, backoff, every close code, reauth, bye, two tabs and one refresh token.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../../ui/sync/outside.js';
import { FakeLocks, FakeStorage, dice } from './fake.js';
import { live, tab, town } from './tab.js';

test('backoff is full jitter under a doubling ceiling, and a wish of the server goes first', () => {
  const waits = backoff(() => 1, 500, 30_000);
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8].map(() => waits.next()), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.equal(waits.next(3_400), 3_400);
  waits.reset();
  assert.equal(waits.next(), 500);
  const jittered = backoff(dice(3)), many = Array.from({ length: 200 }, () => jittered.next());
  assert.ok(many.every((wait) => wait >= 100 && wait <= 30_000) && new Set(many).size > 150);
});

test('auth is the first frame, and state goes from connecting to live', async () => {
  const place = town(), { of, chat } = await live(place);
  assert.deepEqual(place.server.heard[0], { type: 'auth', id: 1, token: 'a1', client: 'test/1' });
  assert.equal(place.server.socket.protocol, 'chat.v1');
  assert.deepEqual([...new Set(of('state').map(([, state]) => state))], ['connecting', 'live']);
  assert.deepEqual([chat.me.id, chat.session, chat.node, chat.limits.text, chat.retryAt], ['u-ann', 's-u-ann', 'n1', 4000, null]);
});

test('a server that accepts and then says nothing is given up', async () => {
  const place = town();
  place.server.answers.auth = () => 'silence';
  const { chat } = tab(place);
  chat.signIn({ username: 'ann' });
  await place.clock.pass(14_000);
  assert.deepEqual([chat.state, place.server.sockets.length], ['connecting', 1]);
  await place.clock.pass(3_000);
  assert.equal(place.server.sockets.length, 2);
});

test('two and a half beats without a byte are the end, a heartbeat is life', async () => {
  const place = town();
  await live(place);
  for (let beat = 0; beat < 6; beat++) {
    await place.clock.pass(25_000);
    place.server.beat();
  }
  assert.equal(place.server.sockets.length, 1);
  await place.clock.pass(60_000);
  assert.equal(place.server.sockets.length, 1);
  await place.clock.pass(10_000);
  assert.equal(place.server.sockets.length, 2);
});

test('after a sleep the line is asked first: it answers and stays, or is silent and goes', async () => {
  const place = town(), { chat } = await live(place);
  await place.clock.sleep(3_600_000);
  await place.clock.pass(1_000);
  assert.deepEqual([place.server.sockets.length, place.server.heard.filter(({ type }) => type === 'ping').length], [1, 1]);
  place.server.answers.ping = () => 'silence';
  await place.clock.sleep(3_600_000);
  await place.clock.pass(4_100);
  assert.notEqual(chat.state, 'signed_out');
  await place.clock.pass(2_000);
  assert.deepEqual([place.server.sockets.length, chat.state], [2, 'live']);
});

/** Closes with `code` and gives the time until the next attempt, or null if there was none within ten minutes. */
async function after(place, chat, code, bye) {
  const { sockets } = place.server, { length } = sockets, since = place.clock.now();
  if (bye) place.server.socket.push({ type: 'bye', code, reason: 'test', reconnect: true, ...bye });
  await place.clock.pass(1);
  place.server.socket.drop(code);
  for (let waited = 0; waited < 600_000; waited += 50) {
    await place.clock.pass(50);
    if (sockets.length > length) return place.clock.now() - since;
  }
  return null;
}

for (const code of [1000, 1001, 1006, 1011, 1012, 1013, 4408, 4410, 4411, 4999]) {
  test(`close ${code} reconnects with backoff`, async () => {
    const place = town(), { chat } = await live(place);
    const wait = await after(place, chat, code);
    assert.ok(wait !== null && wait <= 700, String(wait));
    await place.clock.pass(100);
    assert.equal(chat.state, 'live');
  });
}

for (const code of [1002, 1003, 1007, 1009, 4400]) {
  test(`close ${code} is a bug: at most one quick attempt`, async () => {
    const place = town(), { chat } = await live(place);
    assert.ok(await after(place, chat, code) < 1_000);
    await place.clock.pass(100);
    const wait = await after(place, chat, code);
    assert.ok(wait >= 300_000, String(wait));
  });
}

test('bye tells when to come back, and 4429 waits ten seconds at least', async () => {
  const place = town(), { chat } = await live(place);
  const wait = await after(place, chat, 1012, { retry_ms: 3_400 });
  assert.ok(wait >= 3_400 && wait <= 3_600, String(wait));
  await place.clock.pass(100);
  const long = await after(place, chat, 4429);
  assert.ok(long >= 10_000 && long < 31_000, String(long));
});

test('4401 refreshes and comes back', async () => {
  const place = town(), { chat } = await live(place);
  assert.ok(await after(place, chat, 4401) < 1_000);
  await place.clock.pass(100);
  assert.equal(chat.state, 'live');
  assert.ok(place.server.asked.includes('POST /sessions/refresh'));
  assert.equal(place.server.heard.filter(({ type }) => type === 'auth').at(-1).token, 'a2');
});

test('4403 is a sign-out, and nothing is tried any more', async () => {
  const place = town(), { chat, of, storage } = await live(place);
  assert.equal(await after(place, chat, 4403), null);
  assert.deepEqual([chat.state, chat.me, chat.rooms.size, of('signed_out'), storage.map.size], ['signed_out', null, 0, [['signed_out', 'revoked']], 0]);
});

test('4409 is told, and only reconnect() tries again', async () => {
  const place = town(), { chat, of } = await live(place);
  assert.equal(await after(place, chat, 4409), null);
  assert.deepEqual([chat.state, chat.retryAt, of('too_many_sockets').length], ['waiting', null, 1]);
  chat.online(true);
  await place.clock.pass(1_000);
  assert.equal(chat.state, 'waiting');
  chat.reconnect();
  await place.clock.pass(100);
  assert.equal(chat.state, 'live');
});

test('while the server is away attempts become rare; reconnect() and online(true) try at once', async () => {
  const place = town(), { chat } = await live(place);
  place.server.down = true;
  place.server.socket.drop();
  await place.clock.pass(600_000);
  const tries = place.server.sockets.length;
  assert.ok(tries > 15 && tries < 90, String(tries));
  assert.ok(chat.state === 'connecting' || chat.retryAt > place.clock.now());
  chat.online(false);
  await place.clock.pass(60_000);
  const before = place.server.sockets.length;
  await place.clock.pass(600_000);
  assert.deepEqual([place.server.sockets.length, chat.state, chat.retryAt], [before, 'waiting', null]);
  place.server.down = false;
  chat.online(true);
  await place.clock.pass(10);
  assert.equal(chat.state, 'live');
});

test('a server that accepts and closes at once is not stormed', async () => {
  const place = town();
  await live(place);
  const since = place.server.sockets.length;
  for (let second = 0; second < 120; second++) {
    if (place.server.socket.open) place.server.socket.drop(1011);
    await place.clock.pass(1_000);
  }
  assert.ok(place.server.sockets.length - since < 25, String(place.server.sockets.length - since));
});

test('reauth renews with a fresh token on the same socket', async () => {
  const place = town();
  await live(place);
  await place.clock.pass(499_000);
  const { socket } = place.server;
  const sockets = place.server.sockets.length;
  socket.push({ type: 'reauth', expires_at: place.server.at() });
  await place.clock.pass(100);
  const auths = place.server.heard.filter(({ type }) => type === 'auth');
  assert.deepEqual([place.server.sockets.length, auths.at(-1).token], [sockets, 'a2']);
});

test('a token that lives shorter than the warning is not renewed in a circle', async () => {
  const place = town();
  place.server.expires_in = 30;
  place.server.answers.auth = (frame, socket) => { if (socket.user) setImmediate(() => socket.push({ type: 'reauth' })); };
  await live(place);
  place.server.socket.push({ type: 'reauth' });
  await place.clock.pass(60_000);
  const refreshes = place.server.asked.filter((one) => one === 'POST /sessions/refresh').length;
  assert.ok(refreshes >= 3 && refreshes <= 5, String(refreshes));
});

test('two tabs refresh once', async () => {
  const place = town(), storage = new FakeStorage(), locks = new FakeLocks();
  const first = await live(place, place.ann, { storage, locks });
  const second = tab(place, { storage, locks });
  second.chat.start();
  await place.clock.pass(1_000);
  place.server.tokens.clear();
  await Promise.all([first.chat.api.sync(), second.chat.api.sync(), place.clock.pass(100)]);
  assert.equal(place.server.asked.filter((one) => one === 'POST /sessions/refresh').length, 1);
  assert.notEqual(first.chat.state, 'signed_out');
  assert.notEqual(second.chat.state, 'signed_out');
});

test('two tabs without locks: who comes second takes what the first stored', async () => {
  const place = town(), storage = new FakeStorage();
  const first = await live(place, place.ann, { storage });
  const second = tab(place, { storage });
  second.chat.start();
  await place.clock.pass(1_000);
  place.server.tokens.clear();
  await Promise.all([first.chat.api.sync(), second.chat.api.sync(), place.clock.pass(100)]);
  assert.deepEqual([first.of('signed_out'), second.of('signed_out')], [[], []]);
});

test('401 token_expired is refreshed once and repeated; a network failure is no sign-out', async () => {
  const place = town(), { chat, of } = await live(place);
  place.server.tokens.delete('a1');
  const [{ seq }] = await Promise.all([chat.api.sync(), place.clock.pass(100)]);
  assert.equal(typeof seq, 'number');
  place.server.tokens.clear();
  place.server.down = true;
  await Promise.all([assert.rejects(chat.api.sync(), { name: 'Problem', code: 'unavailable', retry: true }), place.clock.pass(100)]);
  assert.deepEqual(of('signed_out'), []);
  place.server.down = false;
  place.server.refreshes.clear();
  await Promise.all([assert.rejects(chat.api.sync(), { code: 'session_revoked' }), place.clock.pass(100)]);
  assert.deepEqual([of('signed_out'), chat.state], [[['signed_out', 'revoked']], 'signed_out']);
});

test('a request that is never answered ends by its time-out', async () => {
  const place = town();
  const { chat: other } = tab({ ...place, server: { ...place.server, WebSocket: place.server.WebSocket, fetch: (url, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))) } });
  await Promise.all([assert.rejects(other.signIn({ username: 'ann' }), { code: 'unavailable' }), place.clock.pass(16_000)]);
});

test('start without a session is signed out; with one it lives even if the server is away', async () => {
  const place = town(), nobody = tab(place);
  await nobody.chat.start();
  assert.equal(nobody.chat.state, 'signed_out');
  const { storage } = await live(place);
  place.server.down = true;
  const later = tab(place, { storage });
  await Promise.all([later.chat.start(), place.clock.pass(5_000)]);
  assert.deepEqual([later.chat.me.id, later.of('signed_out')], ['u-ann', []]);
  assert.ok(['connecting', 'waiting'].includes(later.chat.state));
  place.server.down = false;
  await place.clock.pass(40_000);
  assert.deepEqual([later.chat.state, later.chat.rooms.size], ['live', 1]);
});

test('signing out is told as asked, clears what is stored, and is not taken for a revocation', async () => {
  const place = town(), { chat, of, storage, room } = await live(place);
  place.server.answers.send = () => ({ type: 'error', code: 'muted', retry: false });
  room.send('secret');
  place.server.rest['DELETE /sessions/current'] = () => { place.server.socket.drop(4403); return { status: 204 }; };
  await Promise.all([chat.signOut(), place.clock.pass(100)]);
  assert.deepEqual([of('signed_out'), storage.map.size, chat.state], [[['signed_out', 'asked']], 0, 'signed_out']);
});

test('more requests than the socket takes wait for their turn', async () => {
  const place = town(), { room } = await live(place);
  const { message } = place.server.post('r', place.bob, 'x');
  place.server.answers.react = () => 'silence';
  for (let index = 0; index < 50; index++) room.react(message.seq, `e${index}`, true).catch(() => {});
  await place.clock.pass(100);
  assert.equal(place.server.heard.filter(({ type }) => type === 'react').length, 32);
  await place.clock.pass(15_100);
  assert.equal(place.server.heard.filter(({ type }) => type === 'react').length, 50);
  const ids = place.server.heard.map(({ id }) => id).filter(Boolean);
  assert.equal(new Set(ids).size, ids.length);
});
