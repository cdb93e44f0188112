//! The ports: what the house needs from the world, each method one business operation, atomic by contract. All on one
//! page; every sentence of a method's comment has a clause in the contract suite that every adapter passes.
//!
//! | port | what | embedded | cluster |
//! |---|---|---|---|
//! | [`AccountStore`], [`SessionStore`], [`RoomStore`], [`WebhookStore`], [`LogStore`] | the record | SQLite | PostgreSQL |
//! | [`Journal`] | the road into it | the hub's writer | the same |
//! | [`Bus`] | notes between nodes | in process | Redis |
//! | [`Tail`] | recent changes | none: the ring is enough | Redis |
//! | [`Presence`], [`RateLimits`] | leases, rates | in process | Redis |
//! | [`Tokens`], [`Passwords`] | secrets | JWT, bcrypt | the same |
//! | [`Archive`] | a record as rows, for a copy | SQLite | PostgreSQL |
//! | [`Clock`] | time and ids | the machine's | the same |

mod accounts;
mod archive;
mod bus;
mod clock;
mod journal;
mod log;
mod presence;
mod rates;
mod rooms;
mod secrets;
mod sessions;
mod tail;
mod webhooks;

pub use accounts::*;
pub use archive::*;
pub use bus::*;
pub use clock::*;
pub use journal::*;
pub use log::*;
pub use presence::*;
pub use rates::*;
pub use rooms::*;
pub use secrets::*;
pub use sessions::*;
pub use tail::*;
pub use webhooks::*;
