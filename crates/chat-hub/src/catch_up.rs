//! Catching up: from a cursor to the head, by batches, then live. The same for a first subscription, a resume, a slow consumer
//! and a gap.
//!
//! A catch-up goes as far as it can without waiting. It waits for the socket's queue to drain between batches, so memory stays
//! bounded, and for the record where the room's ring cannot tell. Going live is safe because the worker hears the room already:
//! whatever comes after the head that was read is in its mailbox, and the cursor drops what is not.

use std::{rc::Rc, sync::Arc};

use chat_domain::{
    event::{Eviction, Object},
    ids::Seq,
    objects::LogHead,
    pages::{Changes, Cursor},
    ports::Reader,
    refusal::Refusal,
};
use tokio::time::sleep;

use crate::{
    batch::{Batch, Piece, Stretch, compose},
    listener::Listener,
    ring::Entry,
    room_state::{Missed, by_rev},
    shard::Worker,
};

/// What a catch-up needs to go on.
enum Pause {
    /// Nothing: it is live, or its listener is out.
    Done,
    /// The socket's queue must drain.
    Queue,
    /// The record must be read.
    Record,
}

/// Whether a batch was queued.
#[derive(PartialEq, Eq)]
enum Pushed {
    Yes,
    No,
}

impl Worker {
    /// Brings the listener to the head of its room.
    pub(crate) fn catch_up(self: &Rc<Self>, listener: Rc<Listener>) {
        match self.advance(&listener) {
            Pause::Done => {}
            pause @ (Pause::Queue | Pause::Record) => {
                let worker = Rc::clone(self);
                tokio::task::spawn_local(async move { worker.follow(listener, pause).await });
            }
        }
    }

    async fn follow(self: Rc<Self>, listener: Rc<Listener>, mut pause: Pause) {
        loop {
            match pause {
                Pause::Done => return,
                // A queue that takes no batch although it has drained will not take one at once.
                Pause::Queue if listener.outbox.is_below_low_water() => self.rest().await,
                Pause::Queue => listener.outbox.drained().await,
                Pause::Record => self.read_and_push(&listener).await,
            }
            pause = self.advance(&listener);
        }
    }

    /// Goes as far as possible without waiting.
    fn advance(&self, listener: &Listener) -> Pause {
        if !listener.is_heard() || listener.outbox.is_closed() {
            return Pause::Done;
        }
        if !listener.outbox.is_below_low_water() {
            return Pause::Queue;
        }
        match listener.live.missed(listener.socket.identity.user, &listener.epoch, listener.cursor.get()) {
            // The record was ahead of the room when a page of it was read: the rest of what was promised is there.
            Missed::Nothing if listener.owes_batch.get() => return Pause::Record,
            Missed::Nothing => listener.is_live.set(true),
            Missed::Membership(reason) => self.evict(listener, reason),
            Missed::Reset(reason, log) => self.reset(listener, reason, log),
            Missed::Things(entries, log) => return self.push_things(listener, &entries, log),
            Missed::Record => return Pause::Record,
        }
        Pause::Done
    }

    fn push_things(&self, listener: &Listener, mut entries: &[Arc<Entry>], log: LogHead) -> Pause {
        let stretch = Stretch { room: listener.room(), epoch: log.epoch, to: log.head, head: log.head, more: false };
        while listener.cursor.get() < stretch.to {
            if !listener.outbox.is_below_low_water() {
                return Pause::Queue;
            }
            let batch = self.compose(listener, &stretch, entries);
            if push(listener, &batch) == Pushed::No {
                return Pause::Queue;
            }
            entries = entries.get(batch.used..).unwrap_or_default();
        }
        // Nothing came in between: the head was read and everything queued without an await.
        listener.is_live.set(true);
        Pause::Done
    }

    /// Reads one page of the record for this user and queues it, batch by batch.
    async fn read_and_push(&self, listener: &Listener) {
        metrics::counter!("chat_catchup_reads_total").increment(1);
        let answer = self.read(listener).await;
        if !listener.is_heard() {
            return;
        }
        match answer {
            Ok(changes) => self.push_page(listener, changes).await,
            Err(Refusal::ResetRequired { reason, log }) => self.reset(listener, reason, log),
            Err(Refusal::NotFound | Refusal::Forbidden(_)) => self.find_out(listener).await,
            Err(refusal) => {
                tracing::debug!(room = %listener.room(), %refusal, "a catch-up could not be read");
                self.rest().await;
            }
        }
    }

    async fn rest(&self) {
        sleep(self.core.jittered(self.core.settings.retry)).await;
    }

    async fn read(&self, listener: &Listener) -> Result<Changes, Refusal> {
        let _permit = self.core.user_reads.acquire().await;
        let cursor = Cursor { epoch: Some(listener.epoch.clone()), after: listener.cursor.get() };
        let (room, reader) = (listener.room(), Reader::User(listener.socket.identity.user));
        let (log, limit) = (Arc::clone(&self.core.ports.log), self.core.settings.catchup_page);
        self.core.ask(async move { log.changes(reader, room, cursor, limit).await }).await
    }

    /// The record says that the user may not read: the room is told first, so that the reason given is the true one.
    async fn find_out(&self, listener: &Listener) {
        let known = self.core.reach_head(&listener.live).await;
        if listener.is_heard() {
            let reason = listener.live.gone(listener.socket.identity.user).filter(|_| known.is_ok());
            self.evict(listener, reason.unwrap_or(Eviction::Kicked));
        }
    }

    /// What was read in one snapshot, in which the user was in the room: it may be queued in pieces while the listener stands.
    async fn push_page(&self, listener: &Listener, changes: Changes) {
        let Changes { room, to, head, more, .. } = changes;
        let stretch = Stretch { room, epoch: changes.epoch.clone(), to, head, more };
        let pieces = by_rev(changes);
        let mut pieces: &[Object] = &pieces;
        while listener.cursor.get() < to {
            listener.outbox.drained().await;
            if !listener.is_heard() || listener.outbox.is_closed() {
                return;
            }
            let batch = self.compose(listener, &stretch, pieces);
            if push(listener, &batch) == Pushed::No {
                self.rest().await;
                continue;
            }
            pieces = pieces.get(batch.used..).unwrap_or_default();
        }
    }

    fn compose<P: Piece>(&self, listener: &Listener, stretch: &Stretch, pieces: &[P]) -> Batch {
        let (from, reader): (Seq, _) = (listener.cursor.get(), listener.socket.identity.user);
        compose(stretch, from, reader, pieces, self.core.settings.batch_bytes)
    }
}

/// Queues a batch on a queue that has drained. One that is larger than the whole queue's limit uses the reserve.
fn push(listener: &Listener, batch: &Batch) -> Pushed {
    let outbox = &listener.outbox;
    if outbox.push(batch.frame.clone()).is_err() && outbox.push_reply(batch.frame.clone()).is_err() {
        return Pushed::No;
    }
    listener.cursor.set(batch.to);
    listener.owes_batch.set(batch.more);
    metrics::counter!("chat_messages_delivered_total").increment(batch.messages);
    Pushed::Yes
}
