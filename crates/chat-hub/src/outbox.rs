//! The outbound queue of one socket: ready-made frames, bounded in bytes, single-threaded.
//!
//! The hub must never wait for a socket, so it only ever *tries* to queue: a durable event that does not fit is refused and its
//! room catches up later, an ephemeral one is dropped early, an answer has a reserve of its own. The other end is the body of
//! the HTTP response, which takes frames out as fast as the connection drains. Everything stays on the thread of one socket
//! (`Rc`, `Cell`), so a delivery costs no lock and no atomic operation but the reference count of its bytes.
//! This module knows neither HTTP nor rooms.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

/// Bytes that answers and control frames may use beyond the limit. What needs it is bounded by the requests in flight.
pub const REPLY_RESERVE: usize = 256 * 1024;

/// The most bytes handed out at a time. A longer frame leaves in slices, so that the write buffer of its connection, which
/// keeps its largest size for as long as the connection lives, stays small.
pub const CHUNK: usize = 8 * 1024;

/// Room for this many frames is kept when the queue runs empty; more is given back.
const IDLE_FRAMES: usize = 8;

/// The frame did not fit; nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the outbound queue is full")]
pub struct Full;

/// A handle on the outbound queue of one socket; clones share the queue.
///
/// A push to an outbox that is finished, aborted or whose consumer is gone succeeds and goes nowhere: the socket is over, and
/// its client resumes elsewhere.
#[derive(Debug, Clone)]
pub struct Outbox {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    queue: RefCell<Queue>,
    /// Told when the queue falls below low water, when the last answer leaves, and when it closes.
    changed: Notify,
}

#[derive(Debug)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    replies: usize,
    was_full: bool,
    phase: Phase,
    progress: Option<Instant>,
    consumer: Option<Waker>,
}

#[derive(Debug)]
struct Frame {
    bytes: Bytes,
    is_reply: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Finishing,
    Aborted,
    /// The consumer was dropped: the connection is gone.
    Gone,
}

