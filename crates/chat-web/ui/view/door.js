// The door: signing in and signing up. `note` says why somebody stands here who was inside.
import { button, fill, h, mark } from './dom.js';
import { form, input } from './over.js';
import { language, languages, t } from '../text/say.js';

export function door(chat, { note, speak, isOpen }) {
  const card = h('div.card');
  const show = (isNew) => {
    const inputs = {
      username: [t('username'), input({ autocomplete: 'username', autocapitalize: 'none' }), isNew && t('username_hint')],
      ...(isNew && { display_name: [t('display_name'), input({ autocomplete: 'nickname' })] }),
      password: [t('password'), input({ type: 'password', autocomplete: isNew ? 'new-password' : 'current-password' }), isNew && t('password_hint')],
    };
    const submit = ({ username, password, display_name }) => {
      const device = navigator.userAgentData?.platform || 'web';
      const name = { username: username.trim(), password, device };
      return isNew ? chat.signUp({ ...name, display_name: display_name.trim() || undefined }) : chat.signIn(name);
    };
    const label = t(isNew ? 'sign_up' : 'sign_in');
    fill(card, h('div.brand', mark(), h('div', h('h1', t('app')), h('p', t('tagline')))), h('h2.hidden', label), note && h('p.note', { role: 'status' }, note),
      isNew && !isOpen() ? h('p.note', t('e_registration_closed')) : form(inputs, label, submit),
      h('p.switch', button('link', t(isNew ? 'have_account' : 'no_account'), () => show(!isNew))));
    card.querySelector('input')?.focus();
  };
  show(false);
  const tongues = languages.map(([tag, name]) => button('link', name, () => speak(tag), { lang: tag, ariaPressed: String(tag === language) }));
  return h('div.door', h('main', card, h('footer', tongues, h('a', { href: '/docs' }, 'API'))));
}
