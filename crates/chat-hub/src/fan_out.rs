//! The worker's task: empties its mailbox in one go and hands everything to its own sockets, so that many events become one
//! write per socket.

use std::{rc::Rc, sync::Arc};

use bytes::Bytes;
use chat_domain::{
    event::Eviction,
    ids::{RoomId, UserId},
    objects::LogHead,
    refusal::ResetReason,
};

use crate::{
    frames,
    listener::{Audience, Listener, Offered},
    mailbox::ToShard,
    recent::Recent,
    shard::Worker,
};

/// A mailbox that held more than this gives its memory back.
const USUAL_MESSAGES: usize = 4_096;

/// Every so-manieth event is timed.
const TIMED_EVERY: u64 = 64;

impl Worker {
    /// Until the hub stops.
    pub(crate) async fn run(self: Rc<Self>) {
        let stopped = self.core.stopped();
        tokio::pin!(stopped);
        let mut messages = Vec::new();
        loop {
            let lost = tokio::select! {
                biased;
                () = &mut stopped => return,
                lost = self.mailbox.take(&mut messages) => lost,
            };
            self.handle(&mut messages).await;
            if lost {
                metrics::counter!("chat_mailbox_overflows_total").increment(1);
                self.verify_all();
            }
            if messages.capacity() > USUAL_MESSAGES {
                messages = Vec::new();
            }
        }
    }

    async fn handle(self: &Rc<Self>, messages: &mut Vec<ToShard>) {
        let mut rest = messages.drain(..).peekable();
        let mut run = Vec::new();
        let mut deliveries = 0;
        while let Some(message) = rest.next() {
            let ToShard::Event(first) = message else {
                self.take(message);
                continue;
            };
            // Consecutive events of one room are handed to each socket together. One that removes somebody ends the run.
            let room = first.event.room;
            run.push(first);
            let goes_on = |last: Option<&Arc<Recent>>| last.is_some_and(|last| last.event.evicts().is_none());
            while goes_on(run.last())
                && let Some(ToShard::Event(next)) =
                    rest.next_if(|next| matches!(next, ToShard::Event(next) if next.event.room == room))
            {
                run.push(next);
            }
            deliveries += self.deliver(room, &run);
            run.clear();
            if deliveries > self.core.settings.fan_out_slice {
                // Let the sockets write: they must not fill up because this thread was busy filling them.
                deliveries = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    fn take(self: &Rc<Self>, message: ToShard) {
        match message {
            ToShard::Event(recent) => {
                self.deliver(recent.event.room, std::slice::from_ref(&recent));
            }
            ToShard::Verify(room) => self.verify(room),
            ToShard::Reset(room, reason, log) => self.reset_all(room, reason, &log),
            ToShard::Closed(room) => self.evict_all(room),
            ToShard::Typing { room, user, frame } => self.tell_typing(room, user, &frame),
            ToShard::Hint { socket, frame } => {
                if let Some(socket) = self.sockets.borrow().get(&socket) {
                    // A hint that does not fit leaves a gap in its numbers, which the client sees.
                    let _ = socket.outbox.push(frame);
                }
            }
            ToShard::Presence { user, frame } => {
                for socket in self.watchers.borrow().get(&user).into_iter().flatten() {
                    socket.outbox.push_ephemeral(frame.clone());
                }
            }
            ToShard::Signal { socket, signal } => {
                if let Some(socket) = self.sockets.borrow().get(&socket) {
                    socket.signal.raise(signal);
                }
            }
        }
    }

    /// Hands consecutive events of one room to its listeners; returns how many sockets were looked at, times events.
    fn deliver(self: &Rc<Self>, room: RoomId, run: &[Arc<Recent>]) -> usize {
        let Some(audience) = self.audience(room) else { return 0 };
        let mut behind = Vec::new();
        let (mut messages, mut looked_at) = (0, 0);
        audience.for_each(|listener| {
            looked_at += 1;
            #[cfg(feature = "sabotage")]
            self.core.pass(crate::CrashPoint::FanOut);
            messages += match listener.offer(run) {
                Offered::UpToDate(queued) => queued,
                Offered::Behind(queued) => {
                    behind.push(Rc::clone(listener));
                    queued
                }
            };
        });
        metrics::counter!("chat_messages_delivered_total").increment(messages);
        if let Some(last) = run.last() {
            self.evict_by(&audience, last);
        }
        for timed in run.iter().filter(|recent| recent.seq().is_multiple_of(TIMED_EVERY)) {
            metrics::histogram!("chat_commit_to_socket_seconds").record(timed.heard.elapsed().as_secs_f64());
        }
        for listener in behind {
            self.catch_up(listener);
        }
        looked_at * run.len()
    }

    /// Puts out whom this event removed. One whose cursor is beyond it came in again since, and was admitted on that.
    fn evict_by(&self, audience: &Audience, recent: &Recent) {
        let Some((user, reason)) = recent.event.evicts() else { return };
        let victims =
            audience.those(|listener| listener.socket.identity.user == user && listener.cursor.get() <= recent.seq());
        for victim in victims {
            self.evict(&victim, reason);
        }
    }

    /// Nothing more of the room reaches this socket, and it is told so.
    pub(crate) fn evict(&self, listener: &Listener, reason: Eviction) {
        self.leave(listener);
        listener.socket.reply(frames::evicted(listener.room(), reason));
    }

    /// The room must be loaded anew by this socket.
    pub(crate) fn reset(&self, listener: &Listener, reason: ResetReason, log: LogHead) {
        self.leave(listener);
        listener.socket.reply(frames::reset(listener.room(), reason, log));
    }

    fn verify_all(self: &Rc<Self>) {
        let mut rooms: Vec<_> = self.rooms.borrow().keys().copied().collect();
        rooms.sort();
        for room in rooms {
            self.verify(room);
        }
    }

    /// Finds those who are out of the room, and those who are behind its head.
    fn verify(self: &Rc<Self>, room: RoomId) {
        let Some(audience) = self.audience(room) else { return };
        let head = audience.live.head();
        for listener in audience.those(|_| true) {
            if let Some(reason) = audience.live.gone(listener.socket.identity.user) {
                self.evict(&listener, reason);
            } else if listener.is_live.get() && listener.cursor.get() < head {
                listener.is_live.set(false);
                self.catch_up(listener);
            }
        }
    }

    fn reset_all(&self, room: RoomId, reason: ResetReason, log: &LogHead) {
        let Some(audience) = self.audience(room) else { return };
        // Those who came since belong to the new history, and those who heard no more than is left need nothing.
        for listener in audience.those(|listener| listener.epoch != log.epoch || listener.cursor.get() > log.head) {
            self.reset(&listener, reason, log.clone());
        }
    }

    fn evict_all(&self, room: RoomId) {
        let Some(audience) = self.audience(room) else { return };
        // The room may have been opened again since: then those are other listeners.
        if audience.live.log().is_none() {
            for listener in audience.those(|_| true) {
                self.evict(&listener, Eviction::Deleted);
            }
        }
    }

    fn tell_typing(&self, room: RoomId, user: UserId, frame: &Bytes) {
        if let Some(audience) = self.audience(room) {
            audience.for_each(|listener| {
                if listener.socket.identity.user != user {
                    listener.outbox.push_ephemeral(frame.clone());
                }
            });
        }
    }
}
