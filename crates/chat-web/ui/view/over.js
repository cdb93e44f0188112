// What lies over the page: dialogs, menus, the emoji picker, toasts; and forms. The browser's own `dialog` and `popover` bring the
// focus, the Escape key and the top layer.
import { button, calm, empty, fill, h, icon, tool } from './dom.js';
import { explain, fault, t } from '../text/say.js';

export function toast(text) {
  const node = h('div.toast', text);
  const box = document.getElementById('toasts');
  box.append(node);
  box.hidePopover();
  box.showPopover(); // above whatever is open
  setTimeout(() => node.remove(), 6000);
}

/** Does something that may be refused, and says so when it is. Answers whether it went well. */
export async function attempt(work, node = null) {
  if (node?.ariaBusy === 'true') return false;
  if (node) node.ariaBusy = 'true';
  try {
    await work();
    return true;
  } catch (problem) {
    if (!problem?.code) throw problem;
    toast(explain(problem));
    return false;
  } finally {
    if (node) node.ariaBusy = 'false';
  }
}

/** A listener that attempts; its button is busy meanwhile. */
export const act = (work) => (event) => { const node = event.currentTarget; attempt(() => work(node), node); };

let ids = 0;
const fresh = () => `id-${(ids += 1)}`;

/** A dialog; `build(close)` makes what is in it. */
export function dialog(title, build) {
  const id = fresh();
  const box = h('dialog', { 'aria-labelledby': id, onclose: () => box.remove(), onclick: (event) => event.target === box && close() });
  const close = () => box.close();
  fill(box, h('header', h('h2', { id }, title), tool('close', t('close'), close)), h('div.body', build(close)));
  document.body.append(box);
  box.showModal();
}

/** Asks before something that cannot be undone. */
export const confirm = (text, label, work) => dialog(label, (close) => [
  h('p', text), h('div.actions', button('button', t('cancel'), close), button('button.bad.main', label, act(async () => { await work(); close(); })))]);

