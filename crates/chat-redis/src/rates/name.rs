//! What a bucket is called in Redis and on the bus: short, of one length, and without what a stranger typed.

use chat_domain::limits::{Rate, RateKind};
use sha2::{Digest, Sha256};

/// A kind and sixteen bytes: an id as it is, or the beginning of a hash where the name is a text or two ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(pub(crate) [u8; Name::LEN]);

impl Name {
    pub(crate) const LEN: usize = 17;

    pub(crate) fn of(rate: &Rate) -> Self {
        let id = match rate {
            Rate::SendsOfUser(user) | Rate::RestOfUser(user) => *user.as_bytes(),
            Rate::SendsIntoRoom(room) => *room.as_bytes(),
            Rate::SignInsFrom(text) | Rate::SignInsFor(text) | Rate::RegistrationsFrom(text) => {
                hashed(&[text.as_bytes()])
            }
            Rate::WrongSecretsOf(webhook, address) => hashed(&[webhook.as_bytes(), address.as_bytes()]),
            Rate::Typing(user, room) => hashed(&[user.as_bytes(), room.as_bytes()]),
        };
        let mut name = [code(rate.kind()); Self::LEN];
        let [_, rest @ ..] = &mut name;
        *rest = id;
        Self(name)
    }

    /// What is counted under it; `None` of a name that another version or a stranger made.
    pub(crate) fn kind(&self) -> Option<RateKind> {
        let [first, ..] = self.0;
        KINDS.into_iter().find(|kind| code(*kind) == first)
    }
}

const KINDS: [RateKind; 8] = [
    RateKind::SendsOfUser,
    RateKind::SendsIntoRoom,
    RateKind::RestOfUser,
    RateKind::SignInsFrom,
    RateKind::SignInsFor,
    RateKind::RegistrationsFrom,
    RateKind::Typing,
    RateKind::WrongSecretsOf,
];

fn code(kind: RateKind) -> u8 {
    match kind {
        RateKind::SendsOfUser => 0,
        RateKind::SendsIntoRoom => 1,
        RateKind::RestOfUser => 2,
        RateKind::SignInsFrom => 3,
        RateKind::SignInsFor => 4,
        RateKind::RegistrationsFrom => 5,
        RateKind::Typing => 6,
        RateKind::WrongSecretsOf => 7,
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
    use chat_domain::ids::{RoomId, UserId, WebhookId};
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
            Rate::WrongSecretsOf(WebhookId(user.0), "ann".into()),
            Rate::WrongSecretsOf(WebhookId(room.0), "ann".into()),
            Rate::WrongSecretsOf(WebhookId(room.0), "bob".into()),
        ];
        let names: std::collections::HashSet<_> = rates.iter().map(Name::of).collect();
        assert_eq!(names.len(), rates.len());
        for rate in rates {
            assert_eq!(Name::of(&rate).kind(), Some(rate.kind()));
        }
        assert_eq!(Name([8; Name::LEN]).kind(), None);
    }
}
