//! What clients see: the four kinds of thing of the protocol, and the session. A live event, a catch-up batch and a REST
//! answer carry the same object, so there is one shape for each and it serialises as the protocol writes it.

mod invite;
mod member;
mod message;
mod room;
mod session;
mod user;
mod webhook;

pub use invite::Invite;
pub use member::{Member, Role};
pub use message::{Message, Reaction};
pub use room::{Room, RoomKind};
pub use session::Session;
pub use user::User;
pub use webhook::Webhook;

use serde::{Deserialize, Serialize};

use crate::ids::Seq;

/// A random string in the database that changes when the log may have been rewound. A cursor is `(epoch, seq)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String))]
#[serde(transparent)]
pub struct Epoch(pub std::sync::Arc<str>);

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a room's log stands; it moves without the room's `rev`, so it stands beside the room and never inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LogHead {
    /// The history this log belongs to.
    pub epoch: Epoch,
    /// The number of the newest change.
    pub head: Seq,
    /// The lowest `after` that can still be served.
    pub floor: Seq,
}
