// What the client may cost: bytes before compression, time to the first picture of a big house, nodes and jumps in a long room.
// `CHAT_LONG_ROOM` is the number of messages of that room: 100,000, unless it says another.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PASSWORD, fresh, story, theServer, until } from './house.js';
import { Hand, each, pour } from './seed.js';

const BYTES = 120 * 1024;
const ROOMS = 200;
const PAINT_MS = 1_000;
const NODES = 600;
const LONG = Number(process.env.CHAT_LONG_ROOM ?? 100_000);
const SCREENS = 40;
/** Pixels that what is looked at may move when something comes in above. */
const STILL = 2;

/** Signs a person of `seed.js` in. */
async function enter(person, hand, options) {
  const one = await person('Ann', { isStranger: true, ...options });
  one.username = hand.username;
  await one.signIn(PASSWORD);
  await one.isIn();
  return one;
}

test('all that a page loads is at most 120 KiB before compression', async () => {
  const { origin } = await theServer(), sizes = new Map(), wanted = ['/'];
  while (wanted.length) {
    const path = wanted.pop();
    if (sizes.has(path)) continue;
    const answer = await fetch(origin + path, { headers: { 'accept-encoding': 'identity' } });
    assert.equal(answer.status, 200, path);
    const text = await answer.text();
    sizes.set(path, Buffer.byteLength(text));
    const found = /html/.test(answer.headers.get('content-type')) ? text.matchAll(/(?:href|src)="(\/ui\/[^"]+)"/g) : text.matchAll(/(?:from|import) ?['"]([^'"]+)['"]|url\(["']?([^"')]+)/g);
    for (const [, first, second] of found) wanted.push(new URL(first ?? second, origin + path).pathname);
  }
  const whole = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  console.log(`# ${whole} bytes of ${BYTES} in ${sizes.size} files`);
  assert.ok(sizes.size > 5 && whole <= BYTES, [...sizes].sort((a, b) => b[1] - a[1]).map((one) => one.join(' ')).join('\n'));
});

story(`the first picture of a house with ${ROOMS} rooms is there in a second`, async ({ person }) => {
  const { origin } = await theServer(), ann = await Hand.make(origin, fresh('Ann')), bob = await Hand.make(origin, fresh('Bob'));
  await each(Array.from({ length: ROOMS }, (_, index) => index), async (index) => {
    const room = await bob.room(fresh(`Room ${index}`), { topic: 'One of many' });
    await ann.join(room);
    await bob.say(room, `Here is message one of room ${index}`);
  });
  const one = await enter(person, ann, { scripts: [() => {
    const look = () => (document.querySelectorAll('.room-link').length >= 200 ? requestAnimationFrame(() => { window.painted = performance.now(); }) : requestAnimationFrame(look));
    requestAnimationFrame(look);
  }] });
  one.causes(/net::ERR_ABORTED/); // what was on its way when the story went elsewhere
  const painted = () => one.page.evaluate(() => window.painted ?? null);
  const times = [];
  for (let round = 0; round < 3; round += 1) {
    await one.page.goto('about:blank');
    await one.page.goto(`${origin}/`);
    await until('it is painted', async () => (await painted()) !== null);
    times.push(Math.round(await painted()));
  }
  console.log(`# ${ROOMS} rooms are painted after ${times.join(', ')} ms`);
  assert.ok(Math.min(...times) <= PAINT_MS, `${times} ms`);
  assert.equal(await one.page.locator('.room-link').count(), ROOMS);
});

/** What the timeline shows: its nodes, the numbers in order, and where they stand. */
const look = ({ page }) => page.evaluate(() => {
  const rows = [...document.querySelectorAll('.message[data-seq]')];
  return { nodes: document.querySelectorAll('.timeline *').length, seqs: rows.map((row) => Number(row.dataset.seq)) };
});
/** No number is missing or there twice between the first and the last. */
function sound({ nodes, seqs }) {
  assert.ok(nodes <= NODES, `${nodes} nodes`);
  assert.deepEqual(seqs, seqs.map((_, index) => seqs[0] + index));
  return nodes;
}

