//! A reaction: one picture, as Unicode writes it.

use serde::{Deserialize, Serialize};

use super::{Invalid, word};

/// One emoji sequence in the shape of UTS #51: a base picture with modifiers, joined pictures, a flag or a keycap.
/// At most 16 scalars. Whether a font has a picture for it is not asked, so that new emoji work at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String))]
#[serde(transparent)]
pub struct Emoji(String);

word!(Emoji);

impl Emoji {
    /// Most scalars; the longest sequences of UTS #51 have ten.
    pub const MAX: usize = 16;

    /// Checks the shape.
    ///
    /// # Errors
    /// `too_long`, `malformed`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.chars().count() > Self::MAX {
            return Err(Invalid::too_long(Self::MAX));
        }
        if is_keycap(text) || is_flag(text) || text.split('\u{200D}').all(is_picture) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::Malformed)
    }
}

/// A base, then modifiers: skin tone, presentation selector, or the tags of a subdivision flag.
fn is_picture(part: &str) -> bool {
    let mut chars = part.chars();
    chars.next().is_some_and(is_base)
        && chars.all(|c| matches!(c, '\u{1F3FB}'..='\u{1F3FF}' | '\u{FE0F}' | '\u{E0020}'..='\u{E007F}'))
}

/// Extended_Pictographic, by its blocks (Unicode 16, emoji-data.txt).
fn is_base(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21AA}'
        | '\u{231A}'..='\u{23FF}' | '\u{24C2}' | '\u{25AA}'..='\u{27BF}' | '\u{2934}'..='\u{2935}'
        | '\u{2B05}'..='\u{2B55}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}'
        | '\u{1F000}'..='\u{1F1E5}' | '\u{1F200}'..='\u{1FAFF}')
}

fn is_keycap(text: &str) -> bool {
    let mut chars = text.chars().filter(|c| *c != '\u{FE0F}');
    chars.next().is_some_and(|c| c.is_ascii_digit() || c == '#' || c == '*')
        && chars.next() == Some('\u{20E3}')
        && chars.next().is_none()
}

fn is_flag(text: &str) -> bool {
    text.chars().count() == 2 && text.chars().all(|c| matches!(c, '\u{1F1E6}'..='\u{1F1FF}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_picture_is_an_emoji_and_words_are_not() {
        for good in ["👍", "👍🏽", "❤", "❤️", "❤️‍🔥", "👩‍👩‍👧‍👦", "🇫🇷", "1️⃣", "#⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©"]
        {
            assert!(Emoji::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "+1", "👍a", " 👍", "👍\n", "<b>", "\u{200D}", "5", "🇫", "\u{202E}"] {
            assert!(Emoji::parse(bad).is_err(), "{bad:?}");
        }
    }
}
