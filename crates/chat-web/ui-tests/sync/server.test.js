// The client against the real server: a conversation, deaths of the server, endings of sessions. `CHAT_SERVER` names the
// binary; without it the debug build is taken.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { Chat } from '../../ui/sync/chat.js';
import { FakeStorage } from './fake.js';
import { Server, raised } from './server.js';

const PATIENCE_MS = 20_000;
const limits = { timeout: 60_000 };
let server, serial = 0;
const opened = [];

before(async () => { server = await Server.start(); }, limits);
after(async () => {
  for (const chat of opened) if (chat.state !== 'signed_out') await chat.signOut().catch(() => {});
  await server.end();
}, limits);

async function until(what, holds) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`not in time: ${what}`);
}

function client(storage = new FakeStorage(), origin = server.origin) {
  const chat = new Chat({ origin, storage, WebSocket, fetch, client: 'test/1' });
  const heard = [];
  for (const name of ['signed_out', 'evicted', 'message', 'state']) chat.on(name, (...details) => heard.push([name, ...details]));
  opened.push(chat);
  return { chat, heard, storage };
}

async function person(name, origin) {
  const made = client(undefined, origin), username = `${name}${++serial}`;
  await made.chat.signUp({ username, password: 'correct horse battery', display_name: name, device: 'test' });
  await until(`${name} is live`, () => made.chat.state === 'live');
  return { ...made, username };
}

/** Two people in one room, both with it open. */
async function pair(origin) {
  const ann = await person('ann', origin), bob = await person('bob', origin);
  const made = await ann.chat.api.createRoom({ kind: 'public', name: `room ${++serial}` });
  const annRoom = ann.chat.adopt({ room: made });
  const bobRoom = bob.chat.adopt({ room: made, member: await bob.chat.api.join(made.id) });
  await Promise.all([annRoom.open(), bobRoom.open()]);
  await until('both listen', () => [annRoom, bobRoom].every(({ epoch, cursor, head }) => epoch && cursor === head));
  return { ann, bob, annRoom, bobRoom };
}

const texts = (room) => room.messages.map(({ text }) => text);

test('two people talk, edit, react, delete, read', limits, async () => {
  const { ann, bob, annRoom, bobRoom } = await pair();
  for (const text of ['one', 'two', `three @${bob.username}`]) annRoom.send(text);
  await until('bob hears', () => bobRoom.messages.length === 3);
  assert.deepEqual([texts(bobRoom).slice(0, 2), bobRoom.unread, bobRoom.mentions], [['one', 'two'], 3, 1]);
  const [one, two] = bobRoom.messages.map(({ seq }) => seq);
  await bobRoom.react(one, '👍', true);
  await annRoom.react(one, '👍', true);
  await annRoom.edit(two, 'TWO');
  await until('bob hears the edit', () => bobRoom.find(two).text === 'TWO');
  assert.deepEqual(bobRoom.find(one).reactions, [{ emoji: '👍', count: 2, me: true }]);
  await assert.rejects(bobRoom.edit(two, 'not mine'), { name: 'Problem', code: 'forbidden' });
  await annRoom.delete(two);
  await until('bob hears the deletion', () => bobRoom.find(two).deleted);
  assert.equal(bobRoom.unread, 2);
  bobRoom.markRead(bobRoom.head);
  assert.equal(bobRoom.unread, 0);
  const told = async () => (await bob.chat.api.sync()).rooms.find(({ room }) => room.id === bobRoom.id).unread === 0;
  await until('the server knows', told);
  assert.equal(bob.heard.filter(([name]) => name === 'message').length, 3);
  await until('nothing waits', () => annRoom.outbox.length === 0);
  ann.chat.watch([bob.chat.me.id]);
  await until('presence', () => ann.chat.presence.get(bob.chat.me.id) === 'online');
  bobRoom.type(true);
  await until('typing', () => annRoom.typing.has(bob.chat.me.id));
  await annRoom.loadMembers();
  assert.equal(annRoom.members.size, 2);
  assert.equal((await annRoom.open(), await ann.chat.api.findUsers(bob.username)).items[0].id, bob.chat.me.id);
});

test('a direct room knows its peer, on both sides', limits, async () => {
  const ann = await person('ann'), bob = await person('bob');
  const room = ann.chat.adopt({ room: await ann.chat.api.createRoom({ kind: 'direct', members: [bob.chat.me.id] }) });
  await until('ann knows', () => room.peer === bob.chat.me.id);
  await until('bob knows', () => bob.chat.rooms.get(room.id)?.peer === ann.chat.me.id);
});

test('kicked, and back again', limits, async () => {
  const { ann, bob, annRoom } = await pair();
  await ann.chat.api.kick(annRoom.id, bob.chat.me.id);
  await until('bob is out', () => !bob.chat.rooms.has(annRoom.id));
  await ann.chat.api.setMember(annRoom.id, bob.chat.me.id, {});
  await until('bob is in', () => bob.chat.rooms.has(annRoom.id));
  annRoom.send('welcome back');
  await until('bob hears', () => bob.chat.rooms.get(annRoom.id).last?.text === 'welcome back');
  assert.deepEqual(bob.heard.filter(([name]) => name === 'evicted').map(([, , reason]) => reason), ['kicked']);
});

