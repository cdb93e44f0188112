// The client's voice: texts in the reader's language, dates and numbers in its manner, problems in words.
import en from './en.js';
import ru from './ru.js';

const texts = { en, ru };
export const languages = [['en', 'English'], ['ru', 'Русский']];
const stored = () => { try { return localStorage.getItem('chat.language'); } catch { return null; } };
const wanted = [stored(), ...navigator.languages].filter(Boolean).map((tag) => tag.slice(0, 2));
export let language = wanted.find((tag) => texts[tag]) ?? 'en';

const formats = new Map();
/** A formatter of `Intl`, made once for each language. */
function format(kind, options) {
  const key = language + kind + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl[kind](language, options));
  return formats.get(key);
}

export function speak(tag) {
  language = tag;
  document.documentElement.lang = tag;
  try { localStorage.setItem('chat.language', tag); } catch { /* it is for this page only, then */ }
}

/** The text of that name, filled in. */
export const t = (name, values = {}) => (texts[language][name] ?? en[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => (key in values ? (typeof values[key] === 'number' ? number(values[key]) : values[key]) : whole));

export const number = (n) => format('NumberFormat').format(n);
export const time = (at) => format('DateTimeFormat', { timeStyle: 'short' }).format(new Date(at));
export const moment = (at) => format('DateTimeFormat', { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at));
export const dayKey = (at) => new Date(at).toDateString();

/** "Today", "Yesterday", or the date. */
export function day(at) {
  const ago = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 864e5);
  if (ago === 0) return t('today');
  if (ago === 1) return t('yesterday');
  return format('DateTimeFormat', { weekday: 'long', day: 'numeric', month: 'long', year: ago > 300 ? 'numeric' : undefined }).format(new Date(at));
}

/** As short as a list wants it: the time today, else the day. */
export function short(at) {
  return dayKey(at) === dayKey(Date.now()) ? time(at) : format('DateTimeFormat', { day: 'numeric', month: 'short' }).format(new Date(at));
}

/** A problem, for people. */
export function explain(problem) {
  const code = problem?.code ?? 'internal';
  const name = `e_${code}`;
  const values = { n: Math.max(1, Math.ceil((problem?.retry_ms ?? 1000) / 1000)), code, why: problem?.message };
  return t(name in en ? name : ['token_expired', 'unauthenticated', 'session_revoked'].includes(code) ? 'ended_expired' : 'e_other', values);
}

/** Why a field was refused. */
export const fault = (code) => t(`f_${code}` in en ? `f_${code}` : 'e_invalid_field');
