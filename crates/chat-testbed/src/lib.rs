//! Private PostgreSQL and Redis servers, and a line between them that can be cut: for tests, and for runs of `chat-bench`.
//!
//! A server of this crate belongs to the process that started it: its directory, its port and its user are its own, and when
//! the process ends, however it ends, a supervisor kills the server and removes the directory. Everything blocks and needs
//! only the standard library, so it serves tests with and without a runtime. Read in this order: [`Postgres`], [`Redis`],
//! [`Proxy`], then `keeper`, which sees to the ending. This crate must not know what the servers are used for.

mod postgres;
mod redis;

mod proxy;

mod keeper;

mod port;
mod processes;
mod programs;
mod resp;
mod user;

pub use port::free_port;
pub use postgres::{Postgres, PostgresOptions};
pub use proxy::{Direction, Proxy};
pub use redis::{Redis, RedisOptions};
