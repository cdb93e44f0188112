//! The port for moving a whole record: every row of it, read in order and written again elsewhere.

use async_trait::async_trait;

use super::{Digest, PasswordHash};
use crate::{
    command::Fingerprint,
    ids::{RoomId, Seq, SessionId, UserId},
    objects::{Epoch, Invite, Message, Room, User, Webhook},
    refusal::Unavailable,
    rules::MemberFacts,
    timestamp::Timestamp,
    words::{Device, Emoji, Nonce, Username},
};

/// What a record consists of, in an order in which nothing refers to what comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Accounts, deleted ones and bots included.
    Users,
    /// Sign-ins.
    Sessions,
    /// Refresh tokens that were used.
    SpentTokens,
    /// Rooms, deleted ones included.
    Rooms,
    /// Memberships, past ones included, with markers.
    Members,
    /// The messages of the logs.
    Messages,
    /// Who reacted.
    Reactions,
    /// Invites.
    Invites,
    /// Webhooks.
    Webhooks,
}

impl Kind {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Users,
        Self::Sessions,
        Self::SpentTokens,
        Self::Rooms,
        Self::Members,
        Self::Messages,
        Self::Reactions,
        Self::Invites,
        Self::Webhooks,
    ];

    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Sessions => "sessions",
            Self::SpentTokens => "spent tokens",
            Self::Rooms => "rooms",
            Self::Members => "members",
            Self::Messages => "messages",
            Self::Reactions => "reactions",
            Self::Invites => "invites",
            Self::Webhooks => "webhooks",
        }
    }
}

/// One row of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// By id.
    User(StoredUser),
    /// By id.
    Session(StoredSession),
    /// By digest.
    SpentToken {
        /// Of the token.
        digest: Digest,
        /// Whose chain it was in.
        session: SessionId,
    },
    /// By id.
    Room(StoredRoom),
    /// By room and user.
    Member(MemberFacts),
    /// By room and `seq`.
    Message {
        /// With its nonce, without `me`.
        message: Message,
        /// Of what was first sent.
        fingerprint: Fingerprint,
    },
    /// By room, `seq`, emoji (its bytes) and user.
    Reaction {
        /// Where.
        room: RoomId,
        /// On which message.
        seq: Seq,
        /// With what.
        emoji: Emoji,
        /// Who.
        user: UserId,
    },
    /// By id.
    Invite {
        /// All that admins see.
        invite: Invite,
        /// Of the code.
        code: Digest,
    },
    /// By id. Its bot is among the users.
    Webhook {
        /// All that admins see.
        webhook: Webhook,
        /// Of the secret.
        secret: Digest,
    },
}

/// An account with what nobody sees.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredUser {
    /// As everybody sees it.
    pub user: User,
    /// The name that is never given out again.
    pub reserved: Option<Username>,
    /// None for bots and deleted users.
    pub password: Option<PasswordHash>,
    /// The number of the newest hint.
    pub hints: Seq,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// A sign-in with the chain of its refresh tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSession {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// From what.
    pub device: Option<Device>,
    /// When it began.
    pub created_at: Timestamp,
    /// When a token was last used.
    pub refreshed_at: Timestamp,
    /// Unless refreshed by then.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Never presented yet.
    pub current: Digest,
    /// Presented last.
    pub previous: Option<Digest>,
}

/// A room with what it is found by.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRoom {
    /// As its members see it.
    pub room: Room,
    /// The number of the newest change.
    pub head: Seq,
    /// The lowest `after` that can still be served.
    pub floor: Seq,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// The two of a direct room, in order; gone once deleted.
    pub pair: Option<[UserId; 2]>,
    /// Who made it under a nonce.
    pub creator: Option<UserId>,
    /// The nonce; gone once deleted.
    pub nonce: Option<Nonce>,
    /// Of what it was made.
    pub fingerprint: Option<Fingerprint>,
}

/// As long as this lives, nobody writes.
pub type Hold = Box<dyn std::any::Any + Send>;

/// A record as rows. For a copy while nobody writes; not for serving.
#[async_trait]
pub trait Archive: Send + Sync {
    /// The history that all logs of the record belong to.
    async fn epoch(&self) -> Result<Epoch, Unavailable>;

    /// Whether a copy into this record was begun and not finished. Such a record must not be served.
    async fn is_filling(&self) -> Result<bool, Unavailable>;

    /// Begins a copy into this record, if it holds no user: its logs belong to `epoch` from now on, that of the record they are
    /// copied from. Answers whether it began.
    async fn begin_filling(&self, epoch: &Epoch) -> Result<bool, Unavailable>;

    /// The copy is whole.
    async fn end_filling(&self) -> Result<(), Unavailable>;

    /// Keeps everybody from writing into this record until the answer is dropped; reads go on.
    async fn hold(&self) -> Result<Hold, Unavailable>;

    /// The rows of one kind that come after `after` (a row of that kind, or the beginning), by key, at most `limit`.
    async fn read(&self, kind: Kind, after: Option<&Item>, limit: usize) -> Result<Vec<Item>, Unavailable>;

    /// Each of these rows stands in the record afterwards as given, whether one with its key was there or not; all or
    /// none. Rows they refer to must be there.
    async fn write(&self, items: Vec<Item>) -> Result<(), Unavailable>;
}
