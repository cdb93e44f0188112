// What every story needs: a server, a browser, and people who sit before it and do what people do. Whatever a page complains of (console,
// errors, policy, failed requests) fails the story, unless the story says that it causes it. It must not know what a story is about.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import en from '../../ui/text/en.js';
import { Server } from '../sync/server.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PATIENCE_MS = 15_000;
export const PASSWORD = 'a good long password';
/** What a browser says, and must say, when the network or the server is gone. */
export const NETWORK = /net::ERR_|WebSocket connection to|status of 50[234]/;

let browser = null;
let server = null;
/** The end of both. */
export async function close() {
  await browser?.close();
  await server?.end();
}

export const theBrowser = async () => (browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }));
/** The server that all stories of a file share; who kills one starts one of their own. */
export const theServer = async () => (server ??= await Server.start());

/** A short text of the client with its numbers filled in: how a count is worded is no story. */
export const label = (name, values) => en[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

let serial = 0;
/** A name that nobody else has. */
export const fresh = (name) => `${name} ${process.pid.toString(36)}${(serial += 1).toString(36)}`;

/** Waits until `holds()` is true; at the end it says what was there instead. */
export async function until(what, holds, ms = PATIENCE_MS) {
  let last;
  for (const end = Date.now() + ms; Date.now() < end;) {
    last = await holds();
    if (last === true) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`not in time: ${what} (${JSON.stringify(last)?.slice(0, 2000)})`);
}
/** Waits until `look()` gives just this. */
export async function shows(wanted, look, what = 'what is shown') {
  const expected = JSON.stringify(wanted);
  await until(`${what} is ${expected.slice(0, 2000)}`, async () => {
    const seen = await look();
    return JSON.stringify(seen) === expected || seen;
  });
}

let isFirst = true;
/** A test with people in it: `person(name, options)`, at the server of the file unless `origin` says another. */
export function story(name, run, { timeout = 90_000 } = {}) {
  if (isFirst) after(close, { timeout: 60_000 });
  isFirst = false;
  test(name, { timeout }, async () => {
    const hall = { people: [] };
    hall.person = async (who, options) => {
      const one = await Person.meet({ ...options, origin: options?.origin ?? (await theServer()).origin }, fresh(who), () => hall.people);
      if (!options?.isStranger) await one.signUp();
      return one;
    };
    try {
      await run(hall);
      const complaints = hall.people.flatMap((one) => one.complaints.map((text) => `${one.name}: ${text}`));
      assert.deepEqual(complaints, []);
    } catch (error) {
      if (process.env.SHOTS) for (const [at, one] of hall.people.entries()) await one.page.screenshot({ path: `${process.env.SHOTS}/failed-${at}.png` });
      throw error;
    } finally {
      for (const one of hall.people) await one.leave();
    }
  });
}

/** Somebody with a browser of their own. */
export class Person {
  complaints = [];
  #causes = [];
  #isGone = false;

  /** `allPages` are looked at until the person leaves. */
  static async meet({ origin, width = 1280, height = 800, scripts = [], ...options }, name, crowd = () => []) {
    const one = new Person();
    one.name = name;
    one.username = name.toLowerCase().replaceAll(' ', '.');
    one.origin = origin;
    one.context = await (await theBrowser()).newContext({ viewport: { width, height }, locale: 'en-US', reducedMotion: 'reduce', ...options });
    await one.context.addInitScript(() => addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => console.error(`policy: ${violatedDirective} ${blockedURI}`)));
    for (const script of scripts) await one.context.addInitScript(script);
    crowd().push(one);
    await one.open();
    return one;
  }

  /** A new page of this browser, at that place. */
  async open(place = '/') {
    const page = await this.context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const complain = (text) => { if (!this.#isGone && !this.#causes.some((cause) => cause.test(text))) this.complaints.push(text); };
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complain(`${message.type()}: ${message.text()} ${message.location().url}`));
    page.on('pageerror', (error) => complain(`error: ${error.stack}`));
    page.on('requestfailed', (request) => complain(`request: ${request.failure()?.errorText} ${request.url()}`));
    await page.goto(this.origin + place);
    this.page = page;
    return page;
  }
  /** The story is about to cause complaints of this kind. */
  causes(...patterns) { this.#causes.push(...patterns); }
  /** They are over. */
  heals() { this.#causes = []; }
  async leave() {
    this.#isGone = true;
    await this.context.close();
  }

  button(name, options) { return this.page.getByRole('button', { name, ...options }); }
  field(name) { return this.page.getByLabel(name, { exact: true }); }
  get dialog() { return this.page.getByRole('dialog'); }
  get composer() { return this.page.getByRole('combobox', { name: /^Message/ }); }
  get banner() { return this.page.locator('.banner'); }

  async signUp() {
    await this.button('I am new here').click();
    await this.field('Username').fill(this.username);
    await this.field('Display name').fill(this.name);
    await this.field('Password').fill(PASSWORD);
    await this.button('Create account').click();
    await this.isIn();
  }
  async signIn(password = PASSWORD) {
    await this.field('Username').fill(this.username);
    await this.field('Password').fill(password);
    await this.button('Sign in').click();
  }
  async isIn() { await this.button('Settings', { exact: true }).waitFor(); }

  /** One of the three ways to a room, from the menu over the list. */
  async way(label) {
    await this.page.locator('.side > header').getByRole('button', { name: 'New room' }).click();
    await this.page.locator('.menu').getByRole('button', { name: label }).click();
    await this.dialog.waitFor();
  }
  async makeRoom(name, { topic = '', kind = 'public' } = {}) {
    await this.way('New room');
    await this.field('Name').fill(name);
    await this.field('Topic').fill(topic);
    await this.field('Who can join').selectOption(kind);
    await this.dialog.getByRole('button', { name: 'Create' }).click();
    await this.isAt(name);
  }
  async join(name) {
    await this.way('Browse rooms');
    await this.dialog.getByRole('searchbox').fill(name);
    await this.button(`Join: ${name}`, { exact: true }).click();
    await this.isAt(name);
  }
  async writeTo(person) {
    await this.way('New message');
    await this.dialog.getByRole('searchbox').fill(person.name);
    await this.button(`Message: ${person.name}`, { exact: true }).click();
    await this.isAt(person.name);
  }
  async isAt(name) {
    await this.page.getByRole('main').getByRole('heading', { name, level: 2 }).waitFor();
    await this.composer.waitFor();
  }

  /** The room's entry in the list. */
  entry(name) { return this.page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name }); }
  async go(name) {
    await this.entry(name).click();
    await this.isAt(name);
  }
  get room() { return this.page.evaluate(() => location.hash.split('/')[2]); }

  async say(...texts) {
    for (const text of texts) {
      await this.composer.fill(text);
      await this.page.keyboard.press('Enter');
    }
  }
  /** The texts on the screen, from top to bottom. */
  texts() {
    return this.page.locator('.message .text').evaluateAll((all) => all.map((one) => [...one.childNodes].filter((node) => !node.classList?.contains('edited')).map((node) => node.textContent).join('')));
  }
  async sees(texts) { await shows(texts, () => this.texts(), `what ${this.name} sees`); }
  /** States of messages that the server has not shown: an empty list when there are none. */
  states() { return this.page.locator('.message.unsent .state').allInnerTexts(); }

  /** The row with that text. */
  row(text) { return this.page.locator('.message').filter({ has: this.page.locator('.text', { hasText: text }) }).last(); }
  /** Presses a button of the bar over a row. */
  async press(text, name) {
    await this.row(text).hover();
    await this.row(text).getByRole('group', { name: 'Message actions' }).getByRole('button', { name, exact: true }).click();
  }
  /** Chooses from the row's menu. */
  async choose(text, name) {
    await this.press(text, 'More');
    await this.page.locator('.menu').getByRole('button', { name, exact: true }).click();
  }
  /** Chooses from the room's menu. */
  async roomMenu(name) {
    await this.page.locator('.room > header').getByRole('button', { name: 'More' }).click();
    await this.page.locator('.menu').getByRole('button', { name, exact: true }).click();
  }
  /** Chooses from a member's menu in the panel. */
  async memberMenu(person, name) {
    await this.page.getByRole('complementary').getByRole('button', { name: person.name }).click();
    await this.page.locator('.menu').getByRole('button', { name, exact: true }).click();
  }
  async toast(text) { await this.page.locator('.toast', { hasText: text }).first().waitFor(); }
}
