// Every screen, light and dark, wide and as on a phone, by axe-core: no violation of WCAG 2.1 A or AA that a machine can find.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { NETWORK, fresh, story, theServer, until } from './house.js';
import { Hand } from './seed.js';

const { source } = createRequire(import.meta.url)('axe-core');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
const PHONE = { width: 360, height: 740, isMobile: true, hasTouch: true };

/** Looks at a screen in both colours; `found` gets what is wrong. The script comes by the debugger, so the policy of the page stays as it is. */
async function look({ page }, name, found) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    if (!await page.evaluate(() => Boolean(window.axe))) await page.evaluate(source);
    const { passed, violations } = await page.evaluate(async (values) => {
      const { passes, violations: all } = await window.axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] });
      return { passed: passes.length, violations: all.flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html, any, all: every, none }) => `${id}: ${html.slice(0, 160)} (${[...any, ...every, ...none].map(({ message }) => message).join('; ').slice(0, 200)})`)) };
    }, TAGS);
    assert.ok(passed > 5, `axe looked at nothing: ${name}`);
    found.push(...violations.map((text) => `${name}, ${colorScheme}: ${text}`));
  }
}

/** A room with everything in it that a message can be. */
async function busy(name) {
  const { origin } = await theServer();
  const owner = await Hand.make(origin, fresh('Olga')), room = await owner.room(name, { topic: 'All kinds of messages' });
  const say = async (text, reply) => (await owner.say(room, text, reply)).seq;
  const first = await say('A plain one, with `code`, a link https://example.org/path?x=1 and a second line\nwhich is here');
  await say('```js\nconst answer = 42;\n```');
  await say('🎉');
  await say('An answer', first);
  const edited = await say('to be edited');
  await owner.ask('PATCH', `/rooms/${room.id}/messages/${edited}`, { text: 'edited' });
  await owner.ask('DELETE', `/rooms/${room.id}/messages/${await say('to be deleted')}`);
  await owner.react(room, first, '👍');
  await owner.react(room, first, '🎉');
  await owner.pin(room, first);
  return { owner, room, first };
}
const mention = ({ owner, room }, one) => owner.say(room, `@${one.username} and everybody, look: שלום, and 日本語`);
/** The user object of a person with a page. */
const userOf = async ({ owner }, one) => (await owner.ask('GET', `/users?q=${one.username}`)).items[0];
/** Shuts whatever lies over the page; a field with text takes the first Escape for itself. */
const shut = ({ page }) => until('all is shut', async () => {
  await page.keyboard.press('Escape');
  return (await page.locator('dialog, .menu').count()) === 0;
});

story('the door', async ({ person }) => {
  const found = [];
  for (const options of [{}, PHONE]) {
    const one = await person('Ann', { isStranger: true, ...options }), where = options.width ? ' on a phone' : '';
    one.causes(/status of (401|422)/);
    await look(one, `sign in${where}`, found);
    await one.field('Username').fill('nobody');
    await one.button('Sign in').click();
    await one.page.getByRole('alert').getByText(/./).first().waitFor();
    await look(one, `sign in with an error${where}`, found);
    await one.button('I am new here').click();
    await look(one, `sign up${where}`, found);
    await one.field('Username').fill('x');
    await one.button('Create account').click();
    await one.page.getByText('Too short').first().waitFor();
    await look(one, `sign up with errors${where}`, found);
  }
  assert.deepEqual(found, []);
});

story('the house, its dialogs and menus', async ({ person }) => {
  const found = [], one = await person('Ann'), { page } = one;
  await look(one, 'an empty house', found);
  await page.locator('.side > header').getByRole('button', { name: 'New room' }).click();
  await look(one, 'the menu of ways', found);
  await shut(one);
  for (const way of ['New room', 'New message', 'Browse rooms']) {
    await one.way(way);
    if (way === 'New message') await one.dialog.getByRole('searchbox').fill('ann');
    await page.waitForTimeout(400);
    await look(one, way, found);
    await shut(one);
  }
  await one.button('Settings', { exact: true }).click();
  await page.getByText('this device').waitFor();
  await look(one, 'settings', found);
  await shut(one);
  assert.deepEqual(found, []);
});

