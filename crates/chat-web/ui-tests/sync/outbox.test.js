// What I said is sent once, in order, and is never lost: nonce, stop-and-wait, rates, refusals, reloads, two tabs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeStorage } from './fake.js';
import { live, tab, town } from './tab.js';

const texts = (server) => [...server.rooms.get('r').messages.values()].map(({ text }) => text);
const sends = (server) => server.heard.filter(({ type }) => type === 'send');

test('an item goes from queued to sent to the message that takes its place', async () => {
  const place = town(), { room, of } = await live(place);
  await room.open();
  const nonce = room.send('hello', null);
  assert.deepEqual(room.outbox.map(({ nonce, text, state }) => [nonce, text, state]), [[nonce, 'hello', 'sending']]);
  await place.clock.pass(100);
  assert.deepEqual([room.outbox, room.messages.map((one) => one.text)], [[], ['hello']]);
  assert.ok(of('room').some(([, , part]) => part === 'outbox'));
});

test('after ok and before its event it stands as sent', async () => {
  const place = town(), { room } = await live(place);
  place.server.hostile = (frame) => (frame.type === 'event' ? [] : [frame]);
  room.send('hello');
  await place.clock.pass(100);
  assert.equal(room.outbox[0].state, 'sent');
  place.server.hostile = null;
  place.server.beat();
  await place.clock.pass(100);
  assert.deepEqual(room.outbox, []);
});

test('without a line it waits, and is sent when there is one again, in order', async () => {
  const place = town(), { room, chat } = await live(place);
  place.server.down = true;
  place.server.socket.drop();
  await place.clock.pass(100);
  for (const text of ['one', 'two', 'three']) room.send(text);
  await place.clock.pass(5_000);
  assert.deepEqual(room.outbox.map(({ state }) => state), ['queued', 'queued', 'queued']);
  place.server.down = false;
  await place.clock.pass(60_000);
  assert.equal(chat.state, 'live');
  assert.deepEqual([texts(place.server), room.outbox], [['one', 'two', 'three'], []]);
});

test('an answer that is lost leads to the same nonce again and to one message', async () => {
  const place = town(), { room } = await live(place);
  const lose = (frame) => {
    place.server.post('r', place.ann, frame.text, frame);
    place.server.socket.drop();
    delete place.server.answers.send;
    return 'silence';
  };
  place.server.answers.send = lose;
  room.send('once');
  await place.clock.pass(30_000);
  const nonces = sends(place.server).map(({ nonce }) => nonce);
  assert.equal(nonces[0], room.find(4)?.nonce ?? nonces[0]);
  assert.deepEqual([new Set(nonces).size, texts(place.server), room.outbox], [1, ['once'], []]);
  assert.ok(nonces.length >= 1);
});

test('a request without any answer is sent again after its time-out, with its nonce', async () => {
  const place = town(), { room } = await live(place);
  place.server.answers.send = () => { delete place.server.answers.send; return 'silence'; };
  room.send('late');
  await place.clock.pass(30_000);
  const nonces = sends(place.server).map(({ nonce }) => nonce);
  assert.deepEqual([nonces.length, new Set(nonces).size, texts(place.server)], [2, 1, ['late']]);
});

for (const code of ['rate_limited', 'slow_mode', 'unavailable', 'too_many_inflight']) {
  test(`${code} waits as long as it is told, and nothing overtakes`, async () => {
    const place = town(), { room } = await live(place);
    place.server.answers.send = () => { delete place.server.answers.send; return { type: 'error', code, retry: true, retry_ms: 6_200 }; };
    room.send('first');
    room.send('second');
    await place.clock.pass(100);
    room.send('third');
    await place.clock.pass(5_900);
    assert.equal(room.outbox[0].state, 'queued');
    assert.equal(room.outbox[0].retryAt, place.clock.now() + 200);
    assert.equal(sends(place.server).length, 1);
    await place.clock.pass(300);
    assert.deepEqual(texts(place.server), ['first', 'second', 'third']);
  });
}

