// What this browser keeps for its reader: the look, whether to be told, drafts. Where it keeps nothing, it is for the page only.
const safely = (act) => { try { return act(); } catch { return null; } };
export const read = (name) => safely(() => localStorage.getItem(`chat.${name}`));
export const keep = (name, value) => safely(() => (value ? localStorage.setItem(`chat.${name}`, value) : localStorage.removeItem(`chat.${name}`)));
export const forget = (start) => safely(() => Object.keys(localStorage).filter((key) => key.startsWith(`chat.${start}`)).forEach((key) => localStorage.removeItem(key)));
export function dress(theme = read('theme') ?? 'auto') {
  keep('theme', theme);
  document.documentElement.dataset.theme = theme;
}
