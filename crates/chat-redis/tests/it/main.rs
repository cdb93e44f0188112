//! Between nodes by a real Redis, against what every adapter must honour, and against what only a server and a line to it
//! can do: die, stop, forget, go deaf in one direction.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod contract;
mod deployments;
mod fixture;
mod lines;
mod presence;
mod rates;
mod recovery;
mod tail;
