// Mentions that complete themselves while they are written (the combobox of the ARIA Authoring Practices Guide).
import { bdi, fill, h } from './dom.js';
import { t } from '../text/say.js';
import { face, isAdmin, nameOf } from './names.js';

const SHOWN = 6;

export function completion(chat, room, area) {
  let found = [];
  let at = 0;
  let range = null;
  const node = h('div.completion', { id: 'completion', role: 'listbox', ariaLabel: t('mention_list'), hidden: true, onpointerdown: (event) => { event.preventDefault(); take([...node.children].indexOf(event.target.closest('[role]'))); } });
  Object.assign(area, { role: 'combobox', ariaAutoComplete: 'list', ariaExpanded: 'false' });
  area.setAttribute('aria-controls', node.id);
  area.addEventListener('blur', () => close());

  /** Looks whether a name is being written before the caret. */
  function look() {
    const before = area.value.slice(0, area.selectionStart);
    const wanted = /(?:^|[\s(])@([\p{L}\p{N}_.-]*)$/u.exec(before)?.[1].toLowerCase();
    found = [];
    if (wanted !== undefined) {
      range = [before.length - wanted.length - 1, before.length];
      const rank = ({ username, display_name }) => (username.startsWith(wanted) ? 0 : ` ${display_name}`.toLowerCase().includes(` ${wanted}`) ? 1 : 2);
      const users = [...room.members.keys()].map((id) => chat.user(id)).filter((user) => user?.username && user.id !== chat.me.id && rank(user) < 2);
      found = users.sort((a, b) => rank(a) - rank(b) || a.username.localeCompare(b.username)).slice(0, SHOWN);
      if (isAdmin(room) && 'room'.startsWith(wanted)) found.push({ username: 'room' });
    }
    at = 0;
    if (found.length) draw();
    else close();
  }
  function draw() {
    fill(node, found.map(({ id, username }, index) => h('div', { role: 'option', id: `option-${index}`, ariaSelected: String(index === at) }, id && face(chat, id, '.s'), h('span.cut', id ? bdi(nameOf(chat, id)) : t('everyone_here')), h('span.soft.cut', `@${username}`))));
    node.hidden = false;
    area.ariaExpanded = 'true';
    area.setAttribute('aria-activedescendant', `option-${at}`);
  }
  function close() {
    node.hidden = true;
    area.ariaExpanded = 'false';
    area.removeAttribute('aria-activedescendant');
  }
  function take(index) {
    if (!found[index]) return;
    area.setRangeText(`@${found[index].username} `, ...range, 'end');
    close();
    area.dispatchEvent(new Event('input'));
  }
  /** Whether the key was meant for the list. */
  function key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, Enter: 0, Tab: 0, Escape: 0 }[event.key];
    if (node.hidden || step === undefined) return false;
    event.preventDefault();
    if (step) {
      at = (at + step + found.length) % found.length;
      draw();
    } else if (event.key === 'Escape') close();
    else take(at);
    return true;
  }
  return { node, look, key, close };
}
