// What the reader likes, kept in this browser: light or dark, and whether to be told.
const read = (name) => { try { return localStorage.getItem(`chat.${name}`); } catch { return null; } };
export const keep = (name, value) => { try { localStorage.setItem(`chat.${name}`, value); } catch { /* it is for this page only, then */ } };
export const taste = { get theme() { return read('theme') ?? 'auto'; }, get notify() { return read('notify') === 'true'; } };
export function dress(theme = taste.theme) {
  keep('theme', theme);
  document.documentElement.dataset.theme = theme;
}
