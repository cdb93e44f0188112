// Who may come in, who must go, and how the house looks to them: sessions, invitations, roles, language and colours.

import assert from 'node:assert/strict';
import { PASSWORD, fresh, story, until } from './house.js';

const REFUSED = /Failed to load resource: the server responded with a status of (401|403|409|422)/;

story('a wrong password, a taken name and a bad one are explained', async ({ person }) => {
  const ann = await person('Ann'), eve = await person('Eve', { isStranger: true });
  eve.causes(REFUSED);
  eve.username = ann.username;
  await eve.signIn('not the password');
  await eve.page.getByRole('alert').getByText('Username or password is wrong.').waitFor();
  await eve.button('I am new here').click();
  await eve.field('Username').fill(ann.username);
  await eve.field('Password').fill(PASSWORD);
  await eve.button('Create account').click();
  await eve.page.getByText('This username is taken.').waitFor();
  await eve.field('Password').fill('short');
  await eve.button('Create account').click();
  await eve.page.getByText('Too short').waitFor();
  assert.equal(await eve.field('Password').getAttribute('aria-invalid'), 'true');
  await eve.button('I have an account').click();
  await eve.signIn();
  await eve.isIn();
});

story('signing another device out signs its page out, and it says why', async ({ person }) => {
  const here = await person('Ann'), there = await person('Bob', { isStranger: true });
  there.username = here.username;
  await there.signIn();
  await there.isIn();
  here.causes(/status of 401/);
  await there.button('Settings', { exact: true }).click();
  await there.dialog.locator('.list-item').getByRole('button', { name: 'Sign out' }).click();
  await here.page.getByText('You were signed out: this session was ended.').waitFor();
  await here.button('Sign in').waitFor();
  await there.page.keyboard.press('Escape');
  await there.dialog.waitFor({ state: 'detached' });
  await there.isIn();
  await here.signIn();
  await here.isIn();
  await here.page.getByText('You were signed out').waitFor({ state: 'detached' });
});

story('one signs out, and nothing of the session is kept', async ({ person }) => {
  const ann = await person('Ann');
  await ann.button('Settings', { exact: true }).click();
  await ann.button('Sign out', { exact: true }).click();
  await ann.button('Sign in').waitFor();
  assert.deepEqual(await ann.page.evaluate(() => Object.keys(localStorage).filter((key) => /session|outbox/.test(key))), []);
  await ann.page.reload();
  await ann.button('Sign in').waitFor();
});

story('the language and the colours are chosen, and kept', async ({ person }) => {
  const ann = await person('Ann');
  const ground = () => ann.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await ann.button('Settings', { exact: true }).click();
  await ann.field('Appearance').selectOption({ label: 'Dark' });
  const dark = await ground();
  assert.notEqual(dark, light);
  await ann.field('Language').selectOption({ label: 'Русский' });
  await ann.button('Настройки', { exact: true }).waitFor();
  assert.equal(await ann.page.evaluate(() => document.documentElement.lang), 'ru');
  await ann.page.reload();
  await ann.button('Настройки', { exact: true }).click();
  assert.equal(await ground(), dark);
  await ann.field('Язык').selectOption({ label: 'English' });
  await ann.isIn();
});

story('the door speaks Russian to those who do', async ({ person }) => {
  const ann = await person('Ann', { isStranger: true, locale: 'ru-RU' });
  await ann.button('Войти').waitFor();
  await ann.button('English').click();
  await ann.button('Sign in').waitFor();
});

story('an invite link lets a second person in, and nobody once it is removed', async ({ person }) => {
  const ann = await person('Ann'), room = fresh('Cellar');
  await ann.makeRoom(room, { kind: 'private' });
  await ann.roomMenu('Invite link');
  await ann.button('Make a link').click();
  const link = await ann.page.locator('.secret code').innerText();
  await ann.page.getByText('used: 0').waitFor();
  const bob = await person('Bob'), eve = await person('Eve');
  await bob.open(link.replace(bob.origin, ''));
  await bob.button('Join', { exact: true }).click();
  await bob.isAt(room);
  await bob.say('thank you');
  await ann.button('Remove').click();
  await ann.page.getByText('None', { exact: true }).waitFor();
  await ann.page.keyboard.press('Escape');
  await ann.sees(['thank you']);
  eve.causes(/status of 404/);
  await eve.open(link.replace(eve.origin, ''));
  await eve.button('Join', { exact: true }).click();
  await eve.toast('It is not there');
});

story('an invite link that somebody opens who is not signed in waits for them', async ({ person }) => {
  const ann = await person('Ann'), room = fresh('Cellar');
  await ann.makeRoom(room, { kind: 'private' });
  await ann.roomMenu('Invite link');
  await ann.button('Make a link').click();
  const link = await ann.page.locator('.secret code').innerText();
  const bob = await person('Bob', { isStranger: true });
  await bob.open(link.replace(bob.origin, ''));
  await bob.signUp();
  await bob.button('Join', { exact: true }).click();
  await bob.isAt(room);
});

story('an owner makes an admin, the admin mutes, kicks and bans, and each is told', async ({ person }) => {
  const ann = await person('Ann'), bob = await person('Bob'), eve = await person('Eve'), room = fresh('Court');
  await ann.makeRoom(room);
  for (const one of [bob, eve]) await one.join(room);
  await ann.button('Members', { exact: true }).click();
  await ann.memberMenu(bob, 'Make admin');
  await ann.page.getByText('Admins · 1').waitFor();
  await bob.button('Members', { exact: true }).click();
  await bob.memberMenu(eve, 'Mute for an hour');
  await eve.page.getByText('You are muted here until').waitFor();
  await eve.composer.waitFor({ state: 'detached' });
  await bob.memberMenu(eve, 'Unmute');
  await eve.composer.waitFor();
  await eve.say('free again');
  await bob.sees(['free again']);
  await bob.memberMenu(eve, 'Remove from room');
  await bob.dialog.getByRole('button', { name: 'Remove from room' }).click();
  await eve.toast(`You were removed from “${room}”.`);
  await until('it left the list', async () => (await eve.entry(room).count()) === 0);
  await eve.join(room);
  await bob.memberMenu(eve, 'Ban');
  await bob.dialog.getByRole('button', { name: 'Ban' }).click();
  await eve.toast(`You were banned from “${room}”.`);
  await ann.roomMenu('Room settings');
  await ann.button('Lift ban').click();
  await ann.page.getByText('None').first().waitFor();
  await ann.page.keyboard.press('Escape');
  await eve.join(room);
});

story('a room is renamed, archived and deleted', async ({ person }) => {
  const ann = await person('Ann'), bob = await person('Bob'), old = fresh('Old'), name = fresh('New');
  await ann.makeRoom(old);
  await bob.join(old);
  await ann.roomMenu('Room settings');
  await ann.dialog.getByLabel('Name', { exact: true }).fill(name);
  await ann.dialog.getByLabel('Archived: nobody can write').check();
  await ann.button('Save').click();
  await bob.page.getByRole('main').getByRole('heading', { name, level: 2 }).waitFor();
  await bob.page.getByText('This room is archived.').waitFor();
  await ann.roomMenu('Room settings');
  await ann.button('Delete room').click();
  await ann.dialog.getByRole('button', { name: 'Delete room' }).click();
  await bob.toast(`“${name}” was deleted.`);
  await until('it is gone', async () => (await bob.entry(name).count()) + (await ann.entry(name).count()) === 0);
});
