//! How much waits on this node, looked at every few seconds.
//!
//! Queues are measured from outside, by asking each how full it is: counting at every delivery would cost the fan-out what it
//! has least of.

use std::{rc::Rc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{core::Core, shard::Worker};

/// Half of the shortest interval at which Prometheus is usually told to look.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(5);

impl Core {
    /// Shows the writer's queue.
    pub(crate) fn show_load(&self) {
        metrics::gauge!("chat_writer_queued").set(whole(self.writer.queued()));
    }
}

impl Worker {
    /// Shows what waits for the sockets of this worker, until the hub stops. Workers add up in one gauge, so each gives its
    /// difference.
    pub(crate) async fn show_load(self: Rc<Self>) {
        let mut shown = Shown(0.0);
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopped = self.core.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => return,
                _ = ticks.tick() => shown.become_now(self.queued_bytes()),
            }
        }
    }

    fn queued_bytes(&self) -> usize {
        self.sockets.borrow().values().map(|socket| socket.outbox.queued_bytes()).sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a node holds less than 2^52 of anything that is shown here")]
fn whole(count: usize) -> f64 {
    count as f64
}

/// What this worker has added to the gauge; taken back when it ends.
struct Shown(f64);

impl Shown {
    fn become_now(&mut self, bytes: usize) {
        let now = whole(bytes);
        metrics::gauge!("chat_outbound_queue_bytes").increment(now - self.0);
        self.0 = now;
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        metrics::gauge!("chat_outbound_queue_bytes").decrement(self.0);
    }
}