test('history in pages, and a jump', limits, async () => {
  const { annRoom, bobRoom } = await pair();
  for (let index = 0; index < 130; index++) annRoom.send(String(index));
  await until('all are there', () => bobRoom.last?.text === '129' && annRoom.outbox.length === 0);
  await bobRoom.jump(bobRoom.messages[0].seq + 20);
  assert.deepEqual(texts(bobRoom), Array.from({ length: 130 }, (_, index) => String(index)));
});

test('the server is killed in the middle of a burst: nothing is lost or doubled, and both see one order', { timeout: 120_000 }, async () => {
  const own = await Server.start();
  try {
    const { annRoom, bobRoom } = await pair(own.origin);
    const said = { a: [], b: [] };
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 60; index++) {
        said.a.push(`a${round}-${index}`);
        said.b.push(`b${round}-${index}`);
        annRoom.send(said.a.at(-1));
        bobRoom.send(said.b.at(-1));
      }
      await until('some are through', () => bobRoom.messages.length > round * 120 + 10);
      await own.kill('SIGKILL');
      await until('it was noticed', () => [...opened].slice(-2).every(({ state }) => state !== 'live'));
      assert.ok(annRoom.outbox.length + bobRoom.outbox.length > 0, 'the burst was over before the kill');
      await own.again();
      await until('everything is through', () => annRoom.outbox.length + bobRoom.outbox.length === 0);
    }
    await until('both are level', () => annRoom.cursor === bobRoom.cursor && annRoom.messages.length === 360);
    assert.deepEqual(texts(annRoom), texts(bobRoom));
    assert.deepEqual(texts(annRoom).filter((text) => text[0] === 'a'), said.a);
    assert.deepEqual(texts(annRoom).filter((text) => text[0] === 'b'), said.b);
  } finally {
    await own.end();
  }
});

test('what was not sent when the page died is sent by the next page', { timeout: 60_000 }, async () => {
  const own = await Server.start();
  try {
    const { ann, annRoom, bobRoom } = await pair(own.origin);
    await own.kill('SIGKILL');
    for (const text of ['one', 'two', 'three']) annRoom.send(text);
    ann.chat.online(false);
    const next = client(ann.storage, own.origin);
    await next.chat.start();
    assert.deepEqual([next.chat.me.id, next.heard.filter(([name]) => name === 'signed_out')], [ann.chat.me.id, []]);
    await own.again();
    await until('bob hears', () => bobRoom.messages.length === 3);
    assert.deepEqual(texts(bobRoom), ['one', 'two', 'three']);
    assert.deepEqual([...ann.storage.map.keys()].filter((key) => key.startsWith('chat.outbox')), []);
  } finally {
    await own.end();
  }
});

test('SIGTERM says bye, and the client comes back by itself', { timeout: 60_000 }, async () => {
  const own = await Server.start();
  try {
    const { annRoom, bobRoom } = await pair(own.origin);
    const [ann, bob] = opened.slice(-2);
    await own.kill('SIGTERM');
    await until('both wait', () => ann.state !== 'live' && bob.state !== 'live');
    annRoom.send('while you were away');
    await own.again();
    await until('both are back', () => ann.state === 'live' && bob.state === 'live');
    await until('bob hears', () => texts(bobRoom).includes('while you were away'));
  } finally {
    await own.end();
  }
});

test('signed out elsewhere is signed out here', limits, async () => {
  const here = await person('ann'), elsewhere = client();
  await elsewhere.chat.signIn({ username: here.username, password: 'correct horse battery' });
  await elsewhere.chat.api.deleteSession(here.chat.session);
  await until('it ended', () => here.chat.state === 'signed_out');
  assert.deepEqual(here.heard.filter(([name]) => name === 'signed_out'), [['signed_out', 'revoked']]);
  assert.equal(here.storage.map.size, 0);
});

test('a short-lived token is renewed on the same socket', { timeout: 60_000 }, async () => {
  const own = await Server.start({ ...raised, CHAT_AUTH__ACCESS_TTL_S: '6' });
  try {
    const { annRoom, bobRoom, ann } = await pair(own.origin);
    const before = ann.heard.filter(([name, state]) => name === 'state' && state === 'connecting').length;
    await new Promise((resolve) => setTimeout(resolve, 18_000));
    annRoom.send('still here');
    await until('bob hears', () => texts(bobRoom).includes('still here'));
    assert.equal(ann.heard.filter(([name, state]) => name === 'state' && state === 'connecting').length, before);
  } finally {
    await own.end();
  }
});

test('with the rates of every day a burst is slowed down, and arrives in order', { timeout: 60_000 }, async () => {
  const own = await Server.start({});
  try {
    const { annRoom, bobRoom } = await pair(own.origin);
    const said = Array.from({ length: 30 }, (_, index) => String(index));
    for (const text of said) annRoom.send(text);
    await until('all are there', () => bobRoom.messages.length === said.length);
    assert.deepEqual(texts(bobRoom), said);
  } finally {
    await own.end();
  }
});
