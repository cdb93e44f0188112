//! Names and short lines that people read: stored in NFC, without anything that could hide or turn round what is read.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::{Invalid, is_noncharacter, word};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = String, min_length = 1, max_length = $max))]
        #[serde(transparent)]
        pub struct $name(String);

        word!($name);

        impl $name {
            /// Most scalars.
            pub const MAX: usize = $max;

            /// Trims, normalises to NFC and checks.
            ///
            /// # Errors
            /// `blank`, `too_long`, `not_allowed`.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                parse_line(text, $max).map(Self)
            }
        }
    };
}

name!(
    /// What a person is called: 1 … 64 scalars.
    DisplayName,
    64
);
name!(
    /// What a room is called: 1 … 80 scalars.
    RoomName,
    80
);
name!(
    /// What a room is about: 1 … 250 scalars, one line.
    Topic,
    250
);
name!(
    /// What a person calls the device they sign in from: 1 … 64 scalars.
    Device,
    64
);

fn parse_line(text: &str, max: usize) -> Result<String, Invalid> {
    let line: String = text.trim().nfc().collect();
    if line.chars().all(char::is_whitespace) {
        return Err(if text.chars().any(hides) { Invalid::NotAllowed } else { Invalid::Blank });
    }
    if line.chars().count() > max {
        return Err(Invalid::too_long(max));
    }
    let mut before = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let joins = c == ZERO_WIDTH_JOINER
            && before.is_some_and(is_emoji_part)
            && rest.peek().copied().is_some_and(is_emoji_part);
        if hides(c) && !joins {
            return Err(Invalid::NotAllowed);
        }
        before = Some(c);
    }
    Ok(line)
}

/// Joins emoji into one picture; anywhere else it is an invisible character (UTS #51 §1.4.9).
const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// Controls, bidi controls (UAX #9), zero-width and other default-ignorable characters.
fn hides(c: char) -> bool {
    c.is_control()
        || is_noncharacter(c)
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

fn is_emoji_part(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{FE0F}' | '\u{1F000}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u2_names_hide_nothing() {
        for bad in ["a\u{202E}b", "a\u{200B}b", "a\u{200D}b", "a\nb", "\u{2066}x", "x\u{FEFF}", "\u{200B}"] {
            assert_eq!(DisplayName::parse(bad), Err(Invalid::NotAllowed), "{bad:?}");
        }
        for blank in ["", "   ", "\u{3000}"] {
            assert_eq!(DisplayName::parse(blank), Err(Invalid::Blank), "{blank:?}");
        }
        assert_eq!(DisplayName::parse("👩\u{200D}🚀 Ann").unwrap().as_str(), "👩\u{200D}🚀 Ann");
        assert_eq!(DisplayName::parse(" ❤\u{FE0F}\u{200D}🔥 ").unwrap().as_str(), "❤\u{FE0F}\u{200D}🔥");
    }

    #[test]
    fn u2_names_are_stored_in_nfc_and_bounded_in_scalars() {
        assert_eq!(DisplayName::parse("e\u{301}").unwrap().as_str(), "é");
        assert!(DisplayName::parse(&"ы".repeat(64)).is_ok());
        assert_eq!(DisplayName::parse(&"ы".repeat(65)), Err(Invalid::too_long(64)));
        assert!(RoomName::parse(&"ы".repeat(80)).is_ok() && RoomName::parse(&"ы".repeat(81)).is_err());
    }
}