function popover(anchor, children) {
  const box = h('div.menu', { popover: 'auto', role: 'group', ariaLabel: anchor.ariaLabel ?? anchor.textContent }, children);
  box.addEventListener('toggle', ({ newState }) => {
    if (newState !== 'closed') return;
    const had = box.contains(document.activeElement) || document.activeElement === document.body;
    box.remove();
    anchor.ariaExpanded = 'false';
    if (had && anchor.isConnected) anchor.focus();
  });
  (anchor.closest('dialog') ?? document.body).append(box);
  const near = anchor.getBoundingClientRect();
  box.showPopover();
  anchor.ariaExpanded = 'true';
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(8, Math.min(near.right - width, innerWidth - width - 8))}px`;
  box.style.top = `${near.bottom + 4 + height > innerHeight ? Math.max(8, near.top - height - 4) : near.bottom + 4}px`;
  return box;
}

/** Arrow keys move through buttons that stand in `columns()`. */
function arrows(buttons, columns) {
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  return (event) => {
    if (!step[event.key]) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, buttons.indexOf(document.activeElement) + step[event.key]))].focus();
  };
}

/** A list of actions beside its button: `[icon, label, run, isBad]`; what is false is left out. */
export function menu(anchor, actions, head) {
  const items = actions.filter(Boolean).map(([picture, label, run, isBad]) => button(isBad ? 'item.bad' : 'item', [icon(picture), label], () => { box.hidePopover(); run(); }));
  const box = popover(anchor, [head, items]);
  box.addEventListener('keydown', arrows(items, 1));
  items[0]?.focus();
}

const EMOJI = '👍 👎 ❤️ 😂 🎉 🙏 👀 🔥 ✅ ❌ 😀 😄 😅 😉 😊 😍 😘 😎 🤔 🤨 😐 😬 🙄 😴 😢 😭 😡 🤯 😱 🥳 🤗 🤝 👏 💪 🙌 ✌️ 🤞 👌 🤷 💯 ⭐ ✨ 💡 ⚡ 🚀 🐛 🔧 📌 📎 📅 ⏰ ☕ 🍕 🍰 🍺 🌞 🌧️ 🌱 🐱 🐶 🏆 🎯 ❓ ❗'.split(' ');

export function emojis(anchor, pick) {
  const buttons = EMOJI.map((emoji) => button('emoji', emoji, () => { box.hidePopover(); pick(emoji); }));
  const box = popover(anchor, h('div.emoji-grid', buttons));
  box.addEventListener('keydown', arrows(buttons, 8));
  buttons[0].focus();
}

/** A form: `inputs` is `{ name: [label, node, hint] }` by the names the server knows; `submit(values)` may be refused, and each field says why. */
export function form(inputs, label, submit) {
  const whole = h('p.error', { role: 'alert' });
  const errors = { whole };
  const rows = Object.entries(inputs).map(([name, [text, node, hint]]) => {
    node.id = fresh();
    if (node.type === 'checkbox') return h('div.check', node, h('label', { htmlFor: node.id }, text));
    errors[name] = h('p.error', { id: fresh() });
    node.setAttribute('aria-describedby', errors[name].id);
    return h('div.field', h('label', { htmlFor: node.id }, text), node, hint && h('p.soft.small', hint), errors[name]);
  });
  const send = h('button.button.main', { type: 'submit' }, label);
  const onsubmit = async (event) => {
    event.preventDefault();
    if (send.ariaBusy === 'true') return;
    send.ariaBusy = 'true';
    for (const [name, node] of Object.entries(errors)) { fill(node); if (inputs[name]) inputs[name][1].ariaInvalid = 'false'; }
    try {
      await submit(Object.fromEntries(Object.entries(inputs).map(([name, [, node]]) => [name, node.type === 'checkbox' ? node.checked : node.value])));
      for (const [, node] of Object.values(inputs)) if (node.type === 'password') node.value = '';
    } catch (problem) {
      if (!problem?.code) throw problem;
      const named = (problem.errors ?? []).map(({ pointer, code }) => [pointer.slice(1), code]).filter(([name]) => inputs[name]);
      for (const [name, code] of named) { fill(errors[name], fault(code)); inputs[name][1].ariaInvalid = 'true'; }
      if (named.length) inputs[named[0][0]][1].focus();
      else fill(whole, explain(problem));
    } finally {
      send.ariaBusy = 'false';
    }
  };
  return h('form.stack', { noValidate: true, onsubmit }, rows, whole, h('div.row', send));
}

export const input = (more) => h('input.input', { type: 'text', autocomplete: 'off', ...more });
export function choice(options, value, onchange) {
  const node = h('select.input', { onchange }, options.map(([key, label]) => h('option', { value: key }, label)));
  node.value = value;
  return node;
}

/** A list that is searched while one types: `ask(q, cursor)` gives a page, `show(item)` a row. */
export function finder(label, none, ask, show, isLazy) {
  let asked = 0;
  const rows = h('ul');
  const more = h('div');
  const box = input({ type: 'search', ariaLabel: label, placeholder: label });
  const load = async (cursor = null) => {
    const mine = (asked += 1);
    if (isLazy && !box.value.trim()) return fill(rows), fill(more);
    const page = await ask(box.value.trim(), cursor);
    if (mine !== asked) return null;
    if (!cursor) fill(rows);
    rows.append(...page.items.map(show).filter(Boolean));
    return fill(more, page.next ? button('button', t('more'), act(() => load(page.next))) : !rows.children.length && empty('search', none));
  };
  box.addEventListener('input', calm(() => attempt(() => load()), 200));
  attempt(() => load());
  return [box, rows, more];
}

/** Rows that are loaded, with a way to load them again: `show(item, again)`. */
export function rows(none, load, show) {
  const list = h('ul');
  const again = () => attempt(async () => {
    const { items } = await load();
    fill(list, items.length ? items.map((item) => h('li.list-item', show(item, again))) : h('li.soft.small', none));
  });
  again();
  return { list, again };
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t('copied'));
  } catch {
    toast(text);
  }
}
/** A secret that is seen once. */
export const secret = (text) => h('div.secret', h('code', text), tool('copy', t('copy'), () => copy(text)));
