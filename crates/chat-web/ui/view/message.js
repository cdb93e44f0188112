// One message as a row of the timeline, and one that is still on its way: a key, a sign that differs when the row must, and how it is made.
import { bdi, button, h, icon } from './dom.js';
import { explain, moment, number, t, time } from '../text/say.js';
import { isJumbo, nodes } from '../text/markup.js';
import { face, nameOf, snippet } from './names.js';

/** Who `@name` is in this message. */
const mentions = (chat, message) => (name) => {
  if (name === 'room' && message.mentions_room) return { me: message.author !== chat.me.id, label: t('everyone_here') };
  const id = message.mentions.find((one) => chat.user(one)?.username === name);
  return id && { me: id === chat.me.id, label: nameOf(chat, id) };
};

/** The message that is answered; asked for when it is not at hand. */
function quoted(chat, room, seq) {
  const held = room.messages.find((message) => message.seq === seq) ?? room.aside.get(seq);
  if (held) return held;
  if (!room.aside.has(seq)) {
    room.aside.set(seq, null);
    const keep = (message) => { room.aside.set(seq, message); room.touch('messages'); };
    chat.api.message(room.id, seq).then(keep, ({ code }) => (code === 'gone' || code === 'not_found' ? keep({ rev: 0, deleted: true }) : room.aside.delete(seq)));
  }
  return null;
}
const quote = (chat, room, seq) => {
  const message = quoted(chat, room, seq);
  return button('quote', [message?.author && h('b.cut', bdi(nameOf(chat, message.author))), h('span.cut', bdi(message ? snippet(message) : '…'))], null, { 'data-jump': seq });
};

const text = (value, ...more) => h(isJumbo(value) ? 'div.text.jumbo' : 'div.text', { dir: 'auto' }, more);
const reaction = ({ emoji, count, me }) => button('reaction', [h('span', emoji), number(count)], null, { 'data-emoji': emoji, ariaPressed: String(Boolean(me)), ariaLabel: t('reacted_with', { emoji, n: count }) });

/** The top of a group: a face, a name, a time; below it only a time, which is seen when it is looked for. */
function top(chat, author, at, isFirst) {
  const when = h('time', { datetime: at, title: moment(at) }, time(at));
  if (!isFirst) return [h('span.hidden', nameOf(chat, author)), when];
  return [face(chat, author), h('div.head', h('b', bdi(nameOf(chat, author))), chat.user(author)?.bot && h('span.tag', t('bot')), when)];
}
const item = (looks, key, more, ...children) => h(`li.message${looks}`, { tabIndex: -1, 'data-key': key, ...more }, children);

export function row(chat, room, message, isFirst) {
  const { author, seq, rev, deleted, reply_to } = message;
  const isMine = author === chat.me.id;
  const isForMe = !isMine && !deleted && (message.mentions_room || message.mentions.includes(chat.me.id));
  const isPinned = room.room.pins.includes(seq);
  const answered = reply_to && !deleted ? quoted(chat, room, reply_to) : null;
  const key = isMine && message.nonce ? `n ${message.nonce}` : `m ${seq}`;
  const names = [author, answered?.author, ...message.mentions].map((id) => id && nameOf(chat, id));
  const reactions = message.reactions ?? [];
  const sign = [rev, isFirst, isForMe, names, reactions.map(({ me }) => Boolean(me)), answered?.rev, isPinned].join('\u0000');
  const make = () => item(`${isFirst ? '.first' : ''}${isForMe ? '.mentions' : ''}`, key, { 'data-seq': seq }, top(chat, author, message.at, isFirst),
    reply_to && !deleted && quote(chat, room, reply_to),
    deleted ? h('div.text.gone', t('deleted')) : text(message.text, nodes(message.text, mentions(chat, message)), message.edited_at && h('span.edited', { title: moment(message.edited_at) }, `(${t('edited')})`)),
    isPinned && h('div.state', icon('pin'), t('pinned')),
    reactions.length > 0 && h('div.reactions', { role: 'group', ariaLabel: t('reactions') }, reactions.map(reaction)));
  return { key, sign, make };
}

const STATES = { queued: 'clock', sending: 'clock', sent: 'check', failed: 'alert' };

/** A message that the server has not shown yet. */
export function pendingRow(chat, room, { nonce, state, code, at, reply_to, text: value, ...why }, isFirst) {
  const key = `n ${nonce}`;
  const retry = (act) => button('link', t(act), null, { 'data-act': act, 'data-nonce': nonce });
  const make = () => item(`.unsent${isFirst ? '.first' : ''}`, key, { 'data-state': state }, top(chat, chat.me.id, at, isFirst), reply_to && quote(chat, room, reply_to), text(value, nodes(value)),
    h(`div.state.${state}`, icon(STATES[state]), t(state), state === 'failed' && [': ', explain({ code, ...why }), retry('retry'), retry('discard')]));
  return { key, sign: [state, code, isFirst].join(), make };
}
