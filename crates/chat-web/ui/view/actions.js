// What can be done with a message: the bar that appears on the row that is looked at, and the clicks inside rows.
import { bdi, button, h, pops, tool } from './dom.js';
import { t } from '../text/say.js';
import { act, attempt, confirm, copy, dialog, emojis, menu } from './over.js';
import { face, isAdmin, learn, nameOf } from './names.js';

const QUICK = '👍';

/** Answers `move(old, fresh)`: a row was made anew, and the bar and the focus go with it. */
export function actions(chat, room, list, does) {
  const { api } = chat;
  let at = null;
  const find = (node) => room.messages.find(({ seq }) => seq === Number(node?.dataset.seq));
  const react = (message, emoji) => attempt(() => room.react(message.seq, emoji, !message.reactions.find((one) => one.emoji === emoji)?.me));
  const here = (run) => (event) => { const message = find(at); if (message) run(message, event.currentTarget); };
  const bar = h('div.toolbar', { role: 'group', ariaLabel: t('actions_for') },
    button('tool.quick', QUICK, here((message) => react(message, QUICK)), { ariaLabel: `${t('react')} ${QUICK}` }),
    tool('smile', t('react'), here((message, anchor) => emojis(anchor, (emoji) => react(message, emoji))), pops),
    tool('reply', t('reply'), here(does.reply)), tool('dots', t('more_actions'), here(more), pops));

  function more(message, anchor) {
    const { seq, author } = message;
    const isMine = author === chat.me.id;
    const isPinned = room.room.pins.includes(seq);
    const isDirect = room.room.kind === 'direct';
    const user = chat.user(author);
    menu(anchor, [
      isMine && ['edit', t('edit'), () => does.edit(message)],
      (isDirect || isAdmin(room)) && ['pin', t(isPinned ? 'unpin' : 'pin'), () => attempt(() => api.pin(room.id, seq, !isPinned))],
      ['link', t('copy_link'), () => copy(`${location.origin}/#/room/${room.id}/${seq}`)],
      message.reactions.length > 0 && ['smile', t('who_reacted'), () => who(seq)],
      !isMine && !isDirect && user && !user.bot && !user.deleted && ['chat', t('message_to'), () => does.direct(author)],
      (isMine || isAdmin(room)) && ['trash', t('delete'), () => confirm(t('delete_sure'), t('delete'), () => room.delete(seq)), true],
    ]);
  }
  function who(seq) {
    const rows = h('ul');
    const next = button('button', t('more'), act(() => load()));
    let cursor = null;
    async function load() {
      const page = await api.reactions(room.id, seq, { cursor });
      await learn(chat, page.items.map(({ user }) => user));
      rows.append(...page.items.map(({ emoji, user }) => h('li.list-item', emoji, face(chat, user, '.s'), bdi(nameOf(chat, user)))));
      cursor = page.next;
      next.hidden = !cursor;
    }
    attempt(async () => { await load(); dialog(t('who_reacted'), () => [rows, next]); });
  }

  const show = (node) => {
    const message = find(node);
    if (!message || message.deleted) bar.remove();
    else if (bar.parentNode !== node) node.append(bar);
    at = node;
  };
  list.addEventListener('pointerover', ({ pointerType, target }) => pointerType !== 'touch' && show(target.closest('.message')));
  list.addEventListener('focusin', ({ target }) => show(target.closest('.message')));
  list.addEventListener('click', ({ target }) => {
    const node = target.closest('.message');
    const of = (name) => target.closest(`[data-${name}]`)?.dataset;
    if (of('jump')) does.jump(Number(of('jump').jump));
    else if (of('emoji') && find(node)) react(find(node), of('emoji').emoji);
    else if (of('act')) room[of('act').act](of('act').nonce);
    else if (node && !target.closest('a, button, pre') && getSelection().isCollapsed) node.focus({ preventScroll: true });
  });
  return (old, fresh) => {
    const had = document.activeElement;
    if (!old.contains(had)) { if (at === old) queueMicrotask(() => show(fresh)); return; }
    const emoji = had.dataset.emoji;
    queueMicrotask(() => {
      show(fresh);
      const to = had === old ? fresh : bar.contains(had) ? had : [...fresh.querySelectorAll('[data-emoji]')].find((one) => one.dataset.emoji === emoji) ?? fresh;
      to.focus({ preventScroll: true });
    });
  };
}
