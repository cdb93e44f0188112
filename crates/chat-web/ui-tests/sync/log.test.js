// The pure part: cursor, gap, batch, reset, `rev`, own reactions, the piece of history, counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { log as make } from '../../ui/sync/log.js';

const room = (rev = 1) => ({ id: 'r', rev, name: `name ${rev}` });
const member = (user, rev, more = {}) => ({ room: 'r', user, rev, role: 'member', in: true, ...more });
const message = (seq, more = {}) => ({ room: 'r', seq, rev: seq, author: 'bob', text: `text ${seq}`, mentions: [], mentions_room: false, reactions: [], edited_at: null, deleted: false, ...more });
const event = (seq, data, by = 'bob', kind = 'message') => ({ type: 'event', room: 'r', seq, kind, by, data });
const batch = (from, to, messages, more = {}) => ({ type: 'batch', room: 'r', epoch: 'e', from, to, head: to, more: false, messages, members: [], ...more });
const page = (items, more = {}) => ({ items, epoch: 'e', head: items.at(-1)?.seq ?? 0, floor: 0, more_before: false, more_after: false, ...more });
const seqs = (log) => log.messages.map(({ seq }) => seq);

/** A log that was opened at `head` 3 with message 3. */
function opened(items = [message(3)], more = {}) {
  const log = make('me', room(), member('me', 2));
  log.snapshot({ room: room(), member: member('me', 2), epoch: 'e', head: 3, floor: 0, read: 3, unread: 0, mentions: 0, last: items.at(-1) ?? null, ...more });
  log.expect();
  log.page(page(items, { head: 3, ...more }), undefined);
  log.settle();
  return log;
}

test('exactly the next event is applied, earlier ones are dropped, later ones are a gap', () => {
  const log = opened();
  assert.equal(log.event(event(5, message(5))).gap, true);
  assert.equal(log.cursor, 3);
  assert.equal(log.event(event(4, message(4))).gap, false);
  assert.deepEqual([log.cursor, seqs(log)], [4, [3, 4]]);
  assert.equal(log.event(event(4, message(4, { text: 'again' }))).parts.size, 0);
  assert.deepEqual([log.cursor, log.messages[1].text], [4, 'text 4']);
});

test('an unknown kind moves the cursor', () => {
  const log = opened();
  log.event(event(4, { anything: true }, 'bob', 'poll'));
  assert.equal(log.cursor, 4);
});

test('an object is replaced by a higher rev only', () => {
  const log = opened([message(3, { rev: 9, text: 'newer' })]);
  log.event(event(4, message(3, { rev: 4, text: 'older' })));
  assert.equal(log.messages[0].text, 'newer');
  log.event(event(5, { ...room(5) }, 'bob', 'room'));
  assert.equal(log.room.name, 'name 5');
});

test('the answer to subscribe does not move the cursor', () => {
  const log = opened();
  log.place({ epoch: 'e', head: 9, floor: 0 });
  assert.deepEqual([log.cursor, log.head], [3, 9]);
});

test('a message that was changed later comes in a later batch and finds its place', () => {
  const log = opened();
  log.batch(batch(3, 6, [message(6), message(4)], { more: true, head: 8 }));
  assert.deepEqual(seqs(log), [3, 4, 6]);
  const { fresh } = log.batch(batch(6, 8, [message(5, { rev: 8, edited_at: 'now' }), message(7)]));
  assert.deepEqual([seqs(log), log.cursor], [[3, 4, 5, 6, 7], 8]);
  assert.deepEqual(fresh.map(({ seq }) => seq), [5, 7]);
});

test('a batch that begins after the cursor is a gap, one that ends before it changes nothing', () => {
  const log = opened();
  assert.equal(log.batch(batch(5, 6, [message(6)])).gap, true);
  assert.equal(log.batch(batch(1, 2, [message(2)])).gap, false);
  assert.deepEqual([log.cursor, seqs(log)], [3, [3]]);
});

test('a batch of another epoch is not believed', () => {
  const log = opened();
  log.batch(batch(3, 4, [message(4)], { epoch: 'other' }));
  assert.deepEqual([log.cursor, seqs(log)], [3, [3]]);
});

test('what arrives while a page is under way is merged into it', () => {
  const log = make('me', room(), member('me', 2));
  log.snapshot({ room: room(), member: member('me', 2), epoch: 'e', head: 3, floor: 0, read: 3, unread: 0, mentions: 0, last: null });
  log.expect();
  log.event(event(4, message(4)));
  log.event(event(5, message(3, { rev: 5, text: 'edited' })));
  log.page(page([message(2), message(3)], { head: 3 }));
  log.settle();
  assert.deepEqual(log.messages.map(({ text }) => text), ['text 2', 'edited', 'text 4']);
  log.event(event(6, message(6)));
  assert.deepEqual(seqs(log), [2, 3, 4, 6]);
});

test('a page may be ahead of the cursor: what it held is not doubled', () => {
  const log = make('me', room(), member('me', 2));
  log.snapshot({ room: room(), member: member('me', 2), epoch: 'e', head: 3, floor: 0, read: 3, unread: 0, mentions: 0, last: null });
  log.expect();
  log.page(page([message(3), message(4), message(5)], { head: 5 }));
  log.settle();
  log.event(event(4, message(4)));
  log.event(event(5, message(5)));
  assert.deepEqual([seqs(log), log.unread], [[3, 4, 5], 2]);
});

