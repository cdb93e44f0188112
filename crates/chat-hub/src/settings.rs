//! Every bound, wait and pace of the live part, named, with its default.
//!
//! The hub reads nothing from the environment: who assembles the house fills this in. Durations are paused-clock friendly and
//! jitter comes from a seed, so that a simulation repeats itself exactly.

use std::{sync::Arc, time::Duration};

/// The live part's settings.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// The node's name, as `ready` tells it.
    pub node: Arc<str>,
    /// Transactions under way side by side; one room is always in one lane.
    pub lanes: usize,
    /// Changes in one transaction, at most.
    pub writer_batch: usize,
    /// Changes that may wait in one lane; above it submits are refused.
    pub writer_queue: usize,
    /// Until those who wait for a commit are told that its fate is unknown.
    pub commit_timeout: Duration,
    /// Recent changes that a live room keeps for those who resume.
    pub ring_events: usize,
    /// Bytes of recent changes that a live room keeps, about.
    pub ring_bytes: usize,
    /// How long an early event waits for its predecessor before the gap is read from the record.
    pub reorder: Duration,
    /// How long a room stays live after its last listener left.
    pub room_linger: Duration,
    /// Between two looks at the heads of live rooms while the bus carries.
    pub poll: Duration,
    /// The same while it does not.
    pub poll_without_bus: Duration,
    /// Most rooms in one look at the heads.
    pub heads_batch: usize,
    /// Reads of the record for catching up that may be under way at once.
    pub catchup_concurrency: usize,
    /// Rooms that may be opened at once.
    pub open_concurrency: usize,
    /// Changed objects in one read for catching up.
    pub catchup_page: usize,
    /// Bytes of one batch frame (protocol §3); a single larger object still travels, alone.
    pub batch_bytes: usize,
    /// Until a question to the record or another port counts as unanswered.
    pub read_timeout: Duration,
    /// Between two tries of something the record did not answer; jittered by half.
    pub retry: Duration,
    /// Messages that may wait for one worker; above it they are dropped and the worker verifies all its listeners.
    pub shard_queue: usize,
    /// Deliveries that a worker makes before it lets its sockets write.
    pub fan_out_slice: usize,
    /// Sockets of one user on this node; the oldest goes. `None` is for benchmarks.
    pub sockets_per_user: Option<usize>,
    /// Users in one question to the account store.
    pub users_batch: usize,
    /// The least time between two questions to the account store: a storm is answered in batches, a lone sign-in at once.
    pub users_pause: Duration,
    /// How long an access token lives: ended sessions are remembered for that long and [`HubSettings::ENDED_LEEWAY`].
    pub access_ttl: Duration,
    /// How long a node's word on a user's presence holds; renewed at a third of it.
    pub presence_ttl: Duration,
    /// Between a user's last socket closing and `offline`.
    pub offline_delay: Duration,
    /// Sockets that one slice of a drain closes.
    pub drain_slice: usize,
    /// Between two slices of a drain.
    pub drain_pause: Duration,
    /// The least `retry_ms` of a drained socket; each further socket of the node adds [`HubSettings::retry_ms_per_socket`]
    /// to the span over which they come back.
    pub retry_ms: u64,
    /// See [`HubSettings::retry_ms`].
    pub retry_ms_per_socket: u64,
    /// Where jitter comes from.
    pub seed: u64,
    /// A deliberate defect, so that a verifier can be seen to fail.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<Sabotage>,
    /// A death at a chosen point.
    #[cfg(feature = "sabotage")]
    pub crash: Option<Arc<crate::Crash>>,
}

impl HubSettings {
    /// Beyond an access token's life: the leeway of its check, clocks of nodes that differ, and a poll.
    pub const ENDED_LEEWAY: Duration = Duration::from_secs(60);
    /// How long a `typing` holds at its receivers, in milliseconds (protocol §3).
    pub const TYPING_TTL_MS: u64 = 6_000;
}

impl Default for HubSettings {
    fn default() -> Self {
        Self {
            node: Arc::from("node"),
            lanes: 1,
            writer_batch: 500,
            writer_queue: 8_192,
            commit_timeout: Duration::from_secs(10),
            ring_events: 1_024,
            ring_bytes: 1024 * 1024,
            reorder: Duration::from_millis(150),
            room_linger: Duration::from_secs(30),
            poll: Duration::from_secs(5),
            poll_without_bus: Duration::from_secs(1),
            heads_batch: 10_000,
            catchup_concurrency: 4,
            open_concurrency: 16,
            catchup_page: 200,
            batch_bytes: 64 * 1024,
            read_timeout: Duration::from_secs(5),
            retry: Duration::from_millis(500),
            shard_queue: 65_536,
            fan_out_slice: 16_384,
            sockets_per_user: Some(16),
            users_batch: 500,
            users_pause: Duration::from_millis(25),
            access_ttl: Duration::from_secs(900),
            presence_ttl: Duration::from_secs(30),
            offline_delay: Duration::from_secs(5),
            drain_slice: 250,
            drain_pause: Duration::from_millis(50),
            retry_ms: 500,
            retry_ms_per_socket: 1,
            seed: 0,
            #[cfg(feature = "sabotage")]
            sabotage: None,
            #[cfg(feature = "sabotage")]
            crash: None,
        }
    }
}

/// A defect that must make the verifier fail.
#[cfg(feature = "sabotage")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Posts are acknowledged when their batch is taken; the commit follows 50 ms later.
    AckBeforeCommit,
    /// A nonce is replaced by a fresh one, so that a retry posts twice.
    NoNonce,
    /// A resume is answered `live` from the head, whatever was missed.
    SkipCatchUp,
}
