// Rooms and the news about them: subscriptions, gaps, resets, `@me`, counts across devices, history, typing, people.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { live, tab, town } from './tab.js';

const texts = (room) => room.messages.map(({ text }) => text);
const subscribes = (server) => server.heard.filter(({ type }) => type === 'subscribe');
const syncs = (server) => server.asked.filter((one) => one === 'GET /sync').length;

test('the first picture gives rooms, cursors and counts, and rooms are subscribed from there', async () => {
  const place = town();
  place.server.post('r', place.bob, 'hello', { mentions: ['u-ann'] });
  const { room } = await live(place);
  assert.deepEqual([room.cursor, room.unread, room.mentions, room.last.text, room.read], [4, 1, 1, 'hello', 2]);
  assert.deepEqual(subscribes(place.server)[0].rooms, [{ room: 'r', epoch: 'e1', after: 4 }]);
});

test('opening has no hole: what is posted between page and answer is there once', async () => {
  const place = town(), { room, of } = await live(place);
  for (let index = 0; index < 5; index++) place.server.post('r', place.bob, `before ${index}`);
  const opening = room.open();
  place.server.post('r', place.bob, 'during');
  await place.clock.pass(0);
  place.server.post('r', place.bob, 'after');
  await Promise.all([opening, place.clock.pass(100)]);
  assert.deepEqual(texts(room), ['before 0', 'before 1', 'before 2', 'before 3', 'before 4', 'during', 'after']);
  assert.equal(of('message').length, 7);
});

test('a gap asks once, and the batch closes it', async () => {
  const place = town(), { room } = await live(place);
  await Promise.all([room.open(), place.clock.pass(10)]);
  let lost = 1;
  place.server.hostile = (frame) => (frame.type === 'event' && lost-- > 0 ? [] : [frame]);
  const before = subscribes(place.server).length;
  for (let index = 0; index < 10; index++) place.server.post('r', place.bob, String(index));
  await place.clock.pass(100);
  assert.deepEqual([texts(room).join(''), subscribes(place.server).length - before], ['0123456789', 1]);
  assert.deepEqual(subscribes(place.server).at(-1).rooms, [{ room: 'r', epoch: 'e1', after: 3 }]);
});

test('a heartbeat whose head is above the cursor is a gap', async () => {
  const place = town(), { room } = await live(place);
  place.server.hostile = (frame) => (frame.type === 'event' ? [] : [frame]);
  place.server.post('r', place.bob, 'unheard');
  await place.clock.pass(1_000);
  assert.equal(room.cursor, 3);
  place.server.beat();
  await place.clock.pass(100);
  assert.deepEqual([room.cursor, room.last.text], [4, 'unheard']);
});

test('after a reconnect rooms resume from the held cursor, and news are news', async () => {
  const place = town(), { room, of } = await live(place);
  await Promise.all([room.open(), place.clock.pass(10)]);
  place.server.socket.drop();
  await place.clock.pass(1);
  for (let index = 0; index < 70; index++) place.server.post('r', place.bob, String(index));
  place.server.edit('r', place.bob, 4, 'edited');
  await place.clock.pass(2_000);
  assert.deepEqual(subscribes(place.server).at(-1).rooms, [{ room: 'r', epoch: 'e1', after: 3 }]);
  assert.deepEqual([room.cursor, texts(room)[0], room.messages.length, of('message').length, room.unread], [74, 'edited', 70, 70, 70]);
  assert.deepEqual(room.messages.map(({ seq }) => seq), Array.from({ length: 70 }, (_, index) => index + 4));
});

test('a reset drops the room and loads it again, by REST', async () => {
  const place = town(), { room, of } = await live(place);
  place.server.post('r', place.bob, 'old');
  await Promise.all([room.open(), place.clock.pass(10)]);
  const entry = place.server.rooms.get('r');
  place.server.socket.drop();
  entry.epoch = 'e2';
  entry.log.length = 3;
  entry.messages.clear();
  place.server.post('r', place.bob, 'another history');
  await place.clock.pass(2_000);
  assert.deepEqual([texts(room), room.epoch, room.cursor, room.last.text], [['another history'], 'e2', 4, 'another history']);
  assert.equal(of('room').filter(([, , part]) => part === 'reset').length, 1);
  place.server.post('r', place.bob, 'goes on');
  await place.clock.pass(100);
  assert.deepEqual(texts(room), ['another history', 'goes on']);
});

