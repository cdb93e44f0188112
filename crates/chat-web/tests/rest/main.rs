//! The REST door over TCP, with stores in memory: what protocol.md §2 and §6 and security.md promise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod accounts;
mod bodies;
mod documents;
mod edge;
mod house;
mod matrix;
mod messages;
mod metrics;
mod rooms;
mod webhooks;
