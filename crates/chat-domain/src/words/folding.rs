//! How texts are made alike, and what they are taken apart into, so that an index finds what [`super::Query`] means.
//!
//! A store may keep the pieces of each text in whatever index it has and ask it for those of a query: a text that matches has
//! all of them. What the index gives beyond that is sorted out by [`super::Query::matches`].

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// Characters of a part.
pub(super) const PART: usize = 3;

/// A text as it is compared: NFKC, without case, without what is invisible, one blank for each run of white space.
///
/// Upper and then lower case is the full case folding of all but a few letters: `ß` is `ss`, and a sigma is a sigma at the
/// end of a word, too. A Turkish `İ` or `ı` is an `i`.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    if text.chars().all(is_plain) {
        push_words(&mut folded, text.chars().map(|c| if c.is_ascii() { c.to_ascii_lowercase() } else { lower(c) }));
    } else {
        let plain = text.nfkc().filter(|c| !is_invisible(*c)).map(|c| if c == 'İ' { 'I' } else { c });
        push_words(&mut folded, plain.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc());
    }
    folded
}

/// Characters that most texts consist of, and of which each is folded by itself, into one: for those there is a short way.
fn is_plain(c: char) -> bool {
    c.is_ascii()
        || matches!(c,
            'à'..='ö' | 'ø'..='þ' | 'À'..='Ö' | 'Ø'..='Þ' | 'Ѐ'..='џ' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '、'..='】'
            | '\u{4E00}'..='\u{9FFF}' | '가'..='힣')
}

fn lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    lower.next().unwrap_or(c)
}

fn push_words(folded: &mut String, chars: impl Iterator<Item = char>) {
    let mut is_apart = false;
    for c in chars {
        if c.is_whitespace() {
            is_apart = true;
            continue;
        }
        if is_apart && !folded.is_empty() {
            folded.push(' ');
        }
        is_apart = false;
        folded.push(c);
    }
}

/// Joiners, soft hyphens, variation selectors: a heart is a heart in whichever colour.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Scripts that are written without blanks, or whose words grow at their end: a word of theirs is found wherever it stands.
pub(super) fn is_spaceless(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' // Thai, Lao
        | '\u{0F00}'..='\u{109F}' // Tibetan, Burmese
        | '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' // Hangul
        | '\u{1780}'..='\u{17FF}' // Khmer
        | '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303B}'
        | '\u{3040}'..='\u{318F}' // kana, Bopomofo
        | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}')
}

/// Whether it is a letter or digit of a script that puts blanks between words.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() && !is_spaceless(c)
}

/// Each three characters of a folded text that stand side by side, as often as they do.
pub fn parts(folded: &str) -> impl Iterator<Item = &str> {
    let starts = folded.char_indices().map(|(at, _)| at);
    let ends = starts.clone().skip(PART).chain([folded.len()]);
    starts.zip(ends).filter_map(|(start, end)| folded.get(start..end)).filter(|part| part.chars().count() == PART)
}

/// What stands in a folded text as a whole: its words; each sign; of scripts without blanks each character and each two side
/// by side.
#[must_use]
pub fn atoms(folded: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let (mut word, mut spaceless) = (None, None);
    for (at, c) in folded.char_indices() {
        let end = at + c.len_utf8();
        if is_of_word(c) {
            word.get_or_insert(at);
            spaceless = None;
            continue;
        }
        found.extend(word.take().and_then(|start| folded.get(start..at)));
        if c.is_whitespace() {
            spaceless = None;
            continue;
        }
        found.extend(folded.get(at..end));
        if is_spaceless(c) {
            found.extend(spaceless.and_then(|before| folded.get(before..end)));
            spaceless = Some(at);
        } else {
            spaceless = None;
        }
    }
    found.extend(word.and_then(|start| folded.get(start..)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_width_and_what_is_invisible_make_no_difference() {
        for (one, other) in [
            ("Straße", "STRASSE"),
            ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
            ("ПРИВЕТ", "привет"),
            ("ＡＢＣ１２", "abc12"),
            ("ﾃｽﾄ", "テスト"),
            ("Cafe\u{301}", "café"),
            ("İstanbul", "istanbul"),
            ("❤\u{FE0F}", "❤"),
            (" a\u{3000}b\n\tc ", "a b c"),
        ] {
            assert_eq!(fold(one), fold(other));
        }
        assert_eq!(fold("A-b  C"), "a-b c");
        assert_eq!(fold(" \n"), "");
    }

    #[test]
    fn the_short_way_leads_where_the_long_one_does() {
        for c in ('\0'..=char::MAX).filter(|c| is_plain(*c)) {
            // The ligature takes the long way.
            assert_eq!(fold(&format!("x{c}y")), fold(&format!("x{c}yﬁ")).trim_end_matches("fi"), "{c:?}");
        }
    }

    #[test]
    fn a_text_has_parts_and_atoms() {
        assert_eq!(parts("añ日x").collect::<Vec<_>>(), ["añ日", "ñ日x"]);
        assert_eq!(parts("ab").count() + parts("").count(), 0);
        let found: Vec<&str> = atoms("ab-c1 東京x都😀").into_iter().collect();
        assert_eq!(found, ["-", "ab", "c1", "x", "京", "東", "東京", "都", "😀"]);
    }
}
