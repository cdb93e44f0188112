// From a message's text to nodes: code, links, mentions. Text is only ever put into text nodes, so there is nothing to escape
// (security C3); what is not surely a link of http, https or mailto stays text.
const FENCE = /```(?:[\w+-]*\n)?([\s\S]+?)```/g;
const INLINE = /`([^`\n]+)`|\bhttps?:\/\/[^\s<>"`，。、；：！？）】」』]+|\bmailto:[^\s<>"`]+@[^\s<>"`]+|(?<![\w@])@([a-z0-9][a-z0-9_.-]*)/gi;
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F|\u200D\p{Extended_Pictographic})*\s?){1,3}$/u;

export const isJumbo = (text) => ONLY_EMOJI.test(text);

/** A link without the punctuation of the sentence round it. */
function bare(link) {
  let end = link.length;
  for (;;) {
    const last = link[end - 1];
    const opens = link.slice(0, end).split('(').length;
    const closes = link.slice(0, end).split(')').length;
    if (/[.,:;!?'*_~\]}»”’]/.test(last) || (last === ')' && closes > opens)) end -= 1;
    else return link.slice(0, end);
  }
}

function anchor(text) {
  try {
    const url = new URL(text);
    // Not what reads like another place: a name before an @, a text that turns round.
    if (!/^(https?|mailto):$/.test(url.protocol) || url.username || /\p{Bidi_Control}/u.test(text)) return text;
    const link = document.createElement('a');
    link.href = url.href;
    if (url.origin !== location.origin || !url.hash) link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
    link.textContent = text;
    return link;
  } catch {
    return text;
  }
}

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.textContent = text;
  return node;
}

/** `mention(username)` gives `null` (nobody), or what is known: `{ id, label, me }`. */
function inline(text, mention) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    let [whole, code, name] = match;
    let node = null;
    if (code) node = element('code', '', code);
    else if (name) {
      name = name.replace(/[_.-]+$/, '');
      whole = `@${name}`;
      const who = mention(name.toLowerCase());
      if (who) {
        node = element('span', who.me ? 'mention me' : 'mention', whole);
        node.title = who.label;
      }
    } else {
      whole = bare(whole);
      node = anchor(whole);
    }
    if (!node) continue;
    nodes.push(text.slice(from, match.index), node);
    from = match.index + whole.length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== '');
}

/** The nodes of a text. */
export function nodes(text, mention = () => null) {
  const all = [];
  let from = 0;
  for (const match of text.matchAll(FENCE)) {
    all.push(...inline(text.slice(from, match.index).replace(/\n$/, ''), mention));
    const block = element('pre', '', '');
    block.tabIndex = 0;
    block.append(element('code', '', match[1].replace(/\n$/, '')));
    all.push(block);
    from = match.index + match[0].length;
    if (text[from] === '\n') from += 1;
  }
  all.push(...inline(text.slice(from), mention));
  return all;
}

/** The text with what was searched for marked. */
export function marked(text, query) {
  const terms = [...query.matchAll(/"([^"]+)"|(\S+)/g)].map((term) => (term[1] ?? term[2]).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (!terms.length) return [text];
  return text.split(new RegExp(`(${terms.join('|')})`, 'giu')).map((part, at) => (at % 2 ? element('mark', '', part) : part));
}
