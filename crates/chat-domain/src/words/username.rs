//! The name people sign in with and mention each other by.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Invalid, word};
use crate::ids::UserId;

/// `[a-z0-9](?:[a-z0-9_.-]{1,30}[a-z0-9])` after ASCII lower-casing, and not reserved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_.-]{1,30}[a-z0-9]$"))]
#[serde(transparent)]
pub struct Username(String);

word!(Username);

/// Names that a person could mistake for the house itself.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "admin", "administrator", "root", "system", "me", "current", "everyone", "here", "all", "room", "bot", "webhook",
    "deleted", "support",
];

/// What the names of bots begin with.
const BOT: &str = "hook-";
/// Digits of 128 bits in base 32 (RFC 4648 §7, in lower case).
const BOT_DIGITS: usize = 26;

impl Username {
    /// Fewest characters.
    pub const MIN: usize = 3;
    /// Most characters.
    pub const MAX: usize = 32;

    /// The name of a bot: `hook-` and the 26 digits of its id. Ids are never given out twice, so no two bots meet; nobody
    /// registers one and no text mentions one, because [`Username::parse`] reserves exactly this form and no name that a
    /// person would choose.
    #[must_use]
    pub fn of_bot(id: UserId) -> Self {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
        let bits = id.0.as_u128();
        let digit = |place: usize| usize::try_from((bits >> (5 * place)) & 31).ok().and_then(|digit| DIGITS.get(digit));
        let digits = (0..BOT_DIGITS).rev().filter_map(digit).map(|digit| char::from(*digit));
        Self(BOT.chars().chain(digits).collect())
    }

    /// Lower-cases ASCII and checks the form.
    ///
    /// # Errors
    /// `too_short`, `too_long`, `malformed`, `reserved`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let name = text.to_ascii_lowercase();
        if RESERVED.contains(&name.as_str()) || is_of_bot(&name) {
            return Err(Invalid::Reserved);
        }
        if name.chars().count() < Self::MIN {
            return Err(Invalid::too_short(Self::MIN));
        }
        if name.chars().count() > Self::MAX {
            return Err(Invalid::too_long(Self::MAX));
        }
        let ends = name.chars().next().is_some_and(is_end) && name.chars().next_back().is_some_and(is_end);
        if !ends || !name.chars().all(is_inner) {
            return Err(Invalid::Malformed);
        }
        Ok(Self(name))
    }

    /// The names that a text mentions: `@name` at its start or after something that is no name character; a name ends
    /// at its last letter or digit. `@room` is told apart by [`mentions_room`].
    #[must_use]
    pub fn mentioned_in(text: &str) -> BTreeSet<Self> {
        mentions(text).filter_map(|name| Self::parse(name).ok()).collect()
    }
}

/// Whether a text says `@room`.
#[must_use]
pub fn mentions_room(text: &str) -> bool {
    mentions(text).any(|name| name.eq_ignore_ascii_case("room"))
}

fn mentions(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('@').filter_map(move |(at, _)| {
        let before = text.get(..at)?.chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '@') {
            return None; // an e-mail address, or a run of signs
        }
        let rest = text.get(at + 1..)?;
        let end = rest.find(|c: char| !is_inner(c.to_ascii_lowercase())).unwrap_or(rest.len());
        let name = rest.get(..end)?.trim_end_matches(['_', '.', '-']);
        (!name.is_empty()).then_some(name)
    })
}

fn is_of_bot(name: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'v');
    name.strip_prefix(BOT).is_some_and(|digits| digits.len() == BOT_DIGITS && digits.bytes().all(is_digit))
}

fn is_end(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_inner(c: char) -> bool {
    is_end(c) || matches!(c, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u1_usernames_have_the_form_and_are_not_reserved() {
        assert_eq!(Username::parse("Ann.Smith-9").unwrap().as_str(), "ann.smith-9");
        assert!(Username::parse(&"a".repeat(32)).is_ok());
        for (bad, why) in [
            ("ab", Invalid::too_short(3)),
            ("-ab", Invalid::Malformed),
            ("ab.", Invalid::Malformed),
            ("a b", Invalid::Malformed),
            ("аня", Invalid::Malformed),
            ("", Invalid::too_short(3)),
            ("Me", Invalid::Reserved),
            ("SYSTEM", Invalid::Reserved),
        ] {
            assert_eq!(Username::parse(bad), Err(why), "{bad:?}");
        }
        assert_eq!(Username::parse(&"a".repeat(33)), Err(Invalid::too_long(32)));
    }

    #[test]
    fn the_name_of_a_bot_has_the_form_and_is_nobody_elses() {
        let bots = [0, 1, u128::MAX, 0x0190_a1b2_c3d4_7e5f_8a9b_0c1d_2e3f_4a5b].map(uuid::Uuid::from_u128);
        let names = bots.map(|id| Username::of_bot(UserId(id)).0);
        assert_eq!(names[0], format!("hook-{}", "0".repeat(26)));
        assert_eq!(names[2], format!("hook-7{}", "v".repeat(25)));
        for name in &names {
            assert!(name.len() <= Username::MAX && name.chars().all(is_inner) && name.ends_with(is_end), "{name}");
            assert_eq!(Username::parse(name), Err(Invalid::Reserved));
            assert_eq!(Username::parse(&name.to_uppercase()), Err(Invalid::Reserved));
            assert!(Username::mentioned_in(&format!("@{name}")).is_empty());
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for free in ["hook-up", "hook-line-and-sinker", "hooks", &names[1][..30], &names[1].replace('1', "z")] {
            assert!(Username::parse(free).is_ok(), "{free}");
        }
    }

    #[test]
    fn a_mention_ends_at_its_last_letter_or_digit() {
        let names = |text: &str| Username::mentioned_in(text).into_iter().map(|n| n.0).collect::<Vec<_>>();
        assert_eq!(names("hi @ann. and @Bob-9, (@eve_): mail@host.org @@zed @x"), ["ann", "bob-9", "eve"]);
        assert_eq!(names("привет,@ann!"), ["ann"]);
        assert!(mentions_room("ping @room!") && !mentions_room("ping @roommate"));
    }
}