test('a final refusal is shown with its code, the next goes on, and a retry goes to the end', async () => {
  const place = town(), { room } = await live(place);
  place.server.answers.send = () => { delete place.server.answers.send; return { type: 'error', code: 'muted', message: 'muted', retry: false }; };
  const nonce = room.send('first');
  room.send('second');
  await place.clock.pass(100);
  assert.deepEqual(room.outbox.map(({ state, code }) => [state, code]), [['failed', 'muted']]);
  room.retry(nonce);
  await place.clock.pass(100);
  assert.deepEqual([texts(place.server), sends(place.server).map((one) => one.nonce).filter((one) => one === nonce).length], [['second', 'first'], 2]);
});

test('a nonce in conflict is failed, and its retry has another nonce', async () => {
  const place = town(), { room } = await live(place);
  place.server.answers.send = () => { delete place.server.answers.send; return { type: 'error', code: 'nonce_conflict', retry: false }; };
  const nonce = room.send('other');
  await place.clock.pass(100);
  assert.equal(room.outbox[0].code, 'nonce_conflict');
  room.retry(nonce);
  await place.clock.pass(100);
  assert.deepEqual([texts(place.server), room.outbox], [['other'], []]);
  assert.notEqual(sends(place.server)[1].nonce, nonce);
});

test('a failed item can be discarded', async () => {
  const place = town(), { room, storage } = await live(place);
  place.server.answers.send = () => ({ type: 'error', code: 'forbidden', retry: false });
  const nonce = room.send('no');
  await place.clock.pass(100);
  room.discard(nonce);
  assert.deepEqual([room.outbox, [...storage.map.keys()].filter((key) => key.startsWith('chat.outbox'))], [[], []]);
});

test('items survive a reload, each under a key of its own, and two tabs do not overwrite each other', async () => {
  const place = town(), storage = new FakeStorage();
  const first = await live(place, place.ann, { storage, seed: 1 });
  place.server.down = true;
  place.server.socket.drop();
  await place.clock.pass(100);
  const second = tab(place, { storage, seed: 2 });
  await Promise.all([second.chat.start(), place.clock.pass(5_000)]);
  first.room.send('from the first');
  second.chat.adopt({ room: first.room.room, member: first.room.member }).send('from the second');
  assert.equal([...storage.map.keys()].filter((key) => key.startsWith('chat.outbox.u-ann.')).length, 2);
  place.server.down = false;
  const third = tab(place, { storage, seed: 3 });
  third.chat.start();
  await place.clock.pass(60_000);
  assert.deepEqual(texts(place.server).sort(), ['from the first', 'from the second']);
  for (const { chat } of [first, second, third]) assert.deepEqual(chat.rooms.get('r').outbox, []);
  assert.equal([...storage.map.keys()].filter((key) => key.startsWith('chat.outbox')).length, 0);
});

test('an item whose message is long in the log does not stay as sent', async () => {
  const place = town(), storage = new FakeStorage();
  storage.setItem('chat.outbox.u-ann.nonce-of-before', JSON.stringify({ nonce: 'nonce-of-before', room: 'r', text: 'done', reply_to: null, state: 'sending', at: 1 }));
  place.server.post('r', place.ann, 'done', { nonce: 'nonce-of-before' });
  const { room } = await live(place, place.ann, { storage });
  assert.deepEqual([room.outbox, texts(place.server)], [[], ['done']]);
});

test('storage that throws, or is full, costs nothing but the reload', async () => {
  for (const storage of [null, new Proxy({}, { get() { throw new Error('no storage'); } })]) {
    const place = town(), { room } = await live(place, place.ann, { storage });
    room.send('from memory');
    await place.clock.pass(100);
    assert.deepEqual(texts(place.server), ['from memory']);
  }
});
