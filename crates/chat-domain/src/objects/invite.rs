//! An invite as admins see it: everything but the code, which is shown once and stored hashed.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{InviteId, RoomId, UserId},
    timestamp::Timestamp,
};

/// A way into a room for whoever holds its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Invite {
    /// Not the code.
    pub id: InviteId,
    /// Where it leads.
    pub room: RoomId,
    /// Who made it.
    pub by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// No longer good from then on.
    pub expires_at: Option<Timestamp>,
    /// How many may come in by it.
    pub max_uses: Option<u32>,
    /// How many did.
    pub uses: u32,
}

impl Invite {
    /// Whether it would still let somebody in.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now) && self.max_uses.is_none_or(|max| self.uses < max)
    }
}