story(`a room of ${LONG} messages is scrolled ${SCREENS} screens up and back, and left for its first message`, async ({ person }) => {
  const { origin } = await theServer(), name = fresh('Chronicle'), started = Date.now();
  const hands = await Promise.all(['Ann', 'Bob', 'Eve', 'Joe'].map((who) => Hand.make(origin, fresh(who))));
  const room = await hands[0].room(name);
  for (const hand of hands.slice(1)) await hand.join(room);
  await pour(hands, room, LONG, (index) => `message ${index} ${'which is somewhat longer '.repeat(index % 7)}`);
  const { head } = await hands[0].ask('GET', `/rooms/${room.id}/messages?limit=1`);
  await hands[0].read(room, head);
  console.log(`# ${LONG} messages in ${Math.round((Date.now() - started) / 1000)} s`);
  const one = await enter(person, hands[0]), { page } = one;
  await one.go(name);
  await until('the newest is shown', async () => (await look(one)).seqs.at(-1) === head || (await look(one)).seqs.at(-1));

  // From frame to frame, what stands at the middle of the screen may move by what was scrolled and not by more.
  await page.evaluate(() => {
    const scroll = document.querySelector('.scroll');
    window.jumps = [];
    window.most = 0;
    let held = null;
    const frame = () => {
      window.most = Math.max(window.most, document.querySelectorAll('.timeline *').length);
      if (held?.row.isConnected && !window.turning) window.jumps.push(Math.abs(held.row.getBoundingClientRect().top - held.top));
      const edge = scroll.getBoundingClientRect();
      const row = [...document.querySelectorAll('.message[data-seq]')].find((each) => each.getBoundingClientRect().bottom > edge.top + edge.height / 2);
      held = row && { row, top: row.getBoundingClientRect().top };
      window.turning = false;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  /** One screen further, by hand, so that the watcher knows; then it waits for what comes in. */
  const turn = async (way) => {
    await page.evaluate((sign) => { const scroll = document.querySelector('.scroll'); window.turning = true; scroll.scrollTop += sign * scroll.clientHeight; }, way);
    await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 60); }));
  };
  let most = 0, first = head;
  for (const way of [-1, 1]) {
    for (let screen = 0; screen < SCREENS; screen += 1) {
      await turn(way);
      const seen = await look(one);
      most = Math.max(most, sound(seen));
      first = Math.min(first, seen.seqs[0]);
    }
  }
  const { jumps, peak } = await page.evaluate(() => ({ jumps: window.jumps, peak: window.most }));
  assert.ok(head - first > SCREENS * 5, `only back to ${first} of ${head}`);
  for (let screen = 0; screen < 12 && (await look(one)).seqs.at(-1) !== head; screen += 1) await turn(1);
  assert.equal((await look(one)).seqs.at(-1), head, 'not back at the end');
  console.log(`# back to ${first} of ${head}; at most ${Math.max(most, peak)} nodes; the biggest jump ${Math.max(...jumps).toFixed(2)} px in ${jumps.length} frames`);
  assert.ok(peak <= NODES, `${peak} nodes between frames`);
  assert.ok(jumps.length > SCREENS && Math.max(...jumps) <= STILL, `jumps of ${jumps.filter((jump) => jump > STILL).map((jump) => jump.toFixed(1))} px`);

  const begin = (await hands[0].ask('GET', `/rooms/${room.id}/messages?after=0&limit=1`)).items[0];
  await page.goto(`${origin}/#/room/${room.id}/${begin.seq}`);
  await one.row('message 0').or(page.locator(`.message[data-seq="${begin.seq}"]`)).first().waitFor();
  await until('it is in sight', () => page.locator(`.message[data-seq="${begin.seq}"]`).evaluate((row) => { const { top, bottom } = row.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; }));
  sound(await look(one));
  await one.page.locator('.jump').click();
  await until('the newest is shown again', async () => (await look(one)).seqs.at(-1) === head);
  sound(await look(one));
}, { timeout: 400_000 });

for (const height of [500, 900, 1440]) {
  story(`a room of short lines is scrolled to its first on a screen ${height} high, and then rests`, async ({ person }) => {
    const { origin } = await theServer(), name = fresh('Short'), [ann, bob] = await Promise.all(['Ann', 'Bob'].map((who) => Hand.make(origin, fresh(who))));
    const room = await ann.room(name);
    await bob.join(room);
    await pour([bob], room, 400, (index) => `line ${index}`);
    const { head } = await ann.ask('GET', `/rooms/${room.id}/messages?limit=1`);
    const begin = (await ann.ask('GET', `/rooms/${room.id}/messages?after=0&limit=1`)).items[0].seq;
    await ann.read(room, head);
    const one = await enter(person, ann, { width: 1440, height }), { page } = one;
    await one.go(name);
    const row = (seq) => page.locator(`.message[data-seq="${seq}"]`);
    await row(head).waitFor();
    await page.locator('.message').last().hover();
    await until('the first is shown', async () => {
      await page.mouse.wheel(0, -600);
      await page.waitForTimeout(60);
      return (await row(begin).count()) === 1;
    });
    await until('the last is shown', async () => {
      await page.mouse.wheel(0, 600);
      await page.waitForTimeout(60);
      return (await row(head).count()) === 1;
    });
    await page.waitForTimeout(300);
    const changes = await page.evaluate(() => new Promise((resolve) => {
      let count = 0;
      new MutationObserver((some) => { count += some.length; }).observe(document.querySelector('.timeline ol'), { childList: true });
      setTimeout(() => resolve(count), 1000);
    }));
    assert.equal(changes, 0);
  });
}
