// The whole client against a hostile line: pushes are dropped, repeated and reordered, sockets cut, pages killed and begun anew
// from storage, while people write. When peace comes every page shows what the server holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeStorage, dice } from './fake.js';
import { tab, town } from './tab.js';

const RUNS = 25;
const STEPS = 150;

for (let seed = 1; seed <= RUNS; seed++) {
  test(`seed ${seed}`, { timeout: 60_000 }, async () => {
    const place = town(), random = dice(seed), { server, clock, ann, bob } = place;
    server.room('q', bob, ann);
    server.post('r', bob, 'first');
    const storages = new Map([['ann', new FakeStorage()], ['bob', new FakeStorage()]]);
    const tabs = new Map();
    const pick = (list) => list[Math.floor(random() * list.length)];
    let held = null, serial = 0;
    server.hostile = (frame) => {
      const fate = random();
      const early = held;
      held = null;
      if (fate < 0.05) return early ? [early.frame] : [];
      if (fate < 0.10) return [frame, frame, ...(early ? [early.frame] : [])];
      if (fate < 0.15) { held = { frame }; return early ? [early.frame] : []; }
      return [frame, ...(early && early.frame.room === frame.room ? [early.frame] : [])];
    };
    const begin = async (name) => {
      const made = tab(place, { storage: storages.get(name), seed: seed * 1_000 + ++serial });
      tabs.set(name, made);
      if (storages.get(name).getItem('chat.session')) made.chat.start();
      else made.chat.signIn({ username: name, password: 'x' });
      await clock.pass(300);
      made.chat.rooms.get('r')?.open().catch(() => {});
    };
    for (const name of storages.keys()) await begin(name);
    const said = [];
    for (let step = 0; step < STEPS; step++) {
      const name = pick([...tabs.keys()]), { chat } = tabs.get(name), room = chat.rooms.get(pick(['r', 'r', 'q'])), fate = random();
      if (fate < 0.03) for (const socket of server.sockets) if (socket.open && socket.user === `u-${name}`) socket.drop(pick([1006, 1012, 4410, 4401]));
      if (fate >= 0.03 && fate < 0.05) {
        for (const socket of server.sockets) if (socket.user === `u-${name}`) socket.close();
        tabs.get(name).chat.online(false);
        await begin(name);
      }
      if (room && fate >= 0.05 && fate < 0.5) {
        const text = `${name} ${step}`;
        said.push([room.id, name, text]);
        room.send(text);
      }
      if (room && fate >= 0.5 && fate < 0.8) {
        const message = pick([...server.rooms.get(room.id).messages.values()].filter(({ deleted }) => !deleted));
        if (message && random() < 0.7) room.react(message.seq, pick(['a', 'b']), random() < 0.6).catch(() => {});
        else if (message && random() < 0.5) room.edit(message.seq, `edited ${step}`).catch(() => {});
        else if (message && message.text === 'first') room.delete(message.seq).catch(() => {});
      }
      if (room && fate >= 0.8 && fate < 0.85) room.markRead(room.head);
      if (fate >= 0.85 && fate < 0.9) server.beat();
      await clock.pass(Math.floor(random() * 400));
    }
    server.hostile = null;
    for (let beat = 0; beat < 8; beat++) {
      await clock.pass(20_000);
      server.beat();
    }
    await clock.pass(5_000);

    for (const [name, { chat }] of tabs) {
      assert.equal(chat.state, 'live');
      const picture = server.sync(`u-${name}`);
      for (const { room: { id }, head, read, unread, mentions, last } of picture.rooms) {
        const room = chat.rooms.get(id), entry = server.rooms.get(id);
        assert.deepEqual([room.cursor, room.read, room.unread, room.mentions, room.last?.seq, room.outbox], [head, read, unread, mentions, last?.seq, []], `${name} ${id}`);
        await Promise.all([room.open(), clock.pass(100)]);
        const bare = ({ nonce, reactions, ...message }) => ({ ...message, reactions: [...reactions].sort((a, b) => (a.emoji < b.emoji ? -1 : 1)) });
        const wanted = [...entry.messages.values()].sort((a, b) => a.seq - b.seq).map((message) => bare(server.seen(entry, message, `u-${name}`)));
        assert.deepEqual(room.messages.map(bare), wanted.slice(-room.messages.length));
        assert.ok(room.messages.length === wanted.length || room.moreBefore);
      }
    }
    for (const id of ['r', 'q']) {
      const posts = [...server.rooms.get(id).messages.values()];
      for (const name of ['ann', 'bob']) {
        // Sent once each, in the order in which they were said. Edits replace texts, so nonces are counted and untouched texts ordered.
        const mine = posts.filter(({ author, text }) => author === `u-${name}` && text && text !== 'first' && !/^edited/.test(text)).map(({ text }) => text);
        const order = said.filter(([room, who]) => room === id && who === name).map(([, , text]) => text);
        assert.deepEqual(mine, order.filter((text) => mine.includes(text)));
        assert.equal(posts.filter(({ author, nonce }) => author === `u-${name}` && !nonce.endsWith('-padding')).length, order.length);
      }
    }
  });
}
