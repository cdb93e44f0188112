//! What somebody looks for in what was said.

use super::{
    Invalid,
    folding::{PART, fold, is_of_word},
    is_noncharacter,
};

/// Terms with white space between them, all of which a text must have; `"several words"` in quotation marks are one term.
///
/// [`Query::matches`] says what is found; every index is compared with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    terms: Vec<Term>,
}

/// One term, folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    text: String,
    is_part: bool,
}

impl Query {
    /// Most scalars.
    pub const MAX: usize = 256;

    /// Folds a text and takes it apart. A quotation mark that is never closed, or stands inside a word, is a character.
    ///
    /// # Errors
    /// `too_long`, `not_allowed` (controls), `blank` when nothing is left to look for.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.chars().count() > Self::MAX {
            return Err(Invalid::too_long(Self::MAX));
        }
        if text.chars().any(|c| (c.is_control() && !c.is_whitespace()) || is_noncharacter(c)) {
            return Err(Invalid::NotAllowed);
        }
        let mut terms: Vec<Term> = pieces(text).map(fold).filter(|term| !term.is_empty()).map(Term::of).collect();
        terms.sort();
        terms.dedup();
        if terms.is_empty() { Err(Invalid::Blank) } else { Ok(Self { terms }) }
    }

    /// What a text must have, each once, in no order that means anything.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether this is found by it.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let folded = fold(text);
        self.terms.iter().all(|term| term.is_in(&folded))
    }
}

/// Words and quoted words of a query.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if let Some((quoted, behind)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            rest = behind;
            return Some(quoted);
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        Some(word).filter(|word| !word.is_empty())
    })
}

impl Term {
    fn of(text: String) -> Self {
        let is_part = text.chars().nth(PART - 1).is_some();
        Self { text, is_part }
    }

    /// Folded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has three characters or more, and so is found anywhere in a text. A shorter one is found as a word only,
    /// but for signs and scripts that are written without blanks.
    #[must_use]
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    /// Whether it stands in a folded text.
    #[must_use]
    pub fn is_in(&self, folded: &str) -> bool {
        if self.is_part {
            return folded.contains(&self.text);
        }
        folded.match_indices(&self.text).any(|(at, found)| {
            let before = folded.get(..at).and_then(|before| before.chars().next_back());
            let after = folded.get(at + found.len()..).and_then(|after| after.chars().next());
            are_apart(before, found.chars().next()) && are_apart(found.chars().next_back(), after)
        })
    }
}

/// Whether a word begins or ends between the two.
fn are_apart(one: Option<char>, other: Option<char>) -> bool {
    !(one.is_some_and(is_of_word) && other.is_some_and(is_of_word))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::words::{atoms, parts};

    fn finds(query: &str, text: &str) -> bool {
        Query::parse(query).unwrap().matches(text)
    }

    #[test]
    fn what_is_written_is_found() {
        let text = "Fixed in CHAT-4711 (see https://example.org/a/b?c=1#d), Привет, мир! 東京都で会議 안녕하세요";
        for query in [
            "chat-4711",
            "CHAT",
            "hat-47",
            "4711",
            "https://example.org/a/b?c=1#d",
            "example.org",
            "/a/b",
            "fixed 4711",
            "ПРИВЕТ",
            "риве",
            "мир",
            "東",
            "京都",
            "会議",
            "東京都",
            "안녕",
            "녕하",
            "\"in chat\"",
            "\"see https\"",
            "in",
            "a",
            "c=",
            "(see",
            "d)",
        ] {
            assert!(finds(query, text), "{query}");
        }
        for query in ["chat-4712", "4711 absent", "se", "ми", "京東", "\"chat in\"", "ex", "b/", "мирный"] {
            assert!(!finds(query, text), "{query}");
        }
    }

    #[test]
    fn quotation_marks_hold_words_together_where_they_can() {
        let terms = |text: &str| -> Vec<String> {
            let query = Query::parse(text).unwrap();
            query.terms().iter().map(|term| term.as_str().to_owned()).collect()
        };
        assert_eq!(terms(" b  \"A  b\"a "), ["a", "a b", "b"]);
        assert_eq!(terms("say \"hello"), ["\"hello", "say"]);
        assert_eq!(terms("12\" x \"\""), ["12\"", "x"]);
        assert_eq!(terms("one ONE Öne"), ["one", "öne"]);
    }

    #[test]
    fn what_holds_nothing_to_look_for_is_refused() {
        for blank in ["", " \t\n", "\u{3000}", "\"\"", "\" \" \"\"", "\u{200B}", "\u{FEFF} \u{AD}"] {
            assert_eq!(Query::parse(blank), Err(Invalid::Blank), "{blank:?}");
        }
        for bad in ["a\0", "\u{7f}", "\u{FFFE}", "\u{1b}[0m"] {
            assert_eq!(Query::parse(bad), Err(Invalid::NotAllowed), "{bad:?}");
        }
        assert_eq!(Query::parse(&"я".repeat(257)), Err(Invalid::too_long(256)));
        assert!(Query::parse(&"я".repeat(256)).is_ok());
    }

    /// Words over few characters, so that much is found.
    const TEXT: &str = "[ab1Я東京é#\\-😀 \"ß\u{e01}\u{e31}]{0,12}";

    proptest! {
        #[test]
        fn a_text_that_is_found_has_every_piece_of_the_query(query in TEXT, before in TEXT, after in TEXT) {
            let text = format!("{before}{query}{after}");
            let Ok(query) = Query::parse(&query) else { return Ok(()) };
            if !query.matches(&text) {
                return Ok(());
            }
            let folded = fold(&text);
            let (has_parts, has_atoms) = (parts(&folded).collect::<BTreeSet<_>>(), atoms(&folded));
            for term in query.terms() {
                if term.is_part() {
                    prop_assert!(parts(term.as_str()).all(|part| has_parts.contains(part)), "{term:?}");
                } else {
                    prop_assert!(atoms(term.as_str()).iter().all(|atom| has_atoms.contains(atom)), "{term:?}");
                }
            }
        }

        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn any_text_is_read_without_panic_and_finds_itself_when_it_is_quoted(text in "[^\"]{1,60}") {
            if let Ok(query) = Query::parse(&format!("\"{text}\"")) {
                prop_assert!(query.matches(&text));
            }
        }
    }
}
