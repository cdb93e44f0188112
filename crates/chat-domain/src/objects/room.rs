//! A room as its members see it.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{RoomId, Seq},
    timestamp::Timestamp,
    words::{RoomName, Topic},
};

/// Who can see and enter a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// In the directory; anybody not banned may join.
    Public,
    /// Hidden from all but its members; entered when added or by invite.
    Private,
    /// Two equal people, for ever.
    Direct,
}

/// A room. Its log's head, floor and epoch stand beside it ([`super::LogHead`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Room {
    /// For ever.
    pub id: RoomId,
    /// The place in the log of the latest change of this object.
    pub rev: Seq,
    /// Who can see and enter it.
    pub kind: RoomKind,
    /// `null` for direct rooms.
    pub name: Option<RoomName>,
    /// What it is about.
    pub topic: Option<Topic>,
    /// Seconds a plain member waits between posts; 0 = off.
    pub slow_mode_s: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// Pinned messages, the latest pin last.
    pub pins: Vec<Seq>,
    /// Read-only.
    pub archived: bool,
}

impl Room {
    /// Most pins of a room.
    pub const MAX_PINS: usize = 50;
    /// The longest slow mode, in seconds: six hours.
    pub const MAX_SLOW_MODE_S: u32 = 21_600;

    /// Whether two people share it for ever.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.kind == RoomKind::Direct
    }
}
