//! What a committed change tells the world: events of a room's log, and hints about a user's own world.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{RoomId, Seq, UserId},
    objects::{Member, Message, Room, User},
};

/// The state of one thing after a change: always an upsert, never a delta.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Object {
    /// Posted, edited, deleted, reacted to.
    Message(Arc<Message>),
    /// Joined, left, promoted, muted, banned.
    Member(Arc<Member>),
    /// Created, renamed, pinned in, archived.
    Room(Arc<Room>),
}

impl Object {
    /// The place of its latest change.
    #[must_use]
    pub fn rev(&self) -> Seq {
        match self {
            Self::Message(message) => message.rev,
            Self::Member(member) => member.rev,
            Self::Room(room) => room.rev,
        }
    }
}

/// One entry of a room's log, as it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The room.
    pub room: RoomId,
    /// The place in its log.
    pub seq: Seq,
    /// Who did it.
    pub by: UserId,
    /// The thing after the change; its `rev` is `seq`.
    #[serde(flatten)]
    pub object: Object,
}

/// Why a room is no longer one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Eviction {
    /// Removed by an admin.
    Kicked,
    /// Removed and kept out.
    Banned,
    /// The room is gone.
    Deleted,
    /// Left by oneself.
    Left,
}

impl Event {
    /// The user this event put out of the room, and why.
    #[must_use]
    pub fn evicts(&self) -> Option<(UserId, Eviction)> {
        let Object::Member(member) = &self.object else {
            return None;
        };
        if member.is_in {
            return None;
        }
        let reason = match (member.banned, member.user == self.by) {
            (true, _) => Eviction::Banned,
            (false, true) => Eviction::Left,
            (false, false) => Eviction::Kicked,
        };
        Some((member.user, reason))
    }
}

/// A hint about a user's own world, numbered per user in the database. A gap means: ask `GET /sync`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hint {
    /// Whose world.
    pub user: UserId,
    /// Its number: 1, 2, 3 … for this user; given by the store when the change is committed.
    pub seq: Seq,
    /// What changed.
    #[serde(flatten)]
    pub about: HintAbout,
}

/// What a hint is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum HintAbout {
    /// One's place in a room: created, joined, left, deleted, role changed.
    Rooms {
        /// The room.
        room: RoomId,
        /// One's own membership after the change.
        member: Arc<Member>,
    },
    /// One's read marker moved, on any device.
    Read {
        /// The room.
        room: RoomId,
        /// Read up to here.
        seq: Seq,
    },
    /// One's own account changed.
    Profile(Arc<User>),
}
