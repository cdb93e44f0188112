//! A user as everybody sees them.

use serde::{Deserialize, Serialize};

use crate::{
    ids::UserId,
    timestamp::Timestamp,
    words::{DisplayName, Username},
};

/// A person, or the bot that a webhook posts as. A deleted user keeps the id and loses both names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct User {
    /// For ever.
    pub id: UserId,
    /// Unique among all users there ever were; `null` once deleted.
    pub username: Option<Username>,
    /// `null` once deleted.
    pub display_name: Option<DisplayName>,
    /// Posts for a webhook.
    pub bot: bool,
    /// Gone; messages remain.
    pub deleted: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}
