//! A webhook as admins see it: everything but the secret, which is shown once and stored hashed.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{RoomId, UserId, WebhookId},
    timestamp::Timestamp,
    words::DisplayName,
};

/// A way for a program to post into a room. It posts as a bot of its own, which is no member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// Half of its address.
    pub id: WebhookId,
    /// Where it posts.
    pub room: RoomId,
    /// What it and its bot are called.
    pub name: DisplayName,
    /// The author of what it posts. It outlives the webhook, as messages do.
    pub bot: UserId,
    /// Who made it.
    pub by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}
