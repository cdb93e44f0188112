//! The text of a message: plain, bounded, and kept as it was typed but for line ends.

use serde::{Deserialize, Serialize};

use super::{Invalid, is_noncharacter, word};

/// 1 … `limits.text_chars` scalars with at least one that is not white space; no controls but `\n` and `\t`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, min_length = 1))]
#[serde(transparent)]
pub struct Text(String);

word!(Text);

impl Text {
    /// Turns `\r\n` into `\n` and checks; `max` counts Unicode scalars.
    ///
    /// # Errors
    /// `blank`, `too_long`, `not_allowed`.
    pub fn parse(text: &str, max: usize) -> Result<Self, Invalid> {
        let text = if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() };
        if text.chars().any(is_refused) {
            return Err(Invalid::NotAllowed);
        }
        if text.chars().all(char::is_whitespace) {
            return Err(Invalid::Blank);
        }
        // Bytes bound scalars from above, so most texts are never counted.
        if text.len() > max && text.chars().count() > max {
            return Err(Invalid::too_long(max));
        }
        Ok(Self(text))
    }
}

fn is_refused(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || is_noncharacter(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u3_controls_noncharacters_and_blanks_are_refused() {
        for bad in ["a\0", "a\rb", "\u{7f}", "\u{85}", "\u{FFFE}", "\u{FDD0}", "\u{1FFFF}", "\u{1b}[0m"] {
            assert_eq!(Text::parse(bad, 10), Err(Invalid::NotAllowed), "{bad:?}");
        }
        for blank in ["", " \n\t", "\u{3000}"] {
            assert_eq!(Text::parse(blank, 10), Err(Invalid::Blank), "{blank:?}");
        }
        assert_eq!(Text::parse("a\r\nb\tc", 10).unwrap().as_str(), "a\nb\tc");
    }

    #[test]
    fn u4_bidi_overrides_are_kept_as_they_are() {
        assert_eq!(Text::parse("x\u{202E}y", 10).unwrap().as_str(), "x\u{202E}y");
    }

    #[test]
    fn the_length_counts_scalars() {
        assert!(Text::parse(&"😀".repeat(4000), 4000).is_ok());
        assert_eq!(Text::parse(&"😀".repeat(4001), 4000), Err(Invalid::too_long(4000)));
    }
}
