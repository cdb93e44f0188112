// Pictures of every screen, for eyes: `node browser/shots.js DIRECTORY`. It fills a house with what people might say, in English and in
// Russian, and takes each screen at three widths, light and dark. It checks nothing.

import { mkdirSync } from 'node:fs';
import { NETWORK, PASSWORD, Person, close, theServer } from './house.js';
import { Hand } from './seed.js';

const WIDTHS = [[360, 740], [768, 1024], [1440, 900]];
const directory = process.argv[2];
if (!directory) throw new Error('where to? node browser/shots.js DIRECTORY');
mkdirSync(directory, { recursive: true });
const { origin } = await theServer();

const PEOPLE = ['Anna Lindqvist', 'Борис Ковалёв', 'Chidi Okafor', 'Дарья Соколова', 'Emre Yıldız', 'Fatima Al-Sayed', 'Григорий Мельник', 'Hana Suzuki'];
const NAMES = ['anna', 'boris', 'chidi', 'darya', 'emre', 'fatima', 'grigory', 'hana'];

async function fill() {
  const all = [];
  for (const [at, name] of PEOPLE.entries()) all.push(await Hand.make(origin, name, NAMES[at]));
  const [anna, boris, chidi, darya, emre, fatima, grigory, hana] = all;
  const open = async (name, topic, kind = 'public') => {
    const room = await boris.room(name, { topic: topic || undefined, kind });
    for (const one of all) if (one !== boris) await boris.ask('PUT', `/rooms/${room.id}/members/${one.user.id}`, {});
    return room;
  };
  const release = await open('Release 2.4', 'Freeze on Thursday, out on Monday. Checklist is pinned');
  await boris.ask('PUT', `/rooms/${release.id}/members/${anna.user.id}`, { role: 'admin' });
  const kitchen = await open('Кухня', 'Кто купил кофе — тот герой');
  const oncall = await open('on-call', 'Pages, handovers, post-mortems', 'private');
  const design = await open('Дизайн и тексты', '');
  const books = await open('Book club', 'October: “The Dispossessed”');

  await grigory.say(books, 'Прочитал до половины, не рассказывайте, чем кончится 🙈');
  await hana.say(books, 'No spoilers, promised');
  await emre.say(oncall, 'Handover: one flaky disk on db-3, ticket OPS-1182, nothing burning');
  await darya.say(design, 'Переписала тексты ошибок: теперь в каждой сказано, что делать дальше');
  await chidi.say(kitchen, 'The new beans are here ☕');
  await fatima.say(kitchen, 'Наконец-то! Кто умеет настраивать помол?');
  await boris.say(kitchen, `@anna умеет, я видел`);

  const seqs = [];
  const say = async (who, text, to) => { const { seq } = await who.say(release, text, to && seqs[to - 1]); seqs.push(seq); return seq; };
  await say(boris, 'Good morning! Today is the last day before the freeze. Please move what is not ready to 2.5 yourselves, it is nicer than being moved.');
  const list = await say(boris, 'Checklist:\n– migrations rehearsed on a copy\n– notes in both languages\n– https://example.org/releases/2.4 is up to date');
  await say(chidi, 'Migrations: done twice, 41 s on the big copy. Numbers are in https://example.org/wiki/Rehearsal_(2.4).');
  await say(darya, 'Тексты готовы на двух языках. Осталось одно место, где не влезает по-немецки, но это уже 2.5.');
  await say(darya, 'Скриншоты приложу после обеда');
  await say(emre, 'One question: do we still need `legacy_cursor`? I would love to delete it.', 3);
  await say(hana, 'Yes until March. Two customers:\n```sql\nselect customer, count(*)\nfrom calls\nwhere route = \'/v0/poll\' and at > now() - interval \'7 days\'\ngroup by customer order by 2 desc;\n```');
  await say(emre, 'Ouch. OK, March it is.', 7);
  await say(fatima, '🎉');
  await say(grigory, '@anna посмотришь, пожалуйста, раздел про обновление? Я дважды переписал и уже ничего не вижу.');
  await say(anna, 'Смотрю. Пока нравится: коротко и по делу. Пришлю правки через полчаса 👍', 10);
  await say(anna, 'Два замечания:\n1. «Остановите сервер» — а как? Нужна команда.\n2. Про откат лучше сказать до обновления, а не после.');
  await say(grigory, 'Согласен с обоими, правлю');
  await say(boris, 'Thank you all, this looks calm for once. @room please answer with ✅ here when your part is in.');
  for (const [who, seq, emoji] of [[anna, list, '👀'], [chidi, list, '👀'], [darya, list, '✅'], [hana, seqs[2], '🔥'], [boris, seqs[2], '🔥'], [anna, seqs[2], '🔥'], [boris, seqs[10], '👍'], [chidi, seqs[13], '✅'], [hana, seqs[13], '✅'], [anna, seqs[13], '✅'], [emre, seqs[13], '✅'], [fatima, seqs[13], '🎉']]) await who.react(release, seq, emoji);
  await anna.pin(release, list);
  await anna.read(release, seqs.at(-1));

  const pair = await hana.direct(anna);
  await hana.say(pair, 'Do you have ten minutes for the error page?');
  await anna.say(pair, 'Sure, after the stand-up');
  await hana.say(pair, 'お願いします 🙏');
  await anna.say(pair, 'Send me the draft before, then I can read it on the tram');
  await hana.say(pair, 'https://example.org/drafts/error-pages — two pages, the second one is the hard one');
  const other = await boris.direct(anna);
  await boris.say(other, 'Анна, спасибо за вчера. Без тебя бы до ночи сидели');
  const lines = await Promise.all([boris, hana, chidi].map((one) => one.line()));
  return { release, pair, lines, boris };
}

