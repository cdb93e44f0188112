// Searching messages: in the room that is open, or in all of one's own.
import { button, calm, empty, fill, h } from './dom.js';
import { explain, t } from '../text/say.js';
import { marked } from '../text/markup.js';
import { act, input } from './over.js';
import { learn, titleOf } from './names.js';
import { hit } from './panel.js';

export function searching(chat, house, room, done = () => {}) {
  let isHere = Boolean(room);
  let asked = 0;
  const results = h('div', { ariaLive: 'polite' });
  const box = input({ type: 'search', ariaLabel: t('search_box'), placeholder: t('search_box'), oninput: calm(() => ask(), 250) });
  const show = (message, q) => {
    const where = isHere ? null : chat.rooms.get(message.room);
    return hit(chat, message, marked(message.text, q), () => { done(); house.openRoom(message.room, message.seq); }, where && titleOf(chat, where));
  };
  async function ask(cursor) {
    const q = box.value.trim();
    const mine = (asked += 1);
    if (!q) return fill(results, empty('search', t('search_box'), h('p', t('search_hint'))));
    let page;
    try {
      page = await chat.api.search({ q, room: isHere ? room.id : null, cursor });
      await learn(chat, page.items.map(({ author }) => author));
    } catch (problem) {
      return mine === asked && fill(results, empty('alert', explain(problem)));
    }
    if (mine !== asked) return null;
    if (!cursor) fill(results, !page.items.length && empty('search', t('no_results')));
    results.querySelector('.next')?.remove();
    results.append(...page.items.map((message) => show(message, q)));
    if (page.next) results.append(button('button.next', t('more'), act(() => ask(page.next))));
    return null;
  }
  const scope = (label, here) => button('segment', label, ({ currentTarget }) => {
    isHere = here;
    for (const one of currentTarget.parentNode.children) one.ariaPressed = String(one === currentTarget);
    ask();
  }, { ariaPressed: String(isHere === here) });
  ask();
  return h('div.stack', h('div', { role: 'search' }, box), room && h('div.segments', { role: 'group', ariaLabel: t('search_in') }, scope(t('this_room'), true), scope(t('all_rooms'), false)), results);
}
