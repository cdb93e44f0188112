//! What may be tuned, and how it comes by default.

use std::time::Duration;

/// Bounds and patience of the record. Every queue and every wait has its number here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Connections that read side by side, at least one (`store.readers`).
    pub readers: usize,
    /// Connections that write side by side, at least one (`store.writers`).
    pub writers: usize,
    /// Questions that may wait for a connection; one more is answered `Unavailable` at once.
    pub read_queue: usize,
    /// Batches and other writes that may wait for a connection; one more is answered `Unavailable` at once.
    pub write_queue: usize,
    /// How long it may take to connect, TLS and sign-in included.
    pub connect_timeout: Duration,
    /// How long a job waits for a connection of its pool.
    pub wait_timeout: Duration,
    /// How long a read may take, the wait for a connection included; also its `statement_timeout`.
    pub read_timeout: Duration,
    /// How long a write may take, the wait for a connection included; also its `statement_timeout`. One that was given up
    /// may have been committed.
    pub write_timeout: Duration,
    /// How long a statement waits for a row that somebody else has locked (`lock_timeout`). Shorter than the others, so
    /// that the cause is told, not the symptom.
    pub lock_timeout: Duration,
    /// How long a transaction may stay open while its node sends nothing (`idle_in_transaction_session_timeout`); the server
    /// ends it then, with its connection. A node that froze in the middle of one (a paused machine, a network that is gone)
    /// holds its rooms so long and no longer. Must be shorter than `lock_timeout`, so that whoever waits for these rooms gets
    /// its turn instead of an error; and longer than a node under load may take from one statement to the next.
    pub idle_timeout: Duration,
    /// How long `ping` may take: what a readiness probe asks must be told soon.
    pub ping_timeout: Duration,
    /// How often a transaction that had to give way to another is tried.
    pub attempts: usize,
    /// How long to wait at the start while another node migrates.
    pub migrate_timeout: Duration,
    /// Messages that this node moves into the index of the search in one transaction; with zero it leaves that to others.
    pub index_slice: usize,
    /// While commits are under way, the least pause between two such transactions, and before the first.
    pub index_pause: Duration,
    /// When more messages than this wait for the index, there are no pauses.
    pub index_bound: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 8,
            writers: 4,
            read_queue: 1_024,
            write_queue: 1_024,
            connect_timeout: Duration::from_secs(3),
            wait_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(4),
            idle_timeout: Duration::from_secs(2),
            ping_timeout: Duration::from_secs(2),
            attempts: 5,
            migrate_timeout: Duration::from_secs(60),
            index_slice: 500,
            index_pause: Duration::from_millis(100),
            index_bound: 20_000,
        }
    }
}
