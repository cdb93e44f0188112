//! Reading from the record what the bus did not bring: the gap after a room's head, and the past before its ring.
//!
//! Each reading serves everybody who asked before it began, so ten thousand who come back at once cost a handful of queries.

use std::{sync::Arc, time::Duration};

use chat_domain::{
    ids::Seq,
    objects::LogHead,
    pages::{Changes, Cursor},
    ports::{MAX_CHANGES, Reader},
    refusal::{Refusal, ResetReason, Unavailable},
};
use tokio::time::sleep;

use crate::{
    core::{Core, lock},
    live_room::LiveRoom,
    ring,
    room_state::by_rev,
    rooms::gone,
};

/// So few changes are never too many to send.
const FEW: u64 = 1_000;
const _: () = assert!(MAX_CHANGES >= 1_000);

impl Core {
    /// Gives early events time for their predecessors to come; reads the gap from the record when they do not.
    pub(crate) fn watch_gap(self: &Arc<Self>, room: Arc<LiveRoom>) {
        let core = Arc::clone(self);
        self.spawn(async move {
            let mut wait = core.settings.reorder;
            loop {
                sleep(wait).await;
                if !room.gap_remains() {
                    return;
                }
                metrics::counter!("chat_gaps_total").increment(1);
                if core.reach_head(&room).await.is_ok() && !room.gap_remains() {
                    return;
                }
                wait = core.jittered(core.settings.retry);
            }
        });
    }

    /// The record was seen to be ahead of the room: repairs unless the events come by themselves in a moment, as they may while
    /// the bus carries.
    pub(crate) fn expect_head(self: &Arc<Self>, room: Arc<LiveRoom>, head: Seq) {
        let core = Arc::clone(self);
        let moment = if self.ports.bus.is_healthy() { self.settings.reorder } else { Duration::ZERO };
        self.spawn(async move {
            sleep(moment).await;
            if room.head() < head {
                metrics::counter!("chat_gaps_total").increment(1);
                // A failure is tried again at the next look at the heads.
                let _ = core.reach_head(&room).await;
            }
        });
    }

    /// Brings the room to where the record is, at the time of this call or later.
    pub(crate) async fn reach_head(self: &Arc<Self>, room: &Arc<LiveRoom>) -> Result<(), Refusal> {
        let (ticket, begin) = lock(&room.inner).repair.ask();
        if begin {
            let (core, room) = (Arc::clone(self), Arc::clone(room));
            self.spawn(async move {
                loop {
                    let repaired = core.repair(&room).await;
                    let mut inner = lock(&room.inner);
                    inner.repaired = repaired;
                    let again = inner.repair.finish();
                    room.changed.notify_waiters();
                    if !again {
                        return;
                    }
                }
            });
        }
        loop {
            let changed = room.changed.notified();
            {
                let inner = lock(&room.inner);
                if inner.repair.is_over(ticket) {
                    return inner.repaired.clone().map_err(Refusal::from);
                }
            }
            changed.await;
        }
    }

    async fn repair(self: &Arc<Self>, room: &Arc<LiveRoom>) -> Result<(), Unavailable> {
        loop {
            let Some(log) = room.log() else { return Ok(()) };
            match self.read_house(room, &log, log.head).await {
                Ok(changes) => {
                    let more = changes.more;
                    room.absorb(changes);
                    if !more {
                        return Ok(());
                    }
                }
                Err(Refusal::Unavailable(unavailable)) => return Err(unavailable),
                Err(Refusal::ResetRequired { .. }) => return self.reload(room).await,
                Err(refusal) => {
                    self.close_room(room, refusal);
                    return Ok(());
                }
            }
        }
    }

    /// Begins the room anew: its log was rewound, or moved too far for its changes to be read.
    pub(crate) async fn reload(self: &Arc<Self>, room: &Arc<LiveRoom>) -> Result<(), Unavailable> {
        let permit = self.house_reads.acquire().await;
        let (log, id, before) = (Arc::clone(&self.ports.log), room.id, room.head());
        let answer = self.ask(async move { log.live(id).await }).await;
        drop(permit);
        match answer {
            Ok(Some(snapshot)) => {
                self.tail.learn(&snapshot.log.epoch);
                room.reload(snapshot, before, &self.settings);
            }
            Ok(None) => self.close_room(room, Refusal::NotFound),
            Err(Refusal::Unavailable(unavailable)) => return Err(unavailable),
            Err(other) => return Err(Unavailable::because(other)),
        }
        Ok(())
    }

    /// Has the room remember what changed after `after`, if it can hold that much.
    pub(crate) async fn recall(self: &Arc<Self>, room: &Arc<LiveRoom>, after: Seq) {
        let (ticket, begin) = {
            let mut inner = lock(&room.inner);
            inner.recall_from = Some(inner.recall_from.map_or(after, |from| from.min(after)));
            inner.recall.ask()
        };
        if begin {
            let (core, room) = (Arc::clone(self), Arc::clone(room));
            self.spawn(async move {
                loop {
                    let from = lock(&room.inner).recall_from.take();
                    if let Some(from) = from
                        && let Err(unavailable) = core.read_past(&room, from).await
                    {
                        tracing::debug!(room = %room.id, %unavailable, "the past of a room could not be read");
                    }
                    let again = lock(&room.inner).recall.finish();
                    room.changed.notify_waiters();
                    if !again {
                        return;
                    }
                }
            });
        }
        loop {
            let changed = room.changed.notified();
            if lock(&room.inner).recall.is_over(ticket) {
                return;
            }
            changed.await;
        }
    }

    async fn read_past(&self, room: &LiveRoom, after: Seq) -> Result<(), Refusal> {
        let (entries, mut bytes) = room.with_state(|state| state.room_left()).unwrap_or((0, 0));
        if entries == 0 && room.head().saturating_sub(after) <= FEW {
            return Ok(());
        }
        let mut past = Vec::new();
        let mut to = after;
        loop {
            let log = room.log().ok_or_else(gone)?;
            let changes = match self.read_house(room, &log, to).await {
                Err(Refusal::ResetRequired { reason, log }) => {
                    learn_limits(room, after, reason, &log);
                    return Ok(());
                }
                other => other?,
            };
            let more = changes.more;
            to = changes.to;
            let page = by_rev(changes);
            let weight: usize = page.iter().map(ring::weight).sum();
            past.extend(page);
            if weight > bytes || past.len() > entries {
                // More than the ring holds: each catches up from the record, a few at a time.
                return Ok(());
            }
            bytes -= weight;
            if !more {
                break;
            }
        }
        room.with_state(|state| state.learn_past(after, to, past));
        Ok(())
    }

    async fn read_house(&self, room: &LiveRoom, log: &LogHead, after: Seq) -> Result<Changes, Refusal> {
        let _permit = self.house_reads.acquire().await;
        let cursor = Cursor { epoch: Some(log.epoch.clone()), after };
        let (port, id, limit) = (Arc::clone(&self.ports.log), room.id, self.settings.catchup_page);
        self.ask(async move { port.changes(Reader::House, id, cursor, limit).await }).await
    }
}

fn learn_limits(room: &LiveRoom, after: Seq, reason: ResetReason, log: &LogHead) {
    room.with_state(|state| match reason {
        ResetReason::TooFar => state.learn_too_far(after),
        ResetReason::Purged => state.raise_floor(log.floor),
        // Of another history, or rewound: the poller finds out and begins the room anew.
        ResetReason::Epoch | ResetReason::Ahead => {}
    });
}
