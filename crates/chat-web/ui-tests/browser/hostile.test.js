// What others write is only text: markup, schemes, turned writing, endless words, masses. It is shown as it is, and nothing round it suffers.

import assert from 'node:assert/strict';
import { fresh, story, theServer, until } from './house.js';
import { Hand, each } from './seed.js';

const IMAGE = '<img src=x onerror=alert(1)>';
const RLO = '\u202E';
const PHONE = { width: 360, height: 740 };
const EMOJI = [...'😀😃😄😁😆😅😂🙂🙃😉😊😇😍😘😗😙😚😋😛😜😝😐😑😶😏😒🙄😬😌😔😪😴😷😎😕😟🙁😮😯😲😳😦😧😨😰😥😢😭😱😖'];

/** Somebody who posts, in a room of that name, and a person with a page who is in it. */
async function scene(person, name = fresh('Street'), options = {}) {
  const { origin } = await theServer(), mallory = await Hand.make(origin, fresh('Mallory')), room = await mallory.room(name);
  const ann = await person('Ann', options);
  ann.page.on('dialog', (dialog) => { ann.complaints.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  await ann.join(name);
  return { mallory, room, ann };
}
/** Whether the text of an element runs from left to right: where its first and its last letter stand. */
const runsRight = (locator) => locator.evaluate((node) => {
  const text = document.createTreeWalker(node, NodeFilter.SHOW_TEXT).nextNode(), range = document.createRange();
  const at = (index) => { range.setStart(text, index); range.setEnd(text, index + 1); return range.getBoundingClientRect().left; };
  return at(0) < at(text.length - 1);
});
const fits = ({ page }) => page.evaluate(() => [...document.querySelectorAll('html, body, .scroll, .side nav, .panel .body')].filter((one) => one.scrollWidth > one.clientWidth).map((one) => `${one.className || one.tagName}: ${one.scrollWidth} > ${one.clientWidth}`));

story('markup is text: in messages, names, topics, titles', async ({ person }) => {
  const name = `<b onclick=alert(2)>${fresh('bold')}</b>`, { mallory, room, ann } = await scene(person, name);
  await mallory.ask('PATCH', '/me', { display_name: '<i>Mallory</i>' });
  await mallory.ask('PATCH', `/rooms/${room.id}`, { topic: '<script>alert(3)</script>' });
  const texts = [IMAGE, '<script>alert(1)</script>', '&lt;b&gt; &amp; &#60;', '`<b>code</b>`', '```\n</code></pre><img src=x>\n```', '"><svg onload=alert(4)>'];
  for (const text of texts) await mallory.say(room, text);
  await ann.sees([...texts.slice(0, 3), '<b>code</b>', '</code></pre><img src=x>', texts[5]]);
  await ann.page.getByRole('main').getByText('<script>alert(3)</script>').first().waitFor();
  await ann.row(IMAGE).locator('.head').getByText('<i>Mallory</i>').waitFor();
  assert.equal(await ann.page.locator('img, script:not([type=module]), i, main b b, .text svg').count(), 0);
  await ann.say(`@${mallory.username} hello`);
  await mallory.react(room, await seqOf(ann, IMAGE), '👍');
  await ann.press(IMAGE, 'Reply');
  await ann.page.getByText('Replying to').waitFor();
  await ann.say('an answer');
  await ann.row('an answer').locator('.quote').getByText(IMAGE).waitFor();
  assert.equal(await ann.page.title(), name);
});

story('only addresses of the web and of mail become links, and these tell nobody where they were', async ({ person }) => {
  const { mallory, room, ann } = await scene(person);
  const texts = ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,<script>alert(1)</script>', 'vbscript:x', 'file:///etc/passwd', 'https://example.org/a_(b)?c=d.', 'see http://example.org, or mailto:ann@example.org!', 'xhttps://example.org'];
  for (const text of texts) await mallory.say(room, text);
  await ann.sees(texts);
  const links = await ann.page.locator('.message .text a').evaluateAll((all) => all.map((one) => [one.getAttribute('href'), one.rel, one.target]));
  assert.deepEqual(links, ['https://example.org/a_(b)?c=d', 'http://example.org/', 'mailto:ann@example.org'].map((href) => [href, 'noopener noreferrer nofollow', '_blank']));
});

story('turned writing turns nothing but itself', async ({ person }) => {
  const { mallory, room, ann } = await scene(person);
  await mallory.ask('PATCH', '/me', { display_name: 'שלום עולם' });
  const { seq } = await mallory.say(room, `first ${RLO}evil`);
  await mallory.say(room, 'a neighbour', seq);
  await mallory.ask('PATCH', `/rooms/${room.id}/messages/${seq}`, { text: `turned ${RLO}evil` });
  await mallory.pin(room, seq);
  await ann.row('turned').getByText('(edited)').waitFor();
  await ann.row('a neighbour').locator('.quote').getByText('turned').waitFor();
  for (const [what, locator] of Object.entries({
    'the time beside a name of the other direction': ann.row('turned').locator('.head time'), 'the word (edited)': ann.row('turned').locator('.edited'),
    'the state below': ann.row('turned').getByText('Pinned'), 'the next message': ann.row('a neighbour').locator('.text'), 'the time in the list': ann.entry(room.name).locator('time'),
  })) await until(what, () => runsRight(locator));
  await until('the name itself turns', async () => !await runsRight(ann.row('turned').locator('.head bdi')));
  const [name, time] = await Promise.all(['bdi', 'time'].map((tag) => ann.row('turned').locator(`.head ${tag}`).boundingBox()));
  assert.ok(name.x + name.width <= time.x, 'the time stands behind the name');
  const line = await mallory.line();
  line.push({ type: 'typing', room: room.id, on: true });
  const typing = ann.page.getByText('is typing…');
  await typing.waitFor();
  line.close();
});

story('an endless word does not widen the page, on a phone either', async ({ person }) => {
  const long = 'W'.repeat(64), { mallory, room, ann } = await scene(person, long, PHONE);
  await mallory.ask('PATCH', '/me', { display_name: 'M'.repeat(64) });
  await mallory.ask('PATCH', `/rooms/${room.id}`, { topic: 'T'.repeat(200) });
  const { seq } = await mallory.say(room, '𝕏'.repeat(4000));
  await mallory.say(room, `https://example.org/${'a'.repeat(3000)}`);
  await mallory.say(room, `\`${'c'.repeat(2000)}\``);
  await mallory.say(room, `\`\`\`\n${'p'.repeat(2000)}\n\`\`\``);
  await mallory.say(room, 'answer', seq);
  await mallory.pin(room, seq);
  await ann.row('answer').locator('.quote').getByText('𝕏').waitFor();
  assert.equal((await ann.texts())[0], '𝕏'.repeat(4000));
  assert.deepEqual(await fits(ann), []);
  await ann.roomMenu('Pinned messages');
  await ann.page.locator('.panel .hit').waitFor();
  assert.deepEqual(await fits(ann), []);
  await ann.page.locator('.panel').getByRole('button', { name: 'Close' }).click();
  await ann.button('Members', { exact: true }).click();
  await ann.page.getByText('Owners · 1').waitFor();
  assert.deepEqual(await fits(ann), []);
  await ann.page.locator('.panel').getByRole('button', { name: 'Close' }).click();
  await ann.page.getByRole('link', { name: 'Back to rooms' }).click();
  await ann.entry(long).waitFor();
  assert.deepEqual(await fits(ann), []);
});

story('a thousand reactions on one message, and five hundred members', async ({ person }) => {
  const { mallory, room, ann } = await scene(person, fresh('Stadium'), PHONE), { origin } = await theServer();
  const crowd = [];
  await each(Array.from({ length: 20 }, (_, index) => index), async (index) => crowd.push(await Hand.make(origin, fresh(`Fan${index}`))));
  const { seq } = await mallory.say(room, 'loved by all');
  await each(crowd, async (one) => {
    await one.join(room);
    const line = await one.line();
    for (const emoji of EMOJI) await line.request({ type: 'react', room: room.id, seq, emoji, on: true });
    line.close();
  }, 4);
  await until('all reactions are there', () => ann.row('loved by all').locator('.reaction').evaluateAll((all) => (all.length === 50 && all.every((one) => one.textContent.endsWith('20'))) || all.length));
  assert.deepEqual(await fits(ann), []);
  await ann.press('loved by all', 'More');
  await ann.page.locator('.menu').getByRole('button', { name: 'Who reacted' }).click();
  await ann.dialog.getByText('Fan').first().waitFor();
  await ann.page.keyboard.press('Escape');

  const names = Array.from({ length: 478 }, (_, index) => `member${process.pid}x${index}`);
  await each(names, async (username) => {
    const { id } = await mallory.ask('POST', '/accounts', { username, password: 'a good long password' });
    await mallory.ask('PUT', `/rooms/${room.id}/members/${id}`, {});
  });
  await ann.button('Members', { exact: true }).click();
  await until('all members are listed', () => ann.page.locator('.panel .person').count().then((count) => count === 500 || count));
  const shown = await ann.page.locator('.panel .person').evaluateAll((all) => all.map((one) => one.dataset.user));
  assert.equal(new Set(shown).size, 500);
  assert.deepEqual(await fits(ann), []);
});

/** The number of the message with that text. */
const seqOf = async (one, text) => Number(await one.row(text).getAttribute('data-seq'));
