//! The command line. Everything a run can vary is here, with its default; nothing is read from the environment.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The end of `help verify`.
const FAULTS: &str = "\
Faults (each lasts its time, then healing is timed: every sender must have a new message acknowledged within 5 s, every
participant must have everything acknowledged within 30 s; the load goes on all the while, and the judge speaks at the end):
  kill                 kill -9 a node, start it again
  kill-before-commit   a node dies with a batch in hand (failpoint: a build with the feature `sabotage`, as the next two)
  kill-after-commit    a node dies when a batch is durable and nobody was told
  kill-in-fan-out      a node dies when some of a room's sockets have an event and others have not
  stop-node            SIGSTOP a node for 10 s
  rolling              SIGTERM each node in turn, start it, wait until it is ready; clients may hear nothing for 2 s (p99)
with --cluster, and Redis:
  redis-kill           kill -9, started again after 30 s
  redis-stop           SIGSTOP for 20 s
  redis-flush          FLUSHALL
  redis-cut            one node is cut from Redis for 15 s; bytes vanish, connections stay
  redis-cut-to-server  the same, but the node still hears Redis
  redis-cut-to-client  the same, but Redis still hears the node
with --cluster:
  postgres-restart     restart -m immediate: it has to recover
  postgres-stop        SIGSTOP, with all its sessions, for 5 s
  pool                 a session locks the messages for 5 s, so that every connection of every pool waits";

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
    /// Fan-out: rooms × members, at a rate or at saturation; every delivery is counted and checked, those between nodes apart
    Load(Load),
    /// What an idle, subscribed socket costs the server
    Idle(Idle),
    /// Everybody drops at once, misses messages, and comes back; with --cluster, from a node that is killed to the others
    Storm(Storm),
    /// Acknowledged sends per second, taking turns with one transaction per message on the same disk (with --cluster: in the
    /// same PostgreSQL, and beside COPY)
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
    /// Start this chat-server on a free port with an embedded store of its own, and end it afterwards; with --cluster, several
    #[arg(long, conflicts_with_all = ["pid", "metrics"])]
    pub(crate) spawn: Option<PathBuf>,
    /// Start this many nodes instead of one, on a PostgreSQL and a Redis that are private to the run; both must be installed
    #[arg(long, value_name = "NODES", requires = "spawn")]
    pub(crate) cluster: Option<usize>,
    /// A cluster on PostgreSQL alone
    #[arg(long, requires = "cluster")]
    pub(crate) without_redis: bool,
    /// A setting for the started server, e.g. `CHAT_STORE__URL=memory:`; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "spawn")]
    pub(crate) settings: Vec<String>,
    /// Print the report as Markdown
    #[arg(long)]
    pub(crate) markdown: bool,
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

impl Command {
    /// What all of them have.
    pub(crate) fn common(&self) -> &Common {
        match self {
            Self::Load(args) => &args.common,
            Self::Idle(args) => &args.common,
            Self::Storm(args) => &args.common,
            Self::Durable(args) => &args.common,
            Self::Verify(args) => &args.common,
        }
    }
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
    /// Senders, each of which waits for its acknowledgement; several, with commas, make a table
    #[arg(long, value_delimiter = ',', default_value = "50")]
    pub(crate) senders: Vec<usize>,
    /// Rooms they are spread over; several, with commas, make a table
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub(crate) rooms: Vec<usize>,
    /// How long to send: in turns of two seconds, between which the comparison has its own
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Length of a text
    #[arg(long, default_value_t = 100)]
    pub(crate) bytes: usize,
}

/// `verify`.
#[derive(Args)]
#[command(after_long_help = FAULTS)]
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
    /// How long to send; --kills has its own time, and with --faults no fault begins later, once each had its turn
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,
    /// Length of a text
    #[arg(long, default_value_t = 100)]
    pub(crate) bytes: usize,
    /// Faults to commit, with commas; `mix` is one drawn by lot; `all` is each possible one, then `mix`; see below
    #[arg(long, value_delimiter = ',', requires = "spawn", conflicts_with_all = ["kills", "sigterm"])]
    pub(crate) faults: Vec<String>,
    /// Seconds from the beginning of one fault to the next, at least; the one before has healed by then
    #[arg(long, default_value_t = 10.0)]
    pub(crate) fault_every: f64,
    /// The time that faults last is multiplied by this
    #[arg(long, default_value_t = 1.0)]
    pub(crate) fault_scale: f64,
    /// Decides what `mix` draws and which node is hit [default: another one each time; the report says which]
    #[arg(long)]
    pub(crate) fault_seed: Option<u64>,
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