test('all rooms are subscribed, a hundred a frame', async () => {
  const place = town();
  for (let index = 0; index < 249; index++) place.server.room(`x${index}`, place.ann);
  const { chat } = await live(place);
  assert.deepEqual([chat.rooms.size, subscribes(place.server).map(({ rooms }) => rooms.length)], [250, [100, 100, 50]]);
});

test('rooms beyond the limit are refreshed each minute; one that is opened is subscribed instead of another', async () => {
  const place = town();
  place.server.limits.subscriptions = 2;
  for (const id of ['x', 'y']) {
    await place.clock.pass(1_000);
    place.server.room(id, place.ann, place.bob);
    place.server.post(id, place.bob, 'newer');
  }
  const { chat, room } = await live(place);
  assert.deepEqual(subscribes(place.server)[0].rooms.map((one) => one.room).sort(), ['x', 'y']);
  place.server.post('r', place.bob, 'unheard');
  await place.clock.pass(59_000);
  assert.equal(room.last, null);
  place.server.beat();
  await place.clock.pass(5_000);
  assert.deepEqual([room.last.text, room.unread], ['unheard', 1]);
  await Promise.all([room.open(), place.clock.pass(100)]);
  place.server.post('r', place.bob, 'heard');
  await place.clock.pass(100);
  assert.deepEqual(texts(room), ['unheard', 'heard']);
  assert.equal(place.server.socket.cursors.size, 2);
  assert.equal(chat.rooms.size, 3);
});

test('a room that was joined elsewhere appears, and hears', async () => {
  const place = town(), { chat, of } = await live(place);
  place.server.room('new', place.bob);
  place.server.join('new', place.ann);
  await place.clock.pass(100);
  place.server.post('new', place.bob, 'welcome');
  await place.clock.pass(100);
  const room = chat.rooms.get('new');
  assert.deepEqual([room.cursor, room.unread, room.last.text, of('message').length], [4, 1, 'welcome', 1]);
});

test('a room that was made here is adopted at once, with or without its member', async () => {
  const place = town(), { chat } = await live(place);
  const entry = place.server.room('mine', place.ann);
  const room = chat.adopt({ room: entry.room });
  assert.equal(chat.adopt({ room: entry.room, member: entry.members.get('u-ann') }), room);
  await Promise.all([room.open(), place.clock.pass(3_000)]);
  room.send('first');
  await place.clock.pass(100);
  assert.deepEqual([chat.rooms.get('mine') === room, texts(room), room.member.rev, room.cursor], [true, ['first'], 2, 3]);
});

test('eviction is told once, whichever way it is heard first', async () => {
  const place = town(), { chat, of } = await live(place);
  place.server.join('r', place.ann, false);
  place.server.socket.push({ type: 'evicted', room: 'r', reason: 'kicked' });
  await place.clock.pass(100);
  assert.deepEqual([chat.rooms.size, of('evicted').length], [0, 1]);
  place.server.join('r', place.ann);
  await place.clock.pass(1_000);
  place.server.post('r', place.bob, 'back');
  await place.clock.pass(100);
  assert.equal(chat.rooms.get('r').last.text, 'back');
});

test('a gap in @me, or a higher number in a beat, asks for the whole picture once', async () => {
  const place = town(), { chat } = await live(place);
  await place.clock.pass(5_000);
  place.server.hostile = (frame) => (frame.room === '@me' ? [] : [frame]);
  for (let index = 0; index < 5; index++) place.server.room(`x${index}`, place.ann);
  place.server.hostile = null;
  const before = syncs(place.server);
  place.server.beat();
  place.server.room('last', place.ann);
  await place.clock.pass(1_900);
  assert.deepEqual([chat.rooms.size, syncs(place.server) - before], [7, 1]);
  place.server.post('x3', place.bob, 'heard');
  await place.clock.pass(100);
  assert.equal(chat.rooms.get('x3').last.text, 'heard');
});

test('a room that was left while the line was down is gone after it', async () => {
  const place = town(), { chat, of } = await live(place);
  place.server.socket.drop();
  await place.clock.pass(1);
  place.server.join('r', place.ann, false);
  await place.clock.pass(2_000);
  assert.deepEqual([chat.rooms.size, of('evicted').length], [0, 1]);
});

test('a picture that is older than what was heard takes nothing away', async () => {
  const place = town(), { chat, of } = await live(place), old = place.server.sync('u-ann');
  place.server.room('new', place.ann);
  await place.clock.pass(5_000);
  place.server.rest['GET /sync'] = () => { delete place.server.rest['GET /sync']; return { status: 200, body: old }; };
  place.server.socket.push({ type: 'heartbeat', heads: {}, seq: 3 });
  await place.clock.pass(10_000);
  assert.deepEqual([chat.rooms.size, of('evicted')], [2, []]);
});

