//! The record on PostgreSQL against what every store must honour, against the record in memory, and against what only a
//! server can suffer: several nodes at once, restarts, silence, curious eyes. One private server serves all tests; each gets a
//! database of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod contract;
mod defect;
mod fixture;
mod model;
mod nodes;
mod open;
mod outage;
mod patience;
mod restoring;
mod search;
mod secrets;
mod tls;
