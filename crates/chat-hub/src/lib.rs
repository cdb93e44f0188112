//! The live part: group commit, live rooms, fan-out, catch-up, presence.
//!
//! Two kinds of threads meet here. The *engine* (writer lanes, poller, bus reader, presence) runs on one multi-thread runtime
//! and owns what is global: [`Hub`]. Each *web worker* is a current-thread runtime that owns a [`Shard`]: its sockets' state is
//! touched on that thread only, without a lock. Between them go messages of a bounded mailbox; losing any of them costs
//! latency, never a message, because every listener keeps a cursor and heals itself from it.
//!
//! The hub knows neither HTTP nor a database: it speaks through the ports of `chat-domain`.

mod core;
mod hub;
mod settings;

mod announce;
#[cfg(feature = "sabotage")]
mod crash;
#[cfg(feature = "sabotage")]
mod sabotage;
mod trace;
mod writer;

mod flight;
mod fresh;
mod live_room;
mod recent;
mod repair;
mod ring;
mod room_state;
mod rooms;
mod tail;

mod batch;
mod catch_up;
mod fan_out;
mod listener;
mod mailbox;
mod shard;

mod signal;
mod socket;
mod subscribe;
mod watch;

mod ended;
mod loader;
mod people;
mod presence;
mod topics;
mod watched;

mod bus_reader;
mod drain;
mod load;
mod poller;

mod metrics;

pub mod frames;
pub mod outbox;
pub mod wsframe;

#[cfg(feature = "sabotage")]
pub use crash::{Crash, CrashPoint};
pub use hub::{Hub, HubPorts};
pub use metrics::describe_metrics;
pub use settings::HubSettings;
#[cfg(feature = "sabotage")]
pub use settings::Sabotage;
pub use shard::Shard;
pub use signal::Signal;
pub use socket::{Heartbeat, Identity, Ready, Signals, Socket, SubscribeAnswer, SubscribeRequest};
