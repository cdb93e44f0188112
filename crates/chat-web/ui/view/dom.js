// How nodes are made: elements, icons, faces. Text becomes text nodes and nothing else; no markup is ever parsed.
const PATHS = {
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16.5 16.5 21 21', plus: 'M12 5v14M5 12h14', close: 'M6 6l12 12M18 6 6 18', back: 'M15 5l-7 7 7 7',
  settings: 'M4 7h9M19 7h1M4 17h1M11 17h9M13 4.500v5h4v-5zM5 14.500v5h4v-5z', people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M16 4.500a3.5 3.5 0 0 1 0 6M18 14.500c2 .8 3.2 2.6 3.5 5.5',
  pin: 'M9 4h6l-.5 6 3.5 3v2H6v-2l3.5-3zM12 15v6', send: 'M4 12 20 4l-5 16-3-7zM12 13l8-9', smile: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 14.500c2 2.4 5 2.4 7 0M9 9.500v.2M15 9.500v.2',
  reply: 'M10 6 4 11l6 5v-3.500c5 0 8 1.5 10 5-.5-6-4-9.5-10-9.500z', edit: 'M4 20l1-4L16 5l3 3L8 19z', trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13', dots: 'M5 12h.2M12 12h.2M19 12h.2', hash: 'M9 4 7 20M17 4l-2 16M4.5 9h16M3.5 15h16',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3', compass: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M15.5 8.500l-2 5-5 2 2-5z', link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.6-5.600M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.6 5.6',
  down: 'M12 5v14M6 13l6 6 6-6', check: 'M5 12.500l4.5 4.500L19 7.5', clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3.5 2', alert: 'M12 4 2.5 20h19zM12 10v4.500M12 17.300v.2', chat: 'M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z', door: 'M14 4h5v16h-5M4 12h10M10 8l4 4-4 4', copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
};
const isShown = (child) => child !== null && child !== undefined && child !== false && child !== '';

/** `h('p.soft', { attributes, onevent }, ...children)`; what is `null` or `false` is left out. */
export function h(tag, ...children) {
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(' ');
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  for (const [key, value] of Object.entries(attributes)) {
    if (!isShown(value) && value !== '') continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key in node) node[key] = value;
    else node.setAttribute(key, value === true ? '' : value);
  }
  return fill(node, ...children);
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat(4).filter(isShown));
  return node;
}

export function icon(name) {
  const make = (tag, attributes) => {
    const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const svg = make('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': true });
  svg.append(make('path', { d: PATHS[name], ...(name === 'dots' && { 'stroke-width': 3 }) }));
  return svg;
}
export const mark = () => h('img.mark', { src: new URL('../favicon.svg', import.meta.url), alt: '' });

export const button = (look, label, onclick, more) => h(`button.${look}`, { type: 'button', onclick, ...more }, label);
/** A button that is an icon; its label is its name and its hint. */
export const tool = (name, label, onclick, more) => button('tool', icon(name), onclick, { ariaLabel: label, title: label, ...more });
export const pops = { ariaHasPopup: 'true', ariaExpanded: 'false' };
export const bdi = (text) => h('bdi', text);
export const empty = (picture, title, ...more) => h('div.empty', icon(picture), h('strong', title), more);

const hue = (id) => [...id].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) >>> 0, 7) % 8;
const initials = (name) => name.split(/[\s_.-]+/).map((word) => word.match(/[\p{L}\p{N}]/u)?.[0]).filter(Boolean).slice(0, 2).join('').toUpperCase() || '?';
/** A face: initials on a colour that is always the same for the same id. */
export const avatar = (id, name, look = '', status = null) => h(`span.avatar.c${hue(id)}${look}`, { ariaHidden: 'true' }, initials(name), status && h(`span.dot.${status}`));
export const emblem = (name) => h('span.avatar.plain', { ariaHidden: 'true' }, icon(name));

/** Fills anew what is scrolled, without losing the place or the focus; `key` names the `data-` of what may have it. */
export function refill(node, key, ...children) {
  const { scrollTop } = node;
  const had = document.activeElement?.dataset[key];
  fill(node, ...children).scrollTop = scrollTop;
  if (had) node.querySelector(`[data-${key}="${had}"]`)?.focus({ preventScroll: true });
}

/** Runs `fn` once things have been calm for `ms`. */
export function calm(fn, ms) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(fn, ms); };
}
