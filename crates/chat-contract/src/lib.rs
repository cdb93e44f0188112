//! What every adapter must honour: for each port a list of clauses, each a sentence of a port's comment, and a model that
//! compares two stores operation by operation.
//!
//! A dev-dependency only. An adapter brings a fresh fixture and says `contract!(fresh)`; it must not be known here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "a crate of tests: a clause fails by panicking, and its name is its sentence"
)]

mod between;
mod fixture;
mod lists;
mod world;

pub mod model;

pub mod accounts;
pub mod batches;
pub mod changes;
pub mod creating;
pub mod deliveries;
pub mod departures;
pub mod directory;
pub mod history;
pub mod invites;
pub mod library;
pub mod live;
pub mod markers;
pub mod membership;
pub mod mentions;
pub mod messages;
pub mod nonces;
pub mod reactions;
pub mod search;
pub mod sessions;
pub mod settings;
pub mod visibility;
pub mod webhooks;

pub mod bus;
pub mod presence;
pub mod rates;
pub mod tail;

pub use fixture::{Fixture, Stores};
pub use world::{World, digest, draft, emoji, everything, named, nonce, text};

/// Asserts that something is refused so.
macro_rules! refused {
    ($result:expr, $pattern:pat) => {
        match $result {
            Err($pattern) => {}
            other => panic!("expected {}, got {:?}", stringify!($pattern), other),
        }
    };
}
pub(crate) use refused;
