// Stories of webhooks, and of searching what was said.

import assert from 'node:assert/strict';
import { fresh, shows, story, theServer } from './house.js';

story('an admin makes a webhook, its bot posts, and it ends', async ({ person }) => {
  const ann = await person('Ann'), room = fresh('Builds');
  await ann.makeRoom(room);
  await ann.roomMenu('Room settings');
  await ann.field('Name of the bot').fill('Pipeline');
  await ann.button('Make a webhook').click();
  const address = await ann.page.locator('.secret code').innerText();
  assert.ok(address.startsWith((await theServer()).origin), address);
  const post = () => fetch(address, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text: 'the build is green' }) });
  assert.equal((await post()).status, 201);
  await ann.dialog.getByText('Pipeline').waitFor();
  await ann.dialog.getByRole('button', { name: 'Remove' }).click();
  await ann.dialog.getByText('Pipeline').waitFor({ state: 'detached' });
  assert.equal((await post()).status, 404);
  await ann.page.keyboard.press('Escape');
  await ann.sees(['the build is green']);
  await ann.row('the build is green').locator('.head').getByText('Pipeline').waitFor();
  await ann.row('the build is green').locator('.head').getByText('bot').waitFor();
});

story('a search finds in this room and in all of them, and leads to the place', async ({ person }) => {
  const ann = await person('Ann'), here = fresh('Here'), there = fresh('There');
  await ann.makeRoom(there);
  await ann.say('the quick brown fox', 'something else');
  await ann.makeRoom(here);
  await ann.say('Быстрая лиса и BUG-1234', 'a slow fox', '<b>foxes</b>');
  const hits = () => ann.page.locator('.hit .text').allInnerTexts();
  const box = ann.page.getByRole('searchbox', { name: 'Search messages' });
  await ann.page.locator('.room > header').getByRole('button', { name: 'Search' }).click();
  await box.fill('FOX');
  await shows(['<b>foxes</b>', 'a slow fox'], hits);
  assert.deepEqual(await ann.page.locator('.hit mark').allInnerTexts(), ['fox', 'fox']);
  await box.fill('лис');
  await shows(['Быстрая лиса и BUG-1234'], hits);
  await box.fill('1234');
  await shows(['Быстрая лиса и BUG-1234'], hits);
  await box.fill('quick');
  await ann.page.getByText('Nothing was found').waitFor();
  await ann.button('All my rooms').click();
  await shows(['the quick brown fox'], hits);
  await ann.page.locator('.hit').click();
  await ann.isAt(there);
  await ann.row('the quick brown fox').waitFor();
});
