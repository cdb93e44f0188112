// The node of a cluster that pages are connected to is stopped, gently and not: the pages go on at the other node, and nothing is lost or doubled.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { NETWORK, fresh, story, until } from './house.js';
import { cluster } from './cluster.js';

const EACH = 18;
let town = null;
before(async () => { town = await cluster(); }, { timeout: 90_000 });
after(() => town?.end(), { timeout: 60_000 });

test('the cluster stands', () => assert.equal(town.nodes.length, 2));

for (const signal of ['SIGTERM', 'SIGKILL']) {
  story(`two people on one node, which ends by ${signal} in the middle of a run of messages`, async ({ person }) => {
    const [one, other] = town.nodes;
    const ann = await person('Ann', { origin: town.origin }), room = fresh('Hall');
    await ann.makeRoom(room);
    town.prefer(other);
    const eve = await person('Eve', { origin: town.origin });
    await eve.join(room);
    town.prefer(one);
    const bob = await person('Bob', { origin: town.origin });
    await bob.join(room);
    const people = [ann, bob, eve], said = new Map(people.map((who) => [who, []]));
    for (const who of people) who.causes(NETWORK, /^request: /);
    const writing = people.map(async (who) => {
      for (let index = 0; index < EACH; index += 1) {
        said.get(who).push(`${who.name} ${index}`);
        await who.say(said.get(who).at(-1));
      }
    });
    await until('some are through', async () => (await eve.texts()).length > 8);
    town.prefer(other);
    await one.kill(signal);
    await Promise.all(writing);
    for (const who of people) await until(`${who.name} sees all and nothing waits`, async () => ((await who.texts()).length === EACH * people.length && (await who.states()).length === 0) || who.texts(), 40_000);
    const seen = await ann.texts();
    for (const who of people) {
      await who.sees(seen);
      assert.deepEqual(seen.filter((text) => text.startsWith(who.name)), said.get(who));
      await until('the banner is gone', async () => (await who.banner.innerText()) === '');
    }
    await one.again();
    town.prefer(one);
  });
}
