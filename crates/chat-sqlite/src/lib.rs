//! The record in one SQLite file: the embedded default, so that one command is a whole chat.
//!
//! One thread writes, a few read, each with a connection of its own; callers wait for an answer on a one-shot channel, so
//! no runtime is ever blocked and a caller that goes away cancels nothing. WAL and `synchronous=FULL` make what was
//! acknowledged durable. Read in this order: [`Settings`], the handle [`Sqlite`], `connection`, `slot`, `readers`, `writer`,
//! `commit` (load facts, ask the rules, carry out), then one file per port. This crate must not know who calls it, nor
//! decide what a command does: that is [`chat_domain::rules`].

mod settings;

mod handle;
mod meters;

mod connection;
mod slot;

mod readers;
mod writer;

mod commit;

mod accounts;
mod log;
mod rooms;
mod search;
mod sessions;
mod webhooks;

mod archive;
mod backup;
mod partial;
mod upkeep;

mod columns;
mod rows;
mod schema;

pub use backup::{BackupError, backup};
pub use connection::OpenError;
pub use handle::Sqlite;
pub use settings::Settings;
