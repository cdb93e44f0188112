//! The port for the tail of logs: recent changes of rooms, kept where every node finds them. A cache, never the truth.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    event::Event,
    ids::RoomId,
    objects::{Epoch, LogHead},
    refusal::Unavailable,
};

/// Recent events of each room, so that a node that begins to hold a room live need not read them from the record. It may
/// forget anything at any time; what it does return is as it was committed.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Tail: Send + Sync {
    /// Keeps committed events of one room, by `seq`; never waits, drops when it must.
    fn keep(&self, epoch: &Epoch, events: &[Arc<Event>]);

    /// The longest run of kept events without a hole that ends exactly at `log.head`, of that epoch, oldest first, at
    /// most `limit`. Empty when the event at the head is not kept.
    async fn recent(&self, room: RoomId, log: &LogHead, limit: usize) -> Result<Vec<Arc<Event>>, Unavailable>;
}
