// One's own settings: name, looks, language, notifications, password, devices, and the way out.
import { bdi, button, h } from './dom.js';
import { language, languages, moment, speak, t } from '../text/say.js';
import { act, attempt, choice, confirm, dialog, form, input, rows, toast } from './over.js';
import { dress, keep, read } from './taste.js';

const secret = (autocomplete) => input({ type: 'password', autocomplete });
const part = (...children) => h('div.part', children);

export function settings(chat, house) {
  const { api } = chat;
  const labelled = (id, label, node) => h('div.field', h('label', { htmlFor: id }, label), Object.assign(node, { id }));
  const tell = h('input', { type: 'checkbox', id: 'notify', checked: Boolean(read('notify')), onchange: async () => {
    if (tell.checked && (await Notification.requestPermission()) !== 'granted') {
      tell.checked = false;
      toast(t('notify_denied'));
    }
    keep('notify', tell.checked && 'yes');
  } });
  const devices = rows('', () => api.sessions(), ({ id, device, current, refreshed_at }, again) => [
    h('div.grow', h('div.cut', bdi(device || 'web'), ' ', current && h('span.tag', t('this_device'))), h('div.soft.small', t('last_used', { at: moment(refreshed_at) }))),
    !current && button('button.slim', t('sign_out'), act(async () => { await api.deleteSession(id); again(); }))]);
  const out = () => chat.signOut();
  const leave = ({ currentTarget }) => ([...chat.rooms.values()].some(({ outbox }) => outbox.length) ? confirm(t('unsent_sure'), t('sign_out'), out) : attempt(out, currentTarget));
  const done = (text) => toast(t(text));
  dialog(t('settings'), (close) => [
    part(form({ display_name: [t('display_name'), input({ value: chat.me.display_name })] }, t('save'), async ({ display_name }) => { await api.changeMe({ display_name: display_name.trim() }); done('saved'); })),
    part(labelled('theme', t('theme'), choice([['auto', t('auto')], ['light', t('light')], ['dark', t('dark')]], read('theme'), ({ target }) => dress(target.value))),
      labelled('language', t('language'), choice(languages, language, ({ target }) => { speak(target.value); close(); house.redraw(); })),
      'Notification' in window && h('div.check', tell, h('label', { htmlFor: 'notify' }, t('notify_on')))),
    part(h('h3', t('change_password')), form({ current: [t('current_password'), secret('current-password')], new: [t('new_password'), secret('new-password'), t('password_hint')] }, t('change_password'), async (values) => { await api.changePassword(values.current, values.new); done('password_changed'); devices.again(); })),
    part(h('h3', t('sessions')), devices.list),
    part(button('button', t('sign_out'), leave)),
  ]);
}
