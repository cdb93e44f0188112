//! The record on PostgreSQL: the same promises as the record in a file, for several nodes at once.
//!
//! A few connections read, a few write; every job runs detached on the runtime that opened the handle, under a time-out, so
//! a caller that goes away cancels nothing and no connection goes back to its pool in the middle of a transaction. What was
//! acknowledged is durable because `synchronous_commit` is never off here. Read in this order: [`Settings`], `target` and
//! `tls` (where and how to connect), `connection`, `migrate`, `home` (whether the record was restored), the handle [`Postgres`], `pool`, `statement`, `commit` (lock,
//! load facts, ask the rules, carry out), then one file per port. A task of each handle keeps the index of the search
//! (`search`), on a connection of those that read. This crate must not know who calls it, nor decide what a command does:
//! that is [`chat_domain::rules`].
//!
//! # What it needs
//!
//! PostgreSQL 13 or later with the encoding UTF8, and a user who may create tables in the schema that names are looked up in
//! first; superuser is not needed. The
//! extension pg_trgm is (`CREATE EXTENSION` is tried at the start; whoever may create in the database may do so), or the search
//! finds whole words only. A node holds at most `readers + writers` connections; those of all nodes,
//! and of whoever else connects, must stay below the server's `max_connections`. Two writers per core of the database are
//! plenty, because a batch is one transaction.
//!
//! Statements are prepared once per connection, and each connection has settings of its own. So a pooler must hand out whole
//! sessions: `PgBouncer` in session mode works, in transaction mode it does not.

mod settings;

mod target;
mod tls;

mod connection;
mod home;
mod migrate;

mod handle;
mod meters;
mod pool;

mod fault;
mod statement;

mod commit;

mod accounts;
mod log;
mod rooms;
mod search;
mod sessions;
mod webhooks;

mod archive;
mod upkeep;

mod columns;
mod rows;
mod schema;

#[cfg(test)]
mod plans;

pub use connection::OpenError;
pub use handle::Postgres;
pub use settings::Settings;
