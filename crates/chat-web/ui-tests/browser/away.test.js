// What a client is for: the network goes, the server is killed, a page is reloaded in between. Nothing is lost, nothing is doubled, and both see one order.

import assert from 'node:assert/strict';
import { NETWORK, fresh, shows, story, theServer, until } from './house.js';
import { Server } from '../sync/server.js';
import { balancer } from './balancer.js';

/** Messages of each in a round: all of them fit into the rows that a timeline shows. */
const EACH = 18;
/** Screens on which all of them have a row. */
const TALL = { height: 1600 };
const WAITING = 'Waiting to be sent';

/** Two people in a room of theirs. */
async function pair({ person }) {
  const ann = await person('Ann', TALL), bob = await person('Bob', TALL), room = fresh('Tunnel');
  await ann.makeRoom(room);
  await bob.join(room);
  await ann.say('before');
  await bob.sees(['before']);
  return { ann, bob, room };
}
/** Both screens show all of `said`, each person's texts in the order in which they were said, and no state is left. */
async function agree(people, said) {
  const count = Object.values(said).flat().length;
  for (const one of people) await until(`${one.name} sees ${count} and nothing waits`, async () => ((await one.texts()).length === count && (await one.states()).length === 0) || one.texts(), 40_000);
  const seen = await people[0].texts();
  for (const one of people) await one.sees(seen);
  for (const texts of Object.values(said)) assert.deepEqual(seen.filter((text) => texts.includes(text)), texts);
}

/** A story with a server that may be killed. */
const mortal = (name, run) => story(name, async (hall) => {
  const server = await Server.start();
  try {
    await run({ ...hall, server, person: (who, options) => hall.person(who, { origin: server.origin, ...options }) });
  } finally {
    await server.end();
  }
});

story('one is offline and writes, the other writes too: all of it is there, once, in one order', async (hall) => {
  const { ann, bob } = await pair(hall);
  ann.causes(NETWORK, /^request: /);
  await ann.context.setOffline(true);
  await ann.page.getByText('No connection').waitFor();
  await ann.say('a1', 'a2', 'a3');
  await shows([WAITING, WAITING, WAITING], () => ann.states());
  await ann.sees(['before', 'a1', 'a2', 'a3']);
  await bob.say('b1', 'b2');
  await bob.sees(['before', 'b1', 'b2']);
  await ann.context.setOffline(false);
  await agree([ann, bob], { ann: ['before', 'a1', 'a2', 'a3'], bob: ['b1', 'b2'] });
  await ann.page.getByText('No connection').waitFor({ state: 'detached' });
  ann.heals();
  await ann.say('and on');
  await bob.row('and on').waitFor();
  await agree([ann, bob], { ann: ['before', 'a1', 'a2', 'a3', 'and on'], bob: ['b1', 'b2'] });
});

mortal('the server is killed in the middle of a run of messages and comes back', async (hall) => {
  const { ann, bob } = await pair(hall);
  for (const one of [ann, bob]) one.causes(NETWORK, /^request: /);
  const said = { ann: ['before'], bob: [] };
  for (let round = 0; round < 2; round += 1) {
    const writing = [[ann, said.ann], [bob, said.bob]].map(async ([one, texts]) => {
      for (let index = 0; index < EACH; index += 1) {
        texts.push(`${one.name} ${round}/${index}`);
        await one.say(texts.at(-1));
      }
    });
    await until('some are through', async () => (await bob.texts()).length > round * 2 * EACH + 8);
    await hall.server.kill('SIGKILL');
    await Promise.all(writing);
    for (const one of [ann, bob]) await one.page.getByText('No connection').waitFor();
    await until('something waits', async () => (await ann.states()).length + (await bob.states()).length > 0);
    await hall.server.again();
    await agree([ann, bob], said);
    for (const one of [ann, bob]) await until('the banner is gone', async () => (await one.banner.innerText()) === '');
  }
});

mortal('a page is reloaded while something waits: the next page sends it, once', async (hall) => {
  const { ann, bob, room } = await pair(hall);
  for (const one of [ann, bob]) one.causes(NETWORK, /^request: /);
  await hall.server.kill('SIGKILL');
  await ann.say('still to come', 'and this');
  await shows([WAITING, WAITING], () => ann.states());
  await hall.server.again();
  await ann.page.reload();
  await ann.isAt(room);
  await agree([ann, bob], { ann: ['before', 'still to come', 'and this'], bob: [] });
  await ann.page.reload();
  await ann.isAt(room);
  await agree([ann, bob], { ann: ['before', 'still to come', 'and this'], bob: [] });
});

story('the server has a message, its answer is lost, and the line is cut: the message is there once', async ({ person }) => {
  const { origin } = await theServer(), way = await balancer(() => [origin]);
  try {
    const { ann, bob } = await pair({ person: (who, options) => person(who, { ...options, ...(who === 'Ann' && { origin: way.origin }) }) });
    ann.causes(NETWORK, /^request: /);
    const said = ['before'];
    for (let round = 0; round < 3; round += 1) {
      way.deafen(true);
      said.push(`lost ${round}`, `behind it ${round}`);
      await ann.say(...said.slice(-2));
      await bob.row(`lost ${round}`).waitFor();
      await until('ann does not know', async () => (await ann.states()).length === 2);
      way.cut();
      way.deafen(false);
      await agree([ann, bob], { ann: said });
    }
  } finally {
    way.end();
  }
});
