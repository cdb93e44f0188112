//! The command line. Everything a run can vary is here, with its default; nothing is read from the environment.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Measures and judges a chat server from outside, by its protocol alone.
#[derive(Parser)]
#[command(name = "chat-bench", version, about)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The measurements.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Fan-out: rooms × members, at a rate or at saturation; every delivery is counted and checked
    Load(Load),
    /// What an idle, subscribed socket costs the server
    Idle(Idle),
    /// Everybody drops at once, misses messages, and comes back
    Storm(Storm),
    /// Acknowledged sends per second, beside what the disk and one transaction per message allow
    Durable(Durable),
    /// Reliability: faults while everything that clients see is recorded and judged
    Verify(Verify),
}

/// Where the server is.
#[derive(Args, Clone)]
pub(crate) struct Common {
    /// The server's address; several, with commas, are nodes over which clients are spread
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:8080")]
    pub(crate) url: Vec<String>,
    /// Its metrics, e.g. <http://127.0.0.1:9090/metrics>
    #[arg(long)]
    pub(crate) metrics: Option<String>,
    /// Its process, or those of all nodes with commas, for CPU and memory (same machine)
    #[arg(long, value_delimiter = ',')]
    pub(crate) pid: Vec<u32>,
    /// Start this chat-server on a free port with an embedded store of its own, and end it afterwards
    #[arg(long, conflicts_with_all = ["pid", "metrics"])]
    pub(crate) spawn: Option<PathBuf>,
    /// A setting for the started server, e.g. `CHAT_STORE__URL=memory:`; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "spawn")]
    pub(crate) settings: Vec<String>,
    /// Where temporary stores are made [default: the system's temporary directory]
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// User accounts that share the sockets
    #[arg(long, default_value_t = 8)]
    pub(crate) accounts: usize,
    /// Sockets that may be connecting at the same time
    #[arg(long, default_value_t = 128)]
    pub(crate) connecting: usize,
}

/// `load`.
#[derive(Args)]
pub(crate) struct Load {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Rooms
    #[arg(long, default_value_t = 1)]
    pub(crate) rooms: usize,
    /// Sockets in each room
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: usize,
    /// Members of each room that send
    #[arg(long, default_value_t = 1)]
    pub(crate) senders: usize,
    /// Messages per second in all rooms together
    #[arg(long, default_value_t = 20.0, conflicts_with = "window")]
    pub(crate) rate: f64,
    /// Instead of a rate: messages per sender that are under way to somebody (saturation)
    #[arg(long)]
    pub(crate) window: Option<usize>,
    /// How long to send
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Length of a text
    #[arg(long, default_value_t = 100)]
    pub(crate) bytes: usize,
}

/// `idle`.
#[derive(Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Sockets
    #[arg(long, default_value_t = 2000)]
    pub(crate) sockets: usize,
}

/// `storm`.
#[derive(Args)]
pub(crate) struct Storm {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Sockets
    #[arg(long, default_value_t = 2000)]
    pub(crate) sockets: usize,
    /// Rooms they are spread over
    #[arg(long, default_value_t = 10)]
    pub(crate) rooms: usize,
    /// Messages posted in each room while all are away
    #[arg(long, default_value_t = 50)]
    pub(crate) missed: usize,
}

/// `durable`.
#[derive(Args)]
pub(crate) struct Durable {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Senders, each of which waits for its acknowledgement
    #[arg(long, default_value_t = 50)]
    pub(crate) senders: usize,
    /// Rooms they are spread over
    #[arg(long, default_value_t = 1)]
    pub(crate) rooms: usize,
    /// How long to send
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Length of a text
    #[arg(long, default_value_t = 100)]
    pub(crate) bytes: usize,
}

/// `verify`.
#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Clients that send, each in one room, and repeat until they are acknowledged
    #[arg(long, default_value_t = 32)]
    pub(crate) senders: usize,
    /// Rooms
    #[arg(long, default_value_t = 4)]
    pub(crate) rooms: usize,
    /// Clients that only listen, each in all rooms
    #[arg(long, default_value_t = 8)]
    pub(crate) members: usize,
    /// Clients in all rooms that read 1 KB/s
    #[arg(long, default_value_t = 0)]
    pub(crate) slow: usize,
    /// Clients in all rooms that drop and return at random
    #[arg(long, default_value_t = 0)]
    pub(crate) restless: usize,
    /// New messages per second, all senders together
    #[arg(long, default_value_t = 400.0)]
    pub(crate) rate: f64,
    /// How long to send, when nothing is killed
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,
    /// Length of a text
    #[arg(long, default_value_t = 100)]
    pub(crate) bytes: usize,
    /// Times to kill the server (kill -9) and start it again; needs --spawn
    #[arg(long, default_value_t = 0, requires = "spawn")]
    pub(crate) kills: u32,
    /// Seconds between kills, at random within this range
    #[arg(long, default_value = "0.5-3")]
    pub(crate) kill_every: String,
    /// At the end, SIGTERM under load: all must hear `bye` and close 1012, and the exit code must be 0
    #[arg(long, requires = "spawn")]
    pub(crate) sigterm: bool,
    /// The share of acknowledged sends that are sent once more
    #[arg(long, default_value_t = 0.05)]
    pub(crate) replay: f64,
}

impl Verify {
    /// The range of `--kill-every` in seconds.
    ///
    /// # Errors
    /// When it is no `FROM-TO` or no number.
    pub(crate) fn kill_range(&self) -> anyhow::Result<(f64, f64)> {
        let (from, to) = self.kill_every.split_once('-').unwrap_or((&self.kill_every, &self.kill_every));
        let (from, to): (f64, f64) = (from.trim().parse()?, to.trim().parse()?);
        anyhow::ensure!(from >= 0.0 && to >= from, "--kill-every: {from} to {to} is no range");
        Ok((from, to))
    }
}
