//! What a bucket is called in Redis and on the bus: short, of one length, and without what a stranger typed.

use chat_domain::limits::Rate;
use sha2::{Digest, Sha256};

/// A kind and sixteen bytes: an id as it is, or the beginning of a hash where the name is a text or two ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(pub(crate) [u8; Name::LEN]);

impl Name {
    pub(crate) const LEN: usize = 17;

    pub(crate) fn of(rate: &Rate) -> Self {
        match rate {
            Rate::SendsOfUser(user) => Self::new(0, *user.as_bytes()),
            Rate::SendsIntoRoom(room) => Self::new(1, *room.as_bytes()),
            Rate::RestOfUser(user) => Self::new(2, *user.as_bytes()),
            Rate::SignInsFrom(address) => Self::new(3, hashed(&[address.as_bytes()])),
            Rate::SignInsFor(name) => Self::new(4, hashed(&[name.as_bytes()])),
            Rate::RegistrationsFrom(address) => Self::new(5, hashed(&[address.as_bytes()])),
            Rate::Typing(user, room) => Self::new(6, hashed(&[user.as_bytes(), room.as_bytes()])),
        }
    }

    fn new(kind: u8, id: [u8; 16]) -> Self {
        let mut name = [kind; Self::LEN];
        let [_, rest @ ..] = &mut name;
        *rest = id;
        Self(name)
    }
}

fn hashed(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..]: [u8; 32] = hash.finalize().into();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

#[cfg(test)]
mod tests {
    use chat_domain::ids::{RoomId, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn different_rates_have_different_names() {
        let (user, room) = (UserId(Uuid::from_u128(1)), RoomId(Uuid::from_u128(2)));
        let rates = [
            Rate::SendsOfUser(user),
            Rate::SendsIntoRoom(RoomId(user.0)),
            Rate::SendsIntoRoom(room),
            Rate::RestOfUser(user),
            Rate::SignInsFrom("ann".into()),
            Rate::SignInsFor("ann".into()),
            Rate::SignInsFor("bob".into()),
            Rate::RegistrationsFrom("ann".into()),
            Rate::Typing(user, room),
            Rate::Typing(UserId(room.0), RoomId(user.0)),
        ];
        let names: std::collections::HashSet<_> = rates.iter().map(Name::of).collect();
        assert_eq!(names.len(), rates.len());
    }
}