story('a room with all kinds of messages, its panels, menus and dialogs', async ({ person }) => {
  const found = [], name = fresh('Museum'), museum = await busy(name), one = await person('Ann'), { page } = one;
  await one.join(name);
  await museum.owner.ask('PUT', `/rooms/${museum.room.id}/members/${(await userOf(museum, one)).id}`, { role: 'owner' });
  await mention(museum, one);
  await one.say('mine', 'mine too');
  await one.row('look:').waitFor();
  await page.mouse.move(0, 0);
  await look(one, 'room', found);
  await one.row('mine too').hover();
  await look(one, 'room with the bar', found);
  await one.press('mine too', 'React');
  await look(one, 'emoji', found);
  await shut(one);
  await one.press('mine too', 'More');
  await look(one, 'menu of a message', found);
  await shut(one);
  await one.choose('mine too', 'Edit');
  await look(one, 'editing', found);
  await page.keyboard.press('Escape');
  await one.press('An answer', 'Reply');
  await look(one, 'replying', found);
  await page.keyboard.press('Escape');
  await one.composer.pressSequentially('@o');
  await page.getByRole('option').first().waitFor();
  await look(one, 'completion', found);
  await one.composer.fill('x'.repeat(4001));
  await look(one, 'too long a text', found);
  await one.composer.fill('');
  await one.choose('A plain one', 'Who reacted');
  await look(one, 'who reacted', found);
  await shut(one);
  await one.choose('mine too', 'Delete');
  await look(one, 'confirm', found);
  await shut(one);
  await one.button('Members', { exact: true }).click();
  await page.getByText('Owners · 2').waitFor();
  await look(one, 'members', found);
  await page.getByRole('complementary').getByRole('button', { name: museum.owner.user.display_name }).click();
  await look(one, 'menu of a member', found);
  await shut(one);
  await one.roomMenu('Pinned messages');
  await page.locator('.panel .hit').waitFor();
  await look(one, 'pins', found);
  await page.locator('.room > header').getByRole('button', { name: 'Search' }).click();
  await look(one, 'search', found);
  await page.getByRole('searchbox', { name: 'Search messages' }).fill('plain');
  await page.waitForTimeout(600);
  await look(one, 'search, answered', found);
  await page.locator('.panel').getByRole('button', { name: 'Close' }).click();
  for (const item of ['Invite link', 'Add people', 'Room settings']) {
    await one.roomMenu(item);
    await page.waitForTimeout(300);
    if (item === 'Invite link') { await one.button('Make a link').click(); await page.locator('.secret').waitFor(); }
    await look(one, item, found);
    await shut(one);
  }
  assert.deepEqual(found, []);
});

story('what is refused and what waits, and the phone', async ({ person }) => {
  const found = [], name = fresh('Harbour'), harbour = await busy(name), one = await person('Ann', PHONE), { page } = one;
  one.causes(NETWORK, /^request: /);
  await page.locator('.side > header').getByRole('button', { name: 'New room' }).click();
  await look(one, 'menu of ways on a phone', found);
  await page.keyboard.press('Escape');
  await one.join(name);
  await mention(harbour, one);
  await one.row('look:').waitFor();
  await look(one, 'room on a phone', found);
  await one.button('Members', { exact: true }).click();
  await look(one, 'members on a phone', found);
  await page.locator('.panel').getByRole('button', { name: 'Close' }).click();
  await one.context.setOffline(true);
  await page.getByText('No connection').waitFor();
  await one.composer.fill('refused later');
  await one.button('Send', { exact: true }).click();
  await page.getByText('Waiting to be sent').waitFor();
  await look(one, 'offline on a phone', found);
  const user = await userOf(harbour, one);
  const mute = (until) => harbour.owner.ask('PUT', `/rooms/${harbour.room.id}/members/${user.id}`, { muted_until: until });
  await mute(new Date(Date.now() + 36e5).toISOString());
  await one.context.setOffline(false);
  await page.getByText('Not sent').waitFor();
  await look(one, 'refused and muted on a phone', found);
  await mute(null);
  await one.composer.waitFor();
  await one.button('Try again').click();
  await until('it went', async () => (await one.states()).length === 0);
  assert.equal((await one.texts()).at(-1), 'refused later');
  await page.getByRole('link', { name: 'Back to rooms' }).click();
  await look(one, 'rooms on a phone', found);
  assert.deepEqual(found, []);
});
