//! The name a client gives to a send, so that sending it again posts nothing twice.

use serde::{Deserialize, Serialize};

use super::{Invalid, word};

/// `[A-Za-z0-9_-]{8,64}`, unique per (room, author) for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[A-Za-z0-9_-]{8,64}$"))]
#[serde(transparent)]
pub struct Nonce(String);

word!(Nonce);

impl Nonce {
    /// Checks the form.
    ///
    /// # Errors
    /// `too_short`, `too_long`, `malformed`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Err(Invalid::Malformed);
        }
        match text.len() {
            0..=7 => Err(Invalid::too_short(8)),
            8..=64 => Ok(Self(text.to_owned())),
            65.. => Err(Invalid::too_long(64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_have_the_form() {
        assert!(Nonce::parse("Yk3v0QeT9w").is_ok() && Nonce::parse(&"a".repeat(64)).is_ok());
        assert_eq!(Nonce::parse("short"), Err(Invalid::too_short(8)));
        assert_eq!(Nonce::parse(&"a".repeat(65)), Err(Invalid::too_long(64)));
        assert_eq!(Nonce::parse("with space"), Err(Invalid::Malformed));
        assert_eq!(Nonce::parse("кириллица"), Err(Invalid::Malformed));
    }
}