/** The screens of somebody who is signed in, in the order in which they are taken. */
const screens = (one, { release, pair, lines }) => {
  const { page } = one;
  const at = async (room) => {
    await page.goto(`${origin}/#/room/${room.id}`);
    await page.locator('.composer textarea').waitFor();
    await page.locator('.message').last().waitFor();
  };
  const shut = () => page.keyboard.press('Escape');
  return {
    room: async () => { await at(release); lines[1].push({ type: 'typing', room: release.id, on: true }); await page.locator('.message').nth(-2).hover(); },
    members: async () => { await page.locator('.room > header button').nth(-2).click(); },
    search: async () => { await page.locator('.panel header button').click(); await page.locator('.room > header button').first().click(); await page.locator('.panel input').fill('migrations'); await page.waitForTimeout(700); },
    direct: async () => { await page.locator('.panel header button').click(); await at(pair); },
    'new-room': async () => { await page.goto(`${origin}/#/`); await page.locator('.side > header button').last().click(); await page.locator('.menu button').first().click(); },
    settings: async () => { await shut(); await page.locator('.side > footer button').click(); },
    menu: async () => { await shut(); await at(release); await page.locator('.message').nth(-2).hover(); await page.locator('.toolbar button').last().click(); },
    offline: async () => {
      await shut();
      one.causes(NETWORK, /request:/);
      await one.context.setOffline(true);
      await page.locator('.banner:not(:empty)').waitFor();
      for (const text of ['In the tunnel now…', 'Допишу, когда выедем']) {
        await page.locator('.composer textarea').fill(text);
        await page.locator('.composer button').last().click();
      }
    },
  };
};

async function shoot(one, name, { width, theme, tongue }) {
  await one.page.evaluate(() => document.fonts.ready);
  await one.page.waitForTimeout(150);
  await one.page.screenshot({ path: `${directory}/${name}-${width}-${theme}${tongue === 'ru' ? '-ru' : ''}.png` });
}

const house = await fill();
for (const tongue of ['en', 'ru']) {
  for (const [width, height] of WIDTHS) {
    for (const theme of ['light', 'dark']) {
      if (tongue === 'ru' && (theme === 'dark' || width === 768)) continue;
      const how = { width, theme, tongue };
      const options = { origin, width, height, colorScheme: theme, locale: tongue === 'ru' ? 'ru-RU' : 'en-GB', hasTouch: width < 760, isMobile: width < 760 };
      const guest = await Person.meet(options, 'Guest');
      await shoot(guest, 'sign-in', how);
      await guest.page.locator('.switch button').click();
      await guest.page.locator('input').nth(0).fill('x');
      await guest.page.locator('input').nth(2).fill('short');
      guest.causes(/422/);
      await guest.page.locator('form button[type=submit]').click();
      await guest.page.waitForTimeout(300);
      await shoot(guest, 'sign-up-errors', how);
      await guest.page.locator('input').nth(0).fill(`guest${Date.now()}`);
      await guest.page.locator('input').nth(2).fill(PASSWORD);
      await guest.page.locator('form button[type=submit]').click();
      await guest.page.locator('.side > footer button').waitFor();
      await shoot(guest, 'empty', how);
      await guest.leave();
      const anna = await Person.meet(options, 'anna');
      await anna.page.locator('input').nth(0).fill('anna');
      await anna.page.locator('input').nth(1).fill(PASSWORD);
      await anna.page.locator('form button[type=submit]').click();
      await anna.page.locator('.side > footer button').waitFor();
      await anna.page.locator('.room-link').first().waitFor();
      await anna.page.waitForTimeout(300);
      if (width < 760) await shoot(anna, 'rooms', how);
      for (const [name, go] of Object.entries(screens(anna, house))) {
        try {
          await go();
          await shoot(anna, name, how);
        } catch (error) {
          console.error(`${name} ${JSON.stringify(how)}: ${error.message.split('\n').slice(0, 4).join(' ')}`);
          await shoot(anna, `FAILED-${name}`, how);
        }
      }
      for (const text of anna.complaints) console.error(`${JSON.stringify(how)} ${text}`);
      await anna.leave();
    }
  }
}
for (const line of house.lines) line.close();
await close();
