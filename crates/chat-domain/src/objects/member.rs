//! What ties a user to a room: present or past, with role, mute and ban.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{RoomId, Seq, UserId},
    timestamp::Timestamp,
};

/// What a member may do; ordered, so that `>=` reads as "at least".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Acts on members, messages and the room.
    Admin,
    /// Acts on admins and owners too.
    Owner,
}

/// A user in a room, or one who was, or one who may not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Member {
    /// The room.
    pub room: RoomId,
    /// The user.
    pub user: UserId,
    /// The place in the log of the latest change of this object.
    pub rev: Seq,
    /// `member` for everybody who is not in.
    pub role: Role,
    /// Whether the user is in the room now.
    #[serde(rename = "in")]
    pub is_in: bool,
    /// May not post until then; survives leaving and coming back.
    pub muted_until: Option<Timestamp>,
    /// May not come back.
    pub banned: bool,
    /// The latest time of coming in; `null` for somebody who never was.
    pub joined_at: Option<Timestamp>,
}

impl Member {
    /// Whether the mute holds at this moment.
    #[must_use]
    pub fn is_muted(&self, now: Timestamp) -> bool {
        self.muted_until.is_some_and(|until| until > now)
    }
}
