//! Texts and queries as the columns of the search hold them.

use std::cmp::Reverse;

use chat_domain::{
    ids::RoomId,
    words::{Query, Term, atoms, fold},
};

/// Longer words are known by their beginning.
const WORD: usize = 40;
/// Parts that the index is asked for; what more there are is looked for in the text itself.
const PARTS: usize = 4;
/// The same for words.
const WORDS: usize = 24;

/// What a text is found by.
pub(super) struct Pieces {
    /// As a `tsvector` is written.
    pub(super) words: String,
    /// See [`spelled`].
    pub(super) parts: String,
}

impl Pieces {
    pub(super) fn of(room: RoomId, text: &str) -> Self {
        let folded = fold(text);
        let mut words = room_word(room);
        for atom in atoms(&folded) {
            words.push(' ');
            words.push_str(&quoted(atom));
        }
        Self { words, parts: spelled(&folded) }
    }
}

/// What a text must have to be found.
pub(super) struct Wanted {
    /// As a `tsquery` is written; empty when there is nothing to ask.
    pub(super) words: String,
    /// Spelled.
    pub(super) parts: Vec<String>,
}

impl Wanted {
    /// Of a query in these rooms, in any when none is named. Without an index of parts their words stand for them.
    pub(super) fn of(query: &Query, rooms: &[RoomId], by_parts: bool) -> Self {
        let (mut parts, mut short): (Vec<&Term>, Vec<&Term>) =
            query.terms().iter().partition(|term| by_parts && term.is_part());
        parts.sort_by_key(|term| Reverse(term.as_str().len()));
        short.sort_by_key(|term| Reverse(term.as_str().len()));
        let words: Vec<String> =
            short.into_iter().flat_map(|term| atoms(term.as_str())).take(WORDS).map(quoted).collect();
        let rooms: Vec<String> = rooms.iter().copied().map(room_word).collect();
        let rooms = Some(rooms.join(" | ")).filter(|rooms| !rooms.is_empty()).map(|rooms| format!("({rooms})"));
        let words: Vec<String> = words.into_iter().chain(rooms).collect();
        Self {
            words: words.join(" & "),
            parts: parts.into_iter().take(PARTS).map(|term| spelled(term.as_str())).collect(),
        }
    }

    /// For LIKE, the last again where there are fewer.
    pub(super) fn patterns(&self) -> [String; PARTS] {
        std::array::from_fn(|at| match self.parts.get(at).or(self.parts.last()) {
            Some(part) => format!("%{part}%"),
            None => "%".to_owned(),
        })
    }
}

/// A word that hardly any text has. One that had it would be found where it is, no more.
fn room_word(room: RoomId) -> String {
    format!("r{}", room.0.simple())
}

/// As `tsvector` and `tsquery` want it.
fn quoted(word: &str) -> String {
    let mut quoted = String::from("'");
    for c in word.chars().take(WORD) {
        if c == '\'' || c == '\\' {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// A folded text in letters and digits of ASCII: these as they are, every other character as two of them. Different texts may
/// be spelled alike, seldom; whatever a text has in it is spelled in its spelling.
fn spelled(folded: &str) -> String {
    let mut spelled = String::with_capacity(folded.len());
    for c in folded.chars() {
        if c.is_ascii_alphanumeric() {
            spelled.push(c);
        } else {
            let code = (u32::from(c) * 31 + 7) % (DIGITS * DIGITS);
            for digit in [code / DIGITS, code % DIGITS] {
                spelled.extend(char::from_digit(digit, DIGITS));
            }
        }
    }
    spelled
}

const DIGITS: u32 = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_hold_the_spellings_of_their_parts_and_nothing_that_like_knows() {
        let text = fold("CHAT-4711: 東京都, привет & 100%_\\ 'so' 😀");
        let spelling = spelled(&text);
        assert!(spelling.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{spelling}");
        for part in ["chat-4711", "京都", "риве", "100%_\\", "'so'", "😀"] {
            assert!(spelling.contains(&spelled(part)), "{part}");
        }
        let letters: std::collections::BTreeSet<String> = ('а'..='я').map(|c| spelled(&c.to_string())).collect();
        assert_eq!(letters.len(), 32, "letters of one alphabet are spelled apart");
    }

    #[test]
    fn words_are_quoted() {
        assert_eq!(quoted("a'b\\c"), "'a''b\\\\c'");
        let wanted = Wanted::of(&Query::parse("it's x' hello").unwrap(), &[], true);
        assert_eq!((wanted.words.as_str(), wanted.parts.len()), ("'''' & 'x'", 2));
        let whole = Wanted::of(&Query::parse("it's x' hello").unwrap(), &[], false);
        assert_eq!((whole.words.contains("'hello'"), whole.parts.len()), (true, 0));
    }
}
