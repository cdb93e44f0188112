// Two people in two browsers: they find each other and use everything there is to a conversation. What one does, the other sees at once.

import assert from 'node:assert/strict';
import { fresh, label, shows, story, until } from './house.js';

story('two people find each other in the directory and chat, and both see one order', async ({ person }) => {
  const ann = await person('Ann'), bob = await person('Bob'), kitchen = fresh('Kitchen');
  await ann.makeRoom(kitchen, { topic: 'Recipes, and who does the dishes' });
  await bob.join(kitchen);
  await bob.page.getByText('Recipes, and who does the dishes').first().waitFor();
  const said = [];
  for (let round = 0; round < 5; round += 1) {
    for (const one of [ann, bob]) {
      said.push(`${one.name} says ${round}`);
      await one.say(said.at(-1));
      await (one === ann ? bob : ann).row(said.at(-1)).waitFor();
    }
  }
  for (const one of [ann, bob]) await one.sees(said);
  await until('nothing waits', async () => (await ann.states()).length + (await bob.states()).length === 0);
});

story('a burst from both sides at once: the same order on both screens, nothing twice', async ({ person }) => {
  const ann = await person('Ann'), bob = await person('Bob'), room = fresh('Burst');
  await ann.makeRoom(room);
  await bob.join(room);
  const words = (who) => Array.from({ length: 15 }, (_, index) => `${who}${index}`);
  await Promise.all([ann.say(...words('a')), bob.say(...words('b'))]);
  await until('all is there', async () => (await ann.texts()).length === 30 && (await ann.states()).length === 0);
  const seen = await ann.texts();
  await bob.sees(seen);
  for (const who of ['a', 'b']) assert.deepEqual(seen.filter((text) => text.startsWith(who)), words(who));
});

