//! The whole server as its clients meet it: a process, its two listeners, its data, its end.
//!
//! Every test starts a server of its own on port 0 with a directory of its own, speaks REST and WebSocket to it and nothing else, and
//! leaves by killing it; when the log of a server holds a panic, the test that started it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod harness;
mod record;

mod accounts;
mod addresses;
mod conventions;
mod delivery;
mod durability;
mod frames;
mod handshake;
mod hostile;
mod invites;
mod life;
mod logs;
mod matrix;
mod messages;
mod metrics;
mod overload;
mod process;
mod races;
mod restoring;
mod rooms;
mod search;
mod sessions;
mod sync;
mod tokens;
mod traces;
mod transport;
mod webhooks;
