// What a real server said (`recorded/room.jsonl`, see `record.js`), played into the reducers: straight, resumed, and through a
// line that drops, repeats, reorders and cuts, with kills in between. The end is always the state that REST told.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { log as make } from '../../ui/sync/log.js';
import { dice } from './fake.js';

const RUNS = 300;
const lines = readFileSync(new URL('recorded/room.jsonl', import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const { me } = lines[0];
const body = (as, rest) => structuredClone(lines.find((line) => line.as === as && line.rest?.startsWith(rest)).body);
const frames = (as) => structuredClone(lines.filter((line) => line.as === as && line.frame).map(({ frame }) => frame));
const events = frames('live').filter(({ type }) => type === 'event');
const start = body('start', 'sync').rooms[0], final = body('end', 'sync').rooms[0], history = body('end', 'messages');
const head = events.at(-1).seq;
const copy = (value) => structuredClone(value);

/** Opened where the recording begins: an empty room. */
function begin() {
  const log = make(me, { ...start.room, rev: 0 }, { ...start.member, rev: 0 });
  log.snapshot(copy(start));
  log.expect();
  log.page({ items: [], epoch: start.epoch, head: start.head, floor: 0, more_before: false, more_after: false });
  log.settle();
  return log;
}

/** All that may be compared; `nonce` is in live events and elsewhere for the author only. */
const state = ({ messages, members, room, member, cursor, last, unread, mentions, read }) => ({
  messages: messages.map(({ nonce, ...message }) => ({ ...message, reactions: [...message.reactions].sort((a, b) => (a.emoji < b.emoji ? -1 : 1)) })),
  members: [...members.values()].filter(({ user }) => user !== me).sort((a, b) => (a.user < b.user ? -1 : 1)), room, member, cursor, last: last.seq, unread, mentions, read,
});

const reference = begin();
/** What each message looked like to `me` after each event: own reactions marked. */
const seen = new Map();
for (const event of copy(events)) {
  reference.event(event);
  if (event.kind === 'message') seen.set(event.seq, copy(reference.find(event.data.seq)));
}

/** The catch-up in (`from`, `to`], as the protocol defines it. */
function batch(from, to, more = false) {
  const latest = { message: new Map(), member: new Map(), room: new Map() };
  for (const { seq, kind, data } of events) {
    if (seq <= head) latest[kind].set(data.seq ?? data.user ?? data.id, seq);
  }
  const inside = (kind) => [...latest[kind].values()].filter((seq) => seq > from && seq <= to);
  const data = (seq) => copy(events.find((event) => event.seq === seq).data);
  return { type: 'batch', room: start.room.id, epoch: start.epoch, from, to, head, more,
    messages: inside('message').map((seq) => copy(seen.get(seq))), members: inside('member').map(data), state: inside('room').map(data)[0] };
}

test('the recorded events are the log without holes', () => {
  assert.ok(events.length > 100);
  assert.deepEqual(events.map(({ seq }) => seq), Array.from({ length: events.length }, (_, index) => start.head + 1 + index));
});

test('played straight, the room is what REST tells', () => {
  const { messages, room, member, last, unread, mentions, read } = state(reference);
  assert.deepEqual(messages, state({ ...reference, messages: history.items, members: new Map(), last: final.last }).messages);
  assert.deepEqual([room, member, last, read], [final.room, final.member, final.last.seq, final.read]);
  assert.deepEqual([unread, mentions], [final.unread, final.mentions]);
  const members = body('end', 'members').items;
  for (const member of reference.members.values()) assert.deepEqual(members.find(({ user }) => user === member.user), member);
  for (const { user, rev } of members) assert.ok(reference.members.has(user) || rev <= start.head);
});

for (const after of [3, 40, 100]) {
  test(`resumed by the recorded batches after ${after}, it is the same`, () => {
    const log = begin();
    for (const event of copy(events)) if (event.seq <= after) log.event(event);
    for (const frame of frames(`resume ${after}`)) log.batch(frame);
    assert.deepEqual(state(log), state(reference));
  });
}

/** One client behind a hostile line. Everything that the protocol lets happen happens; the driver only does what it must. */
function hostile(seed) {
  const random = dice(seed);
  let log = begin(), at = 0, cut = false;
  const resume = () => {
    cut = true;
    for (let from = log.cursor; from < head; ) {
      const to = Math.min(head, from + 1 + Math.floor(random() * 60));
      if (random() < 0.1) return; // The line is cut between two batches.
      assert.equal(log.batch(batch(from, to, to < head)).gap, false);
      from = to;
      if (random() < 0.2) log.batch(batch(Math.max(start.head, to - 5), to)); // And one comes twice.
    }
    cut = false;
  };
  while (log.cursor < head) {
    const fate = random(), next = events[at];
    if (cut || fate < 0.03) resume(); // Live events come only after the last batch.
    else if (fate < 0.05) { // A kill: a new page begins with what REST tells at this moment.
      log = begin();
      cut = false;
      const known = begin();
      for (const event of copy(events.slice(0, at))) known.event(event);
      log.expect();
      log.page({ items: copy(known.messages), epoch: start.epoch, head: known.cursor, floor: 0, more_before: false, more_after: false });
      log.settle();
    } else if (!next) at = Math.max(0, log.cursor - start.head - Math.floor(random() * 3)); // Nothing more comes: the heartbeat shows it.
    else if (fate < 0.10) at++; // Lost.
    else if (fate < 0.15) at = Math.max(0, at - Math.floor(random() * 4)); // Again.
    else if (fate < 0.20 && events[at + 1]) { // The later one first.
      if (log.event(copy(events[at + 1])).gap && random() < 0.5) resume();
    } else {
      const { cursor } = log;
      const { gap } = log.event(copy(next));
      assert.equal(gap, next.seq > cursor + 1);
      at++;
      if (gap && random() < 0.7) resume();
    }
    const seqs = log.messages.map(({ seq }) => seq);
    assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b), `doubled or out of order, seed ${seed}`);
  }
  return log;
}

test(`${RUNS} hostile lines end in the same state`, () => {
  const wanted = state(reference);
  for (let seed = 1; seed <= RUNS; seed++) assert.deepEqual(state(hostile(seed)), wanted, `seed ${seed}`);
});