story('a direct message finds its person by a search', async ({ person }) => {
  const ann = await person('Ann'), bob = await person('Bob');
  await ann.writeTo(bob);
  await ann.say('psst');
  await bob.entry(ann.name).getByText(label('unread', { n: 1 })).waitFor();
  assert.match(await bob.page.title(), /^\(1\) /);
  await bob.go(ann.name);
  await bob.sees(['psst']);
  await bob.say('yes?');
  await ann.sees(['psst', 'yes?']);
  await until('it is read', async () => !/^\(/.test(await bob.page.title()));
});

story('edit, react, reply, delete and pin are seen by the other', async ({ person }) => {
  const ann = await person('Ann'), bob = await person('Bob'), room = fresh('Works');
  await ann.makeRoom(room);
  await bob.join(room);
  await ann.say('first', 'secnod', 'third');
  await bob.sees(['first', 'secnod', 'third']);

  await ann.choose('secnod', 'Edit');
  await ann.page.getByText('Editing your message').waitFor();
  await ann.composer.fill('second');
  await ann.page.keyboard.press('Enter');
  await bob.sees(['first', 'second', 'third']);
  await bob.row('second').getByText('(edited)').waitFor();
  await ann.page.getByText('Editing your message').waitFor({ state: 'hidden' });

  await bob.press('first', 'React 👍');
  const reaction = (one) => one.row('first').locator('.reaction').first();
  await ann.row('first').getByRole('button', { name: label('reacted_with', { emoji: '👍', n: 1 }) }).click();
  for (const one of [ann, bob]) await one.row('first').getByRole('button', { name: label('reacted_with', { emoji: '👍', n: 2 }) }).waitFor();
  assert.deepEqual(await Promise.all([ann, bob].map((one) => reaction(one).getAttribute('aria-pressed'))), ['true', 'true']);
  await bob.press('first', 'React');
  await bob.page.locator('.menu').getByRole('button', { name: '🎉' }).click();
  await ann.row('first').getByRole('button', { name: label('reacted_with', { emoji: '🎉', n: 1 }) }).waitFor();
  await bob.row('first').getByRole('button', { name: label('reacted_with', { emoji: '👍', n: 2 }) }).click();
  await shows([label('reacted_with', { emoji: '👍', n: 1 }), label('reacted_with', { emoji: '🎉', n: 1 })], () => ann.row('first').locator('.reaction').evaluateAll((all) => all.map((one) => one.ariaLabel)), 'reactions');

  await bob.press('third', 'Reply');
  await bob.page.getByText(`Replying to ${ann.name}`).waitFor();
  await bob.say('to the third');
  await ann.sees(['first', 'second', 'third', 'to the third']);
  await ann.row('to the third').locator('.quote').getByText('third').waitFor();

  await bob.choose('to the third', 'Delete');
  await bob.dialog.getByRole('button', { name: 'Delete' }).click();
  for (const one of [ann, bob]) await one.sees(['first', 'second', 'third', 'This message was deleted']);

  await ann.choose('first', 'Pin');
  await bob.row('first').getByText('Pinned').waitFor();
  await bob.roomMenu('Pinned messages');
  await bob.page.getByRole('complementary').getByRole('button', { name: 'first' }).waitFor();
  await ann.choose('first', 'Unpin');
  await bob.page.getByText('Nothing is pinned').waitFor();
});

story('a mention completes itself, is marked for the one it means, and counts in another room', async ({ person }) => {
  const ann = await person('Ann'), bob = await person('Bob'), here = fresh('Here'), there = fresh('There');
  await ann.makeRoom(here);
  await bob.join(here);
  await bob.makeRoom(there);
  await ann.say('nothing for anybody');
  await bob.entry(here).getByText(label('unread', { n: 1 })).waitFor();
  await ann.composer.pressSequentially(`look @${bob.username.slice(0, 5)}`);
  const list = ann.page.getByRole('listbox', { name: 'People to mention' });
  await list.getByRole('option', { name: bob.name }).waitFor();
  assert.equal(await ann.composer.getAttribute('aria-expanded'), 'true');
  await ann.page.keyboard.press('Tab');
  await list.waitFor({ state: 'hidden' });
  await ann.page.keyboard.type('at this');
  await ann.page.keyboard.press('Enter');
  await bob.entry(here).getByText(label('n_mentions', { n: 1 }), { exact: true }).waitFor();
  await bob.entry(here).getByText(label('unread', { n: 2 })).waitFor();
  assert.match(await bob.page.title(), /^\(1\) /);

  await bob.go(here);
  const lines = () => bob.page.locator('.timeline li').allInnerTexts().then((all) => all.map((text) => text.split('\n').at(-1)));
  await bob.sees(['nothing for anybody', `look @${bob.username} at this`]);
  const seen = await lines();
  assert.ok(seen.indexOf('New messages') >= 0 && seen.indexOf('New messages') < seen.indexOf('nothing for anybody'), seen.join(' | '));
  const colour = (text) => bob.row(text).evaluate((node) => getComputedStyle(node).backgroundColor);
  await bob.page.mouse.move(0, 0);
  assert.notEqual(await colour('at this'), await colour('nothing for anybody'));
  await bob.row('at this').locator('.mention.me').waitFor();
  await bob.entry(here).locator('.badge').first().waitFor({ state: 'detached' });
  await bob.entry(here).getByText(label('n_mentions', { n: 1 }), { exact: true }).waitFor({ state: 'detached' });
});

story('who is typing, and who is there, is seen', async ({ person }) => {
  const ann = await person('Ann'), bob = await person('Bob');
  await ann.writeTo(bob);
  await ann.page.getByRole('main').getByText('online', { exact: true }).waitFor();
  await bob.go(ann.name);
  await bob.composer.pressSequentially('thinking');
  await ann.page.getByText(`${bob.name} is typing…`).waitFor();
  await bob.page.keyboard.press('Enter');
  await ann.page.getByText('is typing…').waitFor({ state: 'detached' });
  await bob.leave();
  await ann.page.getByRole('main').getByText('offline', { exact: true }).waitFor();
});