test('the profile follows other devices', async () => {
  const place = town(), { chat } = await live(place);
  const renamed = { ...place.ann, display_name: 'Anna' };
  place.server.users.set('u-ann', renamed);
  place.server.hint('u-ann', 'profile', renamed);
  await place.clock.pass(100);
  assert.deepEqual([chat.me.display_name, chat.user('u-ann').display_name], ['Anna', 'Anna']);
});

test('reading moves forward only, counts at once, and is told once', async () => {
  const place = town();
  for (let index = 0; index < 10; index++) place.server.post('r', place.bob, String(index));
  const { room } = await live(place);
  await Promise.all([room.open(), place.clock.pass(10)]);
  room.markRead(6);
  room.markRead(8);
  assert.deepEqual([room.read, room.unread], [8, 5]);
  room.markRead(5);
  assert.equal(room.read, 8);
  room.markRead(1_000);
  assert.deepEqual([room.read, room.unread], [13, 0]);
  await place.clock.pass(1_000);
  assert.deepEqual(place.server.heard.filter(({ type }) => type === 'read').map(({ seq }) => seq), [13]);
});

test('a marker moved by another device into the unknown asks the server', async () => {
  const place = town();
  for (let index = 0; index < 80; index++) place.server.post('r', place.bob, String(index));
  const { room } = await live(place);
  assert.equal(room.unread, 80);
  place.server.read('r', 'u-ann', 43);
  await place.clock.pass(3_000);
  assert.deepEqual([room.read, room.unread], [43, 40]);
  place.server.read('r', 'u-ann', 83);
  await place.clock.pass(100);
  assert.deepEqual([room.read, room.unread], [83, 0]);
});

test('a marker that could not be told is told on the next line', async () => {
  const place = town(), { room } = await live(place);
  place.server.post('r', place.bob, 'x');
  await place.clock.pass(10);
  place.server.down = true;
  place.server.socket.drop();
  room.markRead(4);
  await place.clock.pass(2_000);
  place.server.down = false;
  await place.clock.pass(60_000);
  assert.deepEqual([place.server.reads.get('r u-ann'), room.unread], [4, 0]);
});

test('history is one contiguous piece: backwards, forwards, around, newest', async () => {
  const place = town();
  for (let index = 0; index < 900; index++) place.server.post('r', place.bob, String(index));
  const { room } = await live(place);
  const whole = () => room.messages.every(({ seq }, index) => seq === room.messages[0].seq + index);
  const ends = () => [room.messages[0].seq, room.messages.at(-1).seq, room.moreBefore, room.moreAfter, whole()];
  const go = (what) => Promise.all([what, place.clock.pass(10)]);
  await go(room.open());
  assert.deepEqual(ends(), [854, 903, true, false, true]);
  for (let times = 0; times < 13; times++) await go(room.loadBefore());
  assert.deepEqual(ends(), [204, 803, true, true, true]);
  place.server.post('r', place.bob, 'not in the piece');
  await place.clock.pass(10);
  assert.equal(room.messages.at(-1).seq, 803);
  await go(room.loadAfter());
  await go(room.loadAfter());
  await go(room.loadAfter());
  assert.deepEqual(ends(), [305, 904, true, false, true]);
  await go(room.jump(100));
  assert.deepEqual(ends(), [75, 124, true, true, true]);
  const twice = [room.loadBefore(), room.loadBefore()];
  await go(Promise.all(twice));
  assert.deepEqual(ends(), [25, 124, true, true, true]);
  await go(room.latest());
  assert.deepEqual(ends(), [855, 904, true, false, true]);
});

test('a page that is asked for before a jump does not spoil it', async () => {
  const place = town();
  for (let index = 0; index < 300; index++) place.server.post('r', place.bob, String(index));
  const { room } = await live(place);
  await Promise.all([room.open(), place.clock.pass(10)]);
  await Promise.all([room.loadBefore(), room.jump(50), place.clock.pass(10)]);
  assert.ok(room.messages.every(({ seq }, index) => seq === room.messages[0].seq + index));
  assert.ok(room.find(50));
});

