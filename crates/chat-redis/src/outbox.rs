//! What waits to be sent to Redis: bounded in number and in bytes, filled without waiting, emptied by one task.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chat_domain::ids::Seq;
use tokio::sync::Notify;

/// Something to be sent that nobody waits for.
#[derive(Debug)]
pub(crate) enum Order {
    /// A note.
    Publish { channel: String, payload: Vec<u8> },
    /// The newest events of a room, as JSON.
    Keep { key: String, events: Vec<(Seq, Vec<u8>)> },
}

impl Order {
    fn bytes(&self) -> usize {
        match self {
            Self::Publish { channel, payload } => channel.len() + payload.len(),
            Self::Keep { key, events } => key.len() + events.iter().map(|(_, event)| event.len()).sum::<usize>(),
        }
    }
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
    most: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    orders: VecDeque<Order>,
    bytes: usize,
}

impl Outbox {
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        Self { waiting: Mutex::default(), filled: Notify::new(), most, most_bytes }
    }

    /// Puts it at the end, unless that would be too much: then it is given back.
    pub(crate) fn put(&self, order: Order) -> Result<(), Order> {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + order.bytes();
        if waiting.orders.len() >= self.most || bytes > self.most_bytes {
            return Err(order);
        }
        waiting.bytes = bytes;
        waiting.orders.push_back(order);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// The first of what waits, up to about so many bytes; empty when nothing does.
    pub(crate) fn take(&self, most: usize, most_bytes: usize) -> Vec<Order> {
        let mut waiting = self.lock();
        let (mut taken, mut bytes) = (Vec::with_capacity(waiting.orders.len().min(most)), 0);
        while taken.len() < most && bytes < most_bytes {
            let Some(order) = waiting.orders.pop_front() else { break };
            bytes += order.bytes();
            taken.push(order);
        }
        waiting.bytes -= bytes;
        taken
    }

    /// Comes back when something was put since the last time; possibly taken already.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(bytes: usize) -> Order {
        Order::Publish { channel: String::new(), payload: vec![0; bytes] }
    }

    #[test]
    fn it_is_bounded_in_number_and_in_bytes() {
        let outbox = Outbox::new(3, 100);
        assert!(outbox.put(order(60)).is_ok());
        assert!(outbox.put(order(41)).is_err());
        assert!(outbox.put(order(20)).is_ok());
        assert!(outbox.put(order(20)).is_ok());
        assert!(outbox.put(order(0)).is_err());
        assert_eq!(outbox.take(1, 1_000).len(), 1);
        assert!(outbox.put(order(60)).is_ok());
        assert_eq!(outbox.take(10, 30).len(), 2, "not more than one beyond that many bytes");
        assert_eq!(outbox.take(10, 1_000).len(), 1);
        assert!(outbox.take(10, 1_000).is_empty());
    }
}
