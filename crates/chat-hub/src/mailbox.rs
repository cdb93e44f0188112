//! What the engine tells a worker: a bounded queue that a worker empties in one go.
//!
//! Losing an event is allowed, because listeners keep cursors: a worker whose queue overflowed is told so and verifies them
//! all. What must arrive (the end of a session, of a room, of a history) is few by nature and always queued.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chat_domain::{
    ids::{RoomId, UserId},
    objects::LogHead,
    refusal::ResetReason,
};
use tokio::sync::Notify;

use crate::{Signal, core::lock, recent::Recent};

/// A socket of this node; never given out again while the node lives.
pub(crate) type SocketId = u64;

/// What a worker is told.
#[derive(Clone, Debug)]
pub(crate) enum ToShard {
    /// A change of a room, in `seq` order but for losses.
    Event(Arc<Recent>),
    /// The room moved without events: look at its head and its members.
    Verify(RoomId),
    /// Every cursor of the room is void.
    Reset(RoomId, ResetReason, LogHead),
    /// The room is gone.
    Closed(RoomId),
    /// Somebody types.
    Typing { room: RoomId, user: UserId, frame: Bytes },
    /// A frame for one socket about its own world.
    Hint { socket: SocketId, frame: Bytes },
    /// A frame for those who watch a user.
    Presence { user: UserId, frame: Bytes },
    /// For a socket's loop.
    Signal { socket: SocketId, signal: Signal },
}

/// A worker's queue.
#[derive(Debug)]
pub(crate) struct Mailbox {
    limit: usize,
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: Vec<ToShard>,
    overflowed: bool,
    closed: bool,
}

impl Mailbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, queue: Mutex::default(), arrived: Notify::new() }
    }

    /// Queues what may be lost.
    pub(crate) fn post(&self, message: ToShard) {
        self.post_all(std::iter::once(message));
    }

    /// Queues what may be lost, all under one lock and with one wake.
    pub(crate) fn post_all(&self, messages: impl Iterator<Item = ToShard>) {
        let mut queue = lock(&self.queue);
        let was_empty = queue.is_empty();
        for message in messages {
            if queue.messages.len() < self.limit {
                queue.push(message);
            } else {
                queue.overflowed = true;
            }
        }
        self.wake(was_empty, queue.is_empty());
    }

    /// Queues what must arrive.
    pub(crate) fn insist(&self, message: ToShard) {
        let mut queue = lock(&self.queue);
        let was_empty = queue.is_empty();
        queue.push(message);
        self.wake(was_empty, queue.is_empty());
    }

    /// A worker that has something to read has been woken for it already.
    fn wake(&self, was_empty: bool, is_empty: bool) {
        if was_empty && !is_empty {
            self.arrived.notify_one();
        }
    }

    /// Waits for something, then hands over all of it; `true` when something was lost before.
    pub(crate) async fn take(&self, into: &mut Vec<ToShard>) -> bool {
        loop {
            {
                let mut queue = lock(&self.queue);
                if !queue.is_empty() {
                    std::mem::swap(&mut queue.messages, into);
                    return std::mem::take(&mut queue.overflowed);
                }
            }
            self.arrived.notified().await;
        }
    }

    /// The worker is gone: nothing is queued any more.
    pub(crate) fn close(&self) {
        *lock(&self.queue) = Queue { closed: true, ..Queue::default() };
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.messages.is_empty() && !self.overflowed
    }

    fn push(&mut self, message: ToShard) {
        if !self.closed {
            self.messages.push(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typing() -> ToShard {
        let room = RoomId(uuid::Uuid::nil());
        ToShard::Typing { room, user: UserId(uuid::Uuid::nil()), frame: Bytes::new() }
    }

    #[tokio::test]
    async fn a_full_mailbox_drops_and_says_so_but_takes_what_must_arrive() {
        let mailbox = Mailbox::new(2);
        mailbox.post_all((0..3).map(|_| typing()));
        mailbox.insist(ToShard::Closed(RoomId(uuid::Uuid::nil())));
        let mut taken = Vec::new();
        assert!(mailbox.take(&mut taken).await);
        assert_eq!(taken.len(), 3);
        assert!(matches!(taken.last(), Some(ToShard::Closed(_))));
    }

    #[tokio::test]
    async fn what_arrives_while_nobody_waits_is_not_forgotten() {
        let mailbox = Mailbox::new(2);
        mailbox.post(typing());
        let mut taken = Vec::new();
        assert!(!mailbox.take(&mut taken).await);
        taken.clear();
        let (lost, ()) = tokio::join!(mailbox.take(&mut taken), async { mailbox.post(typing()) });
        assert!(!lost);
        assert_eq!(taken.len(), 1);
    }

    #[tokio::test]
    async fn a_closed_mailbox_keeps_nothing() {
        let mailbox = Mailbox::new(2);
        mailbox.post(typing());
        mailbox.close();
        mailbox.insist(typing());
        assert!(lock(&mailbox.queue).is_empty());
    }
}
