//! The end: every socket is told to go, in slices and with a time to come back that spreads them; then the writer is flushed.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::{Hub, Signal, mailbox::ToShard};

impl Hub {
    /// Tells every socket to close with 1012, in slices, and waits until they are gone; then flushes the writer, which refuses
    /// whatever comes later, and stops the engine. Takes no longer than `limit`.
    pub async fn drain(&self, limit: Duration) {
        let core = &self.core;
        let started = Instant::now();
        core.begin_drain();
        // Half of the time for sockets to be told and a quarter for them to go: the rest belongs to the writer.
        let told_by = limit / 2;
        let sockets = core.people.sockets();
        let slices: Vec<_> = sockets.chunks(core.settings.drain_slice.max(1)).collect();
        let count = u32::try_from(slices.len()).unwrap_or(u32::MAX);
        let pause = core.settings.drain_pause.min(told_by / count.max(1));
        let spread = core.settings.retry_ms_per_socket.saturating_mul(sockets.len().try_into().unwrap_or(u64::MAX));
        for slice in slices {
            for (socket, worker) in slice {
                let signal = Signal::restart(core.settings.retry_ms + core.random_up_to(spread));
                worker.insist(ToShard::Signal { socket: *socket, signal });
            }
            sleep(pause).await;
        }
        if timeout_at(started + told_by + limit / 4, core.people.emptied()).await.is_err() {
            tracing::warn!("some sockets did not go in time");
        }
        if timeout_at(started + limit, core.writer.flush()).await.is_err() {
            tracing::error!("the writer could not be flushed in time");
        }
        core.stop();
    }
}
