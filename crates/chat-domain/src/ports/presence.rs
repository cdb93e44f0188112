//! The port for presence: who has a socket somewhere, as leases that run out by themselves when a node dies.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{ids::UserId, refusal::Unavailable};

/// What others see of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// No socket.
    Offline,
    /// Sockets, but nobody at any of them.
    Away,
    /// Somebody is there.
    Online,
}

/// Presence over all nodes: each node leases what its own sockets say of a user.
#[async_trait]
pub trait Presence: Send + Sync {
    /// Says for `ttl` what this node's sockets tell of these users; `Offline` gives the lease back at once. One round
    /// trip for all.
    async fn lease(&self, users: &[(UserId, Status)], ttl: Duration) -> Result<(), Unavailable>;

    /// The best status any unexpired lease gives to each of these users, in their order.
    async fn status(&self, users: &[UserId]) -> Result<Vec<Status>, Unavailable>;
}
