//! A sign-in as its own user sees it.

use serde::{Deserialize, Serialize};

use crate::{ids::SessionId, timestamp::Timestamp, words::Device};

/// One device that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Session {
    /// Also the `sid` of its access tokens.
    pub id: SessionId,
    /// What the user calls the device.
    pub device: Option<Device>,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When its refresh token was last used.
    pub refreshed_at: Timestamp,
    /// When the refresh token expires unless it is used.
    pub expires_at: Timestamp,
    /// The session that asks.
    #[serde(default)]
    pub current: bool,
}
