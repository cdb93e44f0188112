//! What may be tuned, and how it comes by default.

use std::time::Duration;

/// Bounds and patience of the record. Every queue and every wait has its number here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long SQLite waits for a lock that another process holds (`store.busy_timeout_ms`).
    pub busy_timeout: Duration,
    /// Connections that read side by side, at least one (`store.readers`).
    pub readers: usize,
    /// Questions that may wait for a reader; one more is answered `Unavailable` at once.
    pub read_queue: usize,
    /// Batches and other writes that may wait for the writer; one more is answered `Unavailable` at once.
    pub write_queue: usize,
    /// How long a caller waits for a read.
    pub read_timeout: Duration,
    /// How long a caller waits for a write. Longer than `busy_timeout`, so that the cause is told, not the symptom. The
    /// write itself goes on: it may still be committed.
    pub write_timeout: Duration,
    /// Batches that wait together become one transaction of at most about this many commands.
    pub commit_commands: usize,
    /// Messages that may wait to be put into the index of the search; a search looks at each of them. Beyond, the writer
    /// indexes between two batches.
    pub index_backlog: usize,
    /// So many are put into it at once, while nobody else can write.
    pub index_slice: usize,
    /// When the writer has had nothing to do for so long, it indexes what waits.
    pub index_idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            readers: 2,
            read_queue: 1_024,
            write_queue: 1_024,
            read_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            commit_commands: 1_024,
            index_backlog: 2_048,
            index_slice: 1_024,
            index_idle: Duration::from_millis(250),
        }
    }
}
