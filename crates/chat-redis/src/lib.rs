//! Between nodes, by Redis (7.0 or later): the bus, the tail of logs, presence, shared rates.
//!
//! All of it is hints and caches: a Redis that is away, slow, flushed or replaced costs latency, never a message. So nothing
//! here stops a server from starting or serving, no caller waits for Redis longer than its settings say, and what breaks
//! is made anew in the background.
//!
//! What was tried: a single Redis 7.0, killed, stopped, flushed, refusing channels and memory, behind lines that were cut in
//! one direction; a server in cluster mode that has all the slots; TLS by rustls against a certificate of our own. Channels
//! are sharded (`SSUBSCRIBE`) and every key has a hash tag, so nothing stands against a cluster of several nodes, but each
//! handle connects to one address: such a cluster needs a proxy in front that speaks for all of it, which was not tried, nor
//! were Sentinel and a failover to a replica.
//!
//! Read in this order: [`Settings`], the handle [`Redis`], `names`, `wire` (what is said), `connect` and `health`, then the
//! two ends of the bus (`outbox` and `publisher`; `topics`, `subscriber` and `inbox`), then one file per port. This crate
//! must not know who calls it, nor what a note does to a room.

mod settings;

mod handle;

mod frame;
mod names;
mod wire;

mod connect;
mod health;
mod probe;

mod outbox;
mod publisher;

mod inbox;
mod subscriber;
mod topics;

mod commands;
mod script;

mod bus;
mod presence;
mod rates;
mod tail;

pub use connect::OpenError;
pub use handle::Redis;
pub use settings::Settings;
