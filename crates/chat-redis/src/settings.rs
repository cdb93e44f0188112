//! What may be tuned, and how it comes by default.

use std::time::Duration;

use chat_domain::limits::RateSettings;

/// Bounds and patience between nodes. Every queue and every wait has its number here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What every key and channel begins with (`redis.prefix`), so that two deployments may share one Redis: letters,
    /// digits, `.`, `_`, `-` and `:`.
    pub prefix: String,

    /// How long a connection may take to be made, TLS and sign-in included.
    pub connect_timeout: Duration,
    /// How long publishing, subscribing and listening for an answer may take before a connection counts as dead.
    pub patience: Duration,
    /// How long a caller waits for presence or a tail; then it is `Unavailable`.
    pub command_timeout: Duration,
    /// The longest pause between two tries to connect.
    pub reconnect_within: Duration,
    /// How often both connections of the bus are tried: a PING on the one that hears, and a probe that we say to
    /// ourselves by way of both. A line that is cut in one direction is noticed within this and `patience`.
    pub beat: Duration,
    /// Connections for presence and tails, at least one.
    pub pool: usize,

    /// Notes and tails that may wait to be sent; one more is dropped, and the other nodes are told so.
    pub outbox: usize,
    /// The same in bytes.
    pub outbox_bytes: usize,
    /// The most that is sent in one go; what waits meanwhile is the next.
    pub pipeline: usize,
    /// The same in bytes, about.
    pub pipeline_bytes: usize,
    /// Notes that may wait to be heard; one more is dropped, and [`Heard::Interrupted`] is heard instead.
    ///
    /// [`Heard::Interrupted`]: chat_domain::ports::Heard::Interrupted
    pub inbox: usize,
    /// The same in bytes.
    pub inbox_bytes: usize,
    /// The shortest time from one `Interrupted` to the next: each makes a node ask the record.
    pub interruptions_every: Duration,

    /// Most events of a room in the tail.
    pub tail_events: usize,
    /// Most bytes of a room in the tail: events take up to 16 KB each. One that is larger than this ends the tail.
    pub tail_bytes: usize,
    /// How long a tail is kept after the last change of its room.
    pub tail_ttl: Duration,

    /// The rates that all nodes count together.
    pub rates: RateSettings,
    /// By how much the rates shrink while Redis is away and every node counts alone. The number of nodes keeps what all
    /// allow together; less is kinder to those who are many on one node.
    pub rates_alone: u32,
    /// How long counts are collected before they are shared.
    pub rates_every: Duration,
    /// Names whose counts may wait to be shared; the others do not hear of one more.
    pub rates_pending: usize,

    /// How long a topic stays subscribed that nobody listens to any more, so that one that flaps costs nothing.
    pub linger: Duration,
    /// Channels that are subscribed or let go in one go.
    pub subscribe_chunk: usize,
    /// A topic that is heard only later than this after it was asked for counts as an interruption: what was said in
    /// between may have been missed.
    pub listen_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: "chat".to_owned(),
            connect_timeout: Duration::from_secs(1),
            patience: Duration::from_secs(2),
            command_timeout: Duration::from_millis(500),
            reconnect_within: Duration::from_secs(1),
            beat: Duration::from_secs(1),
            pool: 4,
            outbox: 16_384,
            outbox_bytes: 16 << 20,
            pipeline: 512,
            pipeline_bytes: 1 << 20,
            inbox: 16_384,
            inbox_bytes: 16 << 20,
            interruptions_every: Duration::from_secs(1),
            tail_events: 256,
            tail_bytes: 256 << 10,
            tail_ttl: Duration::from_secs(15 * 60),
            rates: RateSettings::default(),
            rates_alone: 2,
            rates_every: Duration::from_millis(25),
            rates_pending: 16_384,
            linger: Duration::from_secs(10),
            subscribe_chunk: 512,
            listen_within: Duration::from_millis(50),
        }
    }
}
