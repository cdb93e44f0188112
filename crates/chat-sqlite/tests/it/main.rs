//! The record in a file against what every store must honour, against the record in memory, and against what only a file
//! can suffer: a killed process, a full disk, a lock that somebody else holds, curious eyes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod backup;
mod contract;
mod copy;
mod crash;
mod defect;
mod disk;
mod file;
mod fixture;
mod lock;
mod model;
mod search;
mod secrets;