test('a live message is appended only where the piece reaches the newest end', () => {
  const log = opened([message(1), message(2)], { more_after: true });
  log.event(event(4, message(4)));
  log.event(event(5, message(2, { rev: 5, text: 'edited' })));
  assert.deepEqual([seqs(log), log.messages[1].text, log.unread, log.last.seq], [[1, 2], 'edited', 1, 4]);
});

test('the piece is bounded at both ends', () => {
  const log = opened([]);
  for (let seq = 4; seq < 1004; seq++) log.event(event(seq, message(seq)));
  assert.deepEqual([log.messages.length, log.messages[0].seq, log.moreBefore, log.moreAfter], [600, 404, true, false]);
  log.expect();
  log.page(page(Array.from({ length: 50 }, (_, index) => message(354 + index)), { head: 1003, more_before: true, more_after: true }), 'before');
  log.settle();
  assert.deepEqual([log.messages.length, log.messages[0].seq, log.messages.at(-1).seq, log.moreAfter], [600, 354, 953, true]);
});

test('own reactions survive live events, which do not tell', () => {
  const log = opened([message(3, { reactions: [{ emoji: 'a', count: 1, me: true }] })]);
  const reactions = () => log.messages[0].reactions.map(({ emoji, count, me = false }) => `${emoji}${count}${me ? '!' : ''}`).join();
  log.event(event(4, message(3, { rev: 4, reactions: [{ emoji: 'a', count: 2 }] })));
  assert.equal(reactions(), 'a2!');
  log.event(event(5, message(3, { rev: 5, reactions: [{ emoji: 'a', count: 2 }, { emoji: 'b', count: 1 }] }), 'me'));
  assert.equal(reactions(), 'a2!,b1!');
  log.event(event(6, message(3, { rev: 6, reactions: [{ emoji: 'a', count: 1 }, { emoji: 'b', count: 1 }] }), 'me'));
  assert.equal(reactions(), 'a1,b1!');
  log.batch(batch(6, 7, [message(3, { rev: 7, reactions: [{ emoji: 'a', count: 2, me: true }] })]));
  assert.equal(reactions(), 'a2!');
  log.own(3, 'a', false);
  assert.equal(reactions(), 'a2');
});

test('members who left do not come back by an older page', () => {
  const log = opened();
  log.event(event(4, member('bob', 4), 'bob', 'member'));
  log.event(event(5, member('bob', 5, { in: false }), 'bob', 'member'));
  for (const one of [member('bob', 4), member('cid', 1)]) log.learn({ member: one });
  assert.deepEqual([...log.members.keys()].filter((user) => user !== 'me'), ['cid']);
  log.event(event(6, member('me', 6, { role: 'admin' }), 'bob', 'member'));
  assert.equal(log.member.role, 'admin');
});

test('unread and mentions: others only, deletions take back, edits move mentions', () => {
  const log = opened([message(3)], { unread: 2, mentions: 1, read: 0 });
  assert.deepEqual([log.unread, log.mentions], [2, 1]);
  log.event(event(4, message(4, { mentions: ['me'] })));
  log.event(event(5, message(5, { author: 'me' }), 'me'));
  log.event(event(6, message(6, { mentions_room: true })));
  assert.deepEqual([log.unread, log.mentions], [4, 3]);
  log.event(event(7, message(4, { rev: 7, deleted: true, text: null })));
  assert.deepEqual([log.unread, log.mentions], [3, 2]);
  log.event(event(8, message(6, { rev: 8, edited_at: 'now' })));
  assert.deepEqual([log.unread, log.mentions], [3, 1]);
  log.event(event(9, message(3, { rev: 9, deleted: true, text: null })));
  assert.deepEqual([log.unread, log.doubtful], [2, false]);
});

test('reading sets the counts: exact where the piece holds what is after the marker, else doubtful', () => {
  const log = opened([message(3)], { unread: 3, mentions: 0, read: 0 });
  log.event(event(4, message(4)));
  log.mark(3);
  assert.deepEqual([log.unread, log.doubtful], [1, false]);
  log.mark(2);
  assert.equal(log.read, 3);
  const far = opened([message(3)], { unread: 50, mentions: 0, read: 0, head: 90, more_after: true });
  far.mark(40);
  assert.equal(far.doubtful, true);
  far.mark(90);
  assert.equal(far.unread, 0);
});

test('a snapshot that is older than what was heard does not count the deleted', () => {
  const log = opened([message(3)], { unread: 1, mentions: 0, read: 0 });
  log.event(event(4, message(4)));
  log.event(event(5, message(3, { rev: 5, deleted: true, text: null })));
  log.snapshot({ room: room(), member: member('me', 2), epoch: 'e', head: 4, floor: 0, read: 0, unread: 2, mentions: 0, last: message(4) });
  assert.equal(log.unread, 1);
});

test('counts stop at 100', () => {
  const log = opened([], { unread: 90, mentions: 90, read: 0 });
  for (let seq = 4; seq < 40; seq++) log.event(event(seq, message(seq, { mentions: ['me'] })));
  assert.deepEqual([log.unread, log.mentions], [100, 100]);
});

test('the newest message is the newest that is not deleted', () => {
  const log = opened([message(2), message(3)]);
  log.event(event(4, message(3, { rev: 4, deleted: true, text: null })));
  assert.equal(log.last.seq, 2);
  const closed = make('me', room(), member('me', 2));
  closed.snapshot({ room: room(), member: member('me', 2), epoch: 'e', head: 3, floor: 0, read: 3, unread: 0, mentions: 0, last: message(3) });
  closed.event(event(4, message(3, { rev: 4, deleted: true, text: null })));
  assert.equal(closed.doubtful, true);
});
