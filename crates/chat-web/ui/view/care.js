// What admins and owners see to in a room: its name and manners, the webhooks that post into it, who is kept out, its end.
import { bdi, button, fill, h } from './dom.js';
import { t } from '../text/say.js';
import { act, choice, confirm, dialog, form, input, rows, secret, toast } from './over.js';
import { face, isOwner, learn, nameOf } from './names.js';

export function care(chat, room) {
  const { api } = chat;
  const { name, topic, slow_mode_s, archived } = room.room;
  const without = (label, work, again) => button('button.slim', t(label), act(async () => { await work(); again(); }));
  const seconds = [...new Set([0, 5, 30, 60, 600, slow_mode_s])].map((n) => [n, n ? t('seconds', { n }) : t('off')]);
  const made = h('div', { ariaLive: 'polite' });
  const hooks = rows(t('none'), () => api.webhooks(room.id), (hook, again) => [h('span.grow.cut', bdi(hook.name)), without('remove', () => api.deleteWebhook(room.id, hook.id), again)]);
  const banned = async () => {
    const page = await api.bans(room.id);
    await learn(chat, page.items.map(({ user }) => user));
    return page;
  };
  const bans = rows(t('none'), banned, ({ user }, again) => [face(chat, user, '.s'), h('span.grow.cut', bdi(nameOf(chat, user))), without('unban', () => api.unban(room.id, user), again)]);
  dialog(t('room_settings'), (close) => [
    form({
      name: [t('room_name'), input({ value: name })], topic: [t('topic'), input({ value: topic ?? '' })], slow_mode_s: [t('slow_mode'), choice(seconds, slow_mode_s)],
      ...(isOwner(room) && { archived: [t('archive'), h('input', { type: 'checkbox', checked: archived })] }),
    }, t('save'), async (values) => {
      await api.changeRoom(room.id, { ...values, name: values.name.trim(), topic: values.topic.trim() || null, slow_mode_s: Number(values.slow_mode_s) });
      close();
      toast(t('saved'));
    }),
    h('div.part', h('h3', t('hooks')), h('p.soft.small', t('hook_note')), hooks.list, made, form({ name: [t('hook_name'), input()] }, t('hook_make'), async (values) => {
      const { url } = await api.createWebhook(room.id, values.name.trim());
      fill(made, secret(new URL(url, location.origin).href));
      hooks.again();
    })),
    h('div.part', h('h3', t('banned')), bans.list),
    isOwner(room) && h('div.part', button('button.bad', t('delete_room'), () => { close(); confirm(t('delete_room_sure', { name }), t('delete_room'), () => api.deleteRoom(room.id)); })),
  ]);
}
