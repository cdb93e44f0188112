// Ways into rooms: making one, the directory, writing to somebody, invite links, adding people.
import { bdi, button, emblem, fill, h } from './dom.js';
import { moment, t } from '../text/say.js';
import { act, choice, dialog, finder, form, input, rows, secret } from './over.js';
import { face } from './names.js';

export function newRoom(chat, house) {
  dialog(t('new_room'), (close) => form({
    name: [t('room_name'), input()], topic: [t('topic'), input()], kind: [t('kind'), choice([['public', t('public')], ['private', t('private')]], 'public')],
  }, t('create'), async ({ name, topic, kind }) => {
    await house.adopt(await chat.api.createRoom({ kind, name: name.trim(), topic: topic.trim() || undefined }));
    close();
  }));
}

/** A row with a face, two lines, and what can be done. */
const entry = (picture, name, under, label, run, look = 'button.slim') => h('li.list-item', picture, h('div.grow', h('div.cut', h('b', bdi(name))), under && h('div.soft.small.cut', bdi(under))), button(look, label, act(run), { ariaLabel: `${label}: ${name}` }));

export function browse(chat, house) {
  dialog(t('browse'), (close) => finder(t('find_room'), t('directory_empty'), (q, cursor) => chat.api.directory(q, cursor), (room) => {
    const isIn = chat.rooms.has(room.id);
    return entry(emblem('hash'), room.name, room.topic, t(isIn ? 'open' : 'join'), async () => {
      await house.adopt(room, isIn ? null : await chat.api.join(room.id));
      close();
    }, isIn ? 'button.slim' : 'button.slim.main');
  }));
}

/** People by name, and what is done with one. */
const someone = (chat, label, run) => finder(t('find_people'), t('nobody'), (q, cursor) => chat.api.findUsers(q, cursor),
  ({ id, display_name, username, bot }) => id !== chat.me.id && !bot && entry(face(chat, id), display_name, `@${username}`, label, (node) => run(id, node)), true);

export const newDirect = (chat, house) => dialog(t('new_direct'), (close) => someone(chat, t('message_to'), async (id) => (await house.direct(id)) && close()));

export const people = (chat, room) => dialog(t('add_people'), () => someone(chat, t('add'), async (id, node) => {
  await chat.api.setMember(room.id, id);
  node.disabled = true;
  fill(node, t('joined'));
}));

export function invites(chat, room) {
  const { api } = chat;
  dialog(t('invite_title'), () => {
    const made = h('div', { ariaLive: 'polite' });
    const used = rows(t('none'), () => api.invites(room.id), ({ id, uses, expires_at }, again) => [
      h('span.grow.small', t('used', { n: uses }), expires_at && ` · ${t('expires', { at: moment(expires_at) })}`), button('button.slim', t('remove'), act(async () => { await api.deleteInvite(room.id, id); again(); }))]);
    return [h('p.soft', t('invite_note')), form({
      expires_in: [t('invite_ttl'), choice([[604800, t('week')], [86400, t('day')], [3600, t('hour')], ['', t('never')]], 604800)],
    }, t('invite_make'), async ({ expires_in }) => {
      const { code } = await api.createInvite(room.id, { expires_in: Number(expires_in) || undefined });
      fill(made, secret(`${location.origin}/#/invite/${code}`));
      used.again();
    }), made, h('div.part', h('h3', t('links')), used.list)];
  });
}
