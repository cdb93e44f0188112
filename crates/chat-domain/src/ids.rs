//! Identifiers: opaque UUIDs, one type per thing they name, so that a room's id can't stand where a user's is asked for.
//!
//! They are made by [`crate::ports::Clock::fresh_id`] as UUIDv7 (RFC 9562): time-ordered, so that index inserts stay at
//! the right edge of the tree. Nothing may read the time back out of one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The place of a change in a room's log: 1, 2, 3 … without holes; below 2^53, so that JSON carries it exactly.
pub type Seq = u64;

/// The largest [`Seq`], revision or personal number that JSON carries exactly (RFC 8259 §6).
pub const MAX_SEQ: Seq = (1 << 53) - 1;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = String, format = "uuid"))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Reads the canonical, hyphenated, lower-case form; anything else names nothing.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let id = Uuid::try_parse(text).ok()?;
                (text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase())).then_some(Self(id))
            }

            /// The sixteen bytes, as stores keep them.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }
    };
}

id!(
    /// A user, for ever: ids are never given out again.
    UserId
);
id!(
    /// A room, for ever.
    RoomId
);
id!(
    /// A sign-in on one device; the `sid` of its access tokens, and the family of its refresh tokens.
    SessionId
);
id!(
    /// An invite; not the code that is given to people.
    InviteId
);
id!(
    /// A webhook; half of its address, of which the other half is secret.
    WebhookId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let text = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
        assert_eq!(RoomId::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "42",
            "0190A1B2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
            "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b",
            "{0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b}",
        ] {
            assert!(RoomId::parse(bad).is_none(), "{bad}");
        }
    }
}
