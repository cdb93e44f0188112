//! Words people type, parsed once at the edge: what exists is valid, so nothing behind the edge checks it again.

mod emoji;
mod folding;
mod names;
mod nonce;
mod password;
mod query;
mod text;
mod username;

pub use emoji::Emoji;
pub use folding::{atoms, fold, parts};
pub use names::{Device, DisplayName, RoomName, Topic};
pub use nonce::Nonce;
pub use password::Password;
pub use query::{Query, Term};
pub use text::Text;
pub use username::{Username, mentions_room};

/// Why a text is not the word it wants to be; [`Invalid::code`] is what clients see beside the JSON pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Fewer than this many (bytes for passwords, scalars elsewhere).
    #[error("must have at least {min} characters")]
    TooShort {
        /// The least that is allowed.
        min: usize,
    },
    /// More than this many (bytes for passwords, scalars elsewhere).
    #[error("must have at most {max} characters")]
    TooLong {
        /// The most that is allowed.
        max: usize,
    },
    /// Nothing but white space.
    #[error("must not be blank")]
    Blank,
    /// A character that has no business there.
    #[error("contains a character that is not allowed")]
    NotAllowed,
    /// Not of the form that the protocol asks for.
    #[error("does not have the required form")]
    Malformed,
    /// A name the house keeps for itself.
    #[error("is reserved")]
    Reserved,
    /// A password everybody tries first.
    #[error("is too common")]
    TooCommon,
    /// A number outside its range.
    #[error("is out of range")]
    OutOfRange,
}

impl Invalid {
    /// Shorter than `min`.
    #[must_use]
    pub fn too_short(min: usize) -> Self {
        Self::TooShort { min }
    }

    /// Longer than `max`.
    #[must_use]
    pub fn too_long(max: usize) -> Self {
        Self::TooLong { max }
    }

    /// The machine-readable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::Blank => "blank",
            Self::NotAllowed => "not_allowed",
            Self::Malformed => "malformed",
            Self::Reserved => "reserved",
            Self::TooCommon => "too_common",
            Self::OutOfRange => "out_of_range",
        }
    }

    /// The bound that was passed, when the reason is one.
    #[must_use]
    pub fn bound(self) -> Option<usize> {
        match self {
            Self::TooShort { min } => Some(min),
            Self::TooLong { max } => Some(max),
            Self::Blank | Self::NotAllowed | Self::Malformed | Self::Reserved | Self::TooCommon | Self::OutOfRange => {
                None
            }
        }
    }
}

/// A word is a `String` that was parsed: it shows itself, serialises as text, and compares with text.
macro_rules! word {
    ($name:ident) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes a text that was parsed before it was stored.
            #[must_use]
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use word;

/// Noncharacters (Unicode 23.7): never meant for interchange.
pub(crate) fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}
