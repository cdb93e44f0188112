//! The record on PostgreSQL: the same promises as the record in a file, for several nodes at once.
//!
//! A few connections read, a few write; every job runs detached on the runtime that opened the handle, under a time-out, so
//! a caller that goes away cancels nothing and no connection goes back to its pool in the middle of a transaction. What was
//! acknowledged is durable because `synchronous_commit` is never off here. Read in this order: [`Settings`], `target` and
//! `tls` (where and how to connect), `connection`, `migrate`, the handle [`Postgres`], `pool`, `statement`, `commit` (lock,
//! load facts, ask the rules, carry out), then one file per port. This crate must not know who calls it, nor decide what a
//! command does: that is [`chat_domain::rules`].
//!
//! # Sizing, poolers
//!
//! A node holds at most `readers + writers` connections; all nodes together, and whoever else connects, must stay below the
//! server's `max_connections`. Two writers per core of the database are plenty, because a batch is one transaction.
//! Statements are prepared once per connection and kept: a pooler must hand out whole sessions (`PgBouncer` in session mode;
//! in transaction mode only from 1.21 on, with `max_prepared_statements` above 100, and without the settings that every
//! connection makes for itself).

mod settings;

mod target;
mod tls;

mod connection;
mod migrate;

mod handle;
mod pool;

mod fault;
mod statement;

mod commit;

mod accounts;
mod log;
mod rooms;
mod sessions;

mod archive;
mod upkeep;

mod columns;
mod rows;
mod schema;

pub use connection::OpenError;
pub use handle::Postgres;
pub use settings::Settings;