test('edit, delete and react go over the socket, and refusals are problems', async () => {
  const place = town(), { room } = await live(place);
  const { message } = place.server.post('r', place.ann, 'mine');
  await Promise.all([room.open(), place.clock.pass(10)]);
  await Promise.all([room.edit(message.seq, 'better'), room.react(message.seq, 'a', true), place.clock.pass(10)]);
  assert.deepEqual([texts(room), room.messages[0].reactions], [['better'], [{ emoji: 'a', count: 1, me: true }]]);
  place.server.react('r', place.bob, message.seq, 'a', true);
  await place.clock.pass(10);
  assert.deepEqual(room.messages[0].reactions, [{ emoji: 'a', count: 2, me: true }]);
  await Promise.all([room.delete(message.seq), place.clock.pass(10)]);
  assert.equal(room.messages[0].deleted, true);
  place.server.answers.edit = () => ({ type: 'error', code: 'gone', message: 'deleted', retry: false });
  await Promise.all([assert.rejects(room.edit(message.seq, 'x'), { name: 'Problem', code: 'gone' }), place.clock.pass(10)]);
});

test('typing is throttled, heard, and ends by itself', async () => {
  const place = town(), { room, of } = await live(place);
  for (let index = 0; index < 5; index++) room.type(true);
  await place.clock.pass(3_100);
  room.type(true);
  assert.equal(place.server.heard.filter(({ type }) => type === 'typing').length, 2);
  const typing = { type: 'typing', room: 'r', user: 'u-bob', on: true, ttl_ms: 6_000 };
  place.server.socket.push(typing);
  await place.clock.pass(3_000);
  place.server.socket.push(typing);
  await place.clock.pass(5_000);
  assert.deepEqual([...room.typing.keys()], ['u-bob']);
  await place.clock.pass(1_100);
  assert.equal(room.typing.size, 0);
  place.server.socket.push(typing);
  await place.clock.pass(10);
  place.server.post('r', place.bob, 'said');
  await place.clock.pass(10);
  assert.equal(room.typing.size, 0);
  assert.ok(of('room').some(([, , part]) => part === 'typing'));
});

test('users are asked for together and once', async () => {
  const place = town(), { chat, of } = await live(place);
  for (const id of ['u-bob', 'u-bob', 'u-nobody']) assert.equal(chat.user(id), undefined);
  await place.clock.pass(100);
  assert.equal(chat.user('u-bob').username, 'bob');
  assert.equal(chat.user('u-nobody'), undefined);
  await place.clock.pass(100);
  assert.equal(place.server.asked.filter((one) => one === 'GET /users').length, 1);
  assert.ok(of('users').length > 0);
});

test('the watch is repeated on a new line, and so is being away', async () => {
  const place = town(), { chat } = await live(place);
  chat.watch(['u-bob']);
  chat.setPresence('away');
  place.server.socket.push({ type: 'presence', user: 'u-bob', status: 'away' });
  await place.clock.pass(10);
  assert.equal(chat.presence.get('u-bob'), 'away');
  place.server.socket.drop();
  await place.clock.pass(1_000);
  assert.deepEqual(place.server.heard.filter(({ type }) => type === 'watch').map(({ users }) => users), [['u-bob'], ['u-bob']]);
  assert.equal(place.server.heard.filter(({ type }) => type === 'presence').length, 2);
  chat.watch([]);
  assert.equal(chat.presence.size, 0);
});

test('members are loaded page by page, and follow', async () => {
  const place = town(), { room } = await live(place);
  await Promise.all([room.loadMembers(), place.clock.pass(10)]);
  assert.deepEqual([[...room.members.keys()], room.membersLoaded], [['u-ann', 'u-bob'], true]);
  place.server.join('r', place.bob, false);
  await place.clock.pass(10);
  assert.deepEqual([...room.members.keys()], ['u-ann']);
});

test('a listener that throws is reported, and hinders neither the others nor the caller', async () => {
  const place = town(), { chat, of } = tab(place), { queueMicrotask } = globalThis, reported = [];
  const off = chat.on('state', () => { throw new Error('unwanted'); });
  off();
  chat.on('state', () => { throw new Error('of the view'); });
  chat.on('state', () => reported.push('after'));
  globalThis.queueMicrotask = (act) => { try { act(); } catch (error) { reported.push(error.message); } };
  chat.signIn({ username: 'ann' });
  await place.clock.pass(500);
  globalThis.queueMicrotask = queueMicrotask;
  assert.equal(chat.state, 'live');
  assert.deepEqual([...new Set(reported)], ['of the view', 'after']);
  assert.ok(of('state').length > 0);
});