impl Outbox {
    /// An empty queue that takes up to `limit_bytes` of durable events.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            shared: Rc::new(Shared {
                limit: limit_bytes,
                queue: RefCell::new(Queue {
                    frames: VecDeque::new(),
                    bytes: 0,
                    replies: 0,
                    was_full: false,
                    phase: Phase::Open,
                    progress: None,
                    consumer: None,
                }),
                changed: Notify::new(),
            }),
        }
    }

    /// Queues a durable event.
    ///
    /// # Errors
    /// [`Full`] when the queue would exceed its limit. The caller must stop pushing events of that room, and read what was
    /// missed from the record after [`Outbox::drained`].
    pub fn push(&self, frame: Bytes) -> Result<(), Full> {
        self.queue(frame, self.shared.limit, false)
    }

    /// Queues an answer or a control frame (pong, heartbeat, evicted, bye, close): these may use [`REPLY_RESERVE`] beyond the
    /// limit, so that a socket full of events still answers.
    ///
    /// # Errors
    /// [`Full`] past the reserve too, which only a client that breaks the limit of requests in flight can reach.
    pub fn push_reply(&self, frame: Bytes) -> Result<(), Full> {
        self.queue(frame, self.shared.limit + REPLY_RESERVE, true)
    }

    /// Queues an ephemeral event (typing, presence) while the queue is under half of its limit; otherwise drops it and
    /// returns `false`.
    pub fn push_ephemeral(&self, frame: Bytes) -> bool {
        let mut queue = self.shared.queue.borrow_mut();
        if queue.bytes >= self.shared.limit / 2 {
            return false;
        }
        queue.append(frame, false);
        true
    }

    fn queue(&self, frame: Bytes, limit: usize, is_reply: bool) -> Result<(), Full> {
        let mut queue = self.shared.queue.borrow_mut();
        if queue.bytes + frame.len() > limit && queue.phase == Phase::Open {
            queue.was_full = true;
            return Err(Full);
        }
        queue.append(frame, is_reply);
        Ok(())
    }

    /// Bytes queued and not yet taken out.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.shared.queue.borrow().bytes
    }

    /// Whether the queue holds at most a quarter of its limit.
    #[must_use]
    pub fn is_below_low_water(&self) -> bool {
        self.queued_bytes() <= self.shared.low_water()
    }

    /// Whether a frame was refused since the queue was last below low water.
    #[must_use]
    pub fn was_full(&self) -> bool {
        self.shared.queue.borrow().was_full
    }

    /// Answers queued and not yet taken out: requests whose answer the client cannot have seen.
    #[must_use]
    pub fn unflushed_replies(&self) -> usize {
        self.shared.queue.borrow().replies
    }

    /// When the connection last took something out or, if later, when the queue turned from empty to not empty; `None` while
    /// the queue is empty. A value long past means a write that makes no progress.
    #[must_use]
    pub fn last_progress(&self) -> Option<Instant> {
        let queue = self.shared.queue.borrow();
        queue.progress.filter(|_| !queue.frames.is_empty())
    }

    /// Resolves when the queue is below low water, or closed.
    pub async fn drained(&self) {
        self.until(|queue| queue.bytes <= self.shared.low_water() || queue.phase != Phase::Open).await;
    }

    /// Resolves when every answer was taken out, or the outbox is closed.
    pub async fn replies_flushed(&self) {
        self.until(|queue| queue.replies == 0 || queue.phase != Phase::Open).await;
    }

    /// Resolves when the consumer was dropped: the connection is gone.
    pub async fn closed(&self) {
        self.until(|queue| queue.phase == Phase::Gone).await;
    }

    async fn until(&self, holds: impl Fn(&Queue) -> bool) {
        loop {
            // Made before the look at the queue: on one thread nothing can change in between.
            let changed = self.shared.changed.notified();
            if holds(&self.shared.queue.borrow()) {
                return;
            }
            changed.await;
        }
    }

    /// Takes no more frames; the consumer ends once it has taken out what is queued.
    pub fn finish(&self) {
        self.enter(Phase::Finishing);
    }

    /// Takes no more frames and drops what is queued; the consumer ends at once.
    pub fn abort(&self) {
        self.enter(Phase::Aborted);
    }

    /// Whether [`Outbox::abort`] was called while somebody consumed.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.shared.queue.borrow().phase == Phase::Aborted
    }

    /// Whether pushes go nowhere: finished, aborted, or the consumer is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.queue.borrow().phase != Phase::Open
    }

    fn enter(&self, phase: Phase) {
        let waker = {
            let mut queue = self.shared.queue.borrow_mut();
            if queue.phase == Phase::Gone || queue.phase == Phase::Aborted && phase == Phase::Finishing {
                return;
            }
            queue.phase = phase;
            if phase != Phase::Finishing {
                queue.frames = VecDeque::new();
                queue.bytes = 0;
                queue.replies = 0;
            }
            queue.consumer.take()
        };
        self.shared.changed.notify_waiters();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// For the consumer: the next at most [`CHUNK`] bytes; `None` after [`Outbox::finish`] and the last byte, or
    /// [`Outbox::abort`].
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut queue = self.shared.queue.borrow_mut();
        let (before, replies) = (queue.bytes, queue.replies);
        let Some(chunk) = queue.take_chunk() else {
            if queue.phase == Phase::Open {
                queue.register(context);
                return Poll::Pending;
            }
            return Poll::Ready(None);
        };
        let low = self.shared.low_water();
        let sank = before > low && queue.bytes <= low;
        if sank {
            queue.was_full = false;
        }
        let answered = replies > 0 && queue.replies == 0;
        drop(queue);
        if sank || answered {
            self.shared.changed.notify_waiters();
        }
        Poll::Ready(Some(chunk))
    }

    /// For the consumer, when it is dropped: closes the outbox and frees what is queued.
    pub fn consumer_gone(&self) {
        self.enter(Phase::Gone);
    }
}

impl Shared {
    fn low_water(&self) -> usize {
        self.limit / 4
    }
}

impl Queue {
    fn append(&mut self, bytes: Bytes, is_reply: bool) {
        if self.phase != Phase::Open || bytes.is_empty() {
            return;
        }
        if self.frames.is_empty() {
            // The clock is read when waiting begins, not for every delivery.
            self.progress = Some(Instant::now());
            if let Some(waker) = self.consumer.take() {
                waker.wake();
            }
        }
        self.bytes += bytes.len();
        self.replies += usize::from(is_reply);
        self.frames.push_back(Frame { bytes, is_reply });
    }

    fn take_chunk(&mut self) -> Option<Bytes> {
        let front = self.frames.front_mut()?;
        let chunk = front.bytes.split_to(front.bytes.len().min(CHUNK));
        self.bytes -= chunk.len();
        if front.bytes.is_empty() {
            self.replies -= usize::from(front.is_reply);
            self.frames.pop_front();
        }
        if !self.frames.is_empty() {
            self.progress = Some(Instant::now());
        } else if self.frames.capacity() > IDLE_FRAMES {
            self.frames = VecDeque::new();
        }
        Some(chunk)
    }

    fn register(&mut self, context: &Context<'_>) {
        if !self.consumer.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            self.consumer = Some(context.waker().clone());
        }
    }
}

#[cfg(test)]
mod tests;
