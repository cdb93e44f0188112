//! The live part: `hub.*`. Few people need other values than the defaults.

use super::section::section;

section! {
    /// The live part.
    Hub in "hub" {
        /// Recent events that a live room keeps for those who resume.
        ring_events: usize = 1_024, within 1..=100_000;
        /// Milliseconds that an early event waits for its predecessor before the gap is read from the record.
        reorder_ms: u64 = 150, within 1..=5_000;
        /// Changes in one transaction, at most.
        writer_batch: usize = 500, within 1..=10_000;
        /// Changes that may wait for the writer; above it sends are refused.
        writer_queue: usize = 4_096, within 1..=1_000_000;
        /// Transactions under way side by side; one room is always in one lane.
        writer_lanes: usize = 2, within 1..=64;
        /// Seconds that a room stays live after its last listener left.
        room_linger_seconds: u64 = 30, within 0..=3_600;
        /// Seconds between two looks at the heads of live rooms while the nodes' bus carries.
        poll_seconds: u64 = 5, within 1..=60;
        /// Milliseconds between two looks while it does not, or where there is none between several nodes.
        poll_without_bus_ms: u64 = 1_000, within 50..=5_000;
        /// Catch-ups from the record side by side.
        catchup_concurrency: usize = 8, within 1..=1_000;
        /// Bytes of one catch-up batch.
        batch_bytes: usize = 65_536, within 8_192..=1_048_576;
        /// Seconds that a node's word on who is online holds; renewed at a third of it.
        presence_seconds: u64 = 30, within 1..=300;
        /// Seconds between a user's last socket closing and `offline`.
        offline_seconds: u64 = 5, within 0..=300;
    }
}
