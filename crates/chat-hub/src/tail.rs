//! The tail of logs: what this node commits is kept where others find it, and a room that becomes live here begins with it, so
//! that those who come back after a node's death seldom cost a question to the record.

use std::sync::{Arc, PoisonError, RwLock};

use chat_domain::{
    event::{Event, Object},
    ids::{RoomId, Seq},
    objects::{Epoch, LogHead},
};

use crate::{core::Core, recent::Recent};

/// The history this node writes in, once it knows: what is kept is kept under its name.
#[derive(Default)]
pub(crate) struct TailDesk {
    epoch: RwLock<Option<Epoch>>,
}

impl TailDesk {
    /// The record said so.
    pub(crate) fn learn(&self, epoch: &Epoch) {
        let known = || self.epoch.read().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(epoch);
        if !known() {
            *self.epoch.write().unwrap_or_else(PoisonError::into_inner) = Some(epoch.clone());
        }
    }

    fn epoch(&self) -> Option<Epoch> {
        self.epoch.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What changed in (`after`, head of the log], as it happened.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) after: Seq,
    pub(crate) objects: Vec<Object>,
}

impl Past {
    /// A run of events without a hole; `None` of nothing.
    pub(crate) fn of(events: Vec<Arc<Event>>) -> Option<Self> {
        let after = events.first()?.seq.checked_sub(1)?;
        Some(Self { after, objects: events.into_iter().map(|event| event.object.clone()).collect() })
    }
}

impl Core {
    /// Keeps what was committed in one room.
    pub(crate) fn keep_tail(&self, events: &[Arc<Recent>]) {
        if let Some(epoch) = self.tail.epoch() {
            let events: Vec<_> = events.iter().map(|recent| Arc::clone(&recent.event)).collect();
            self.ports.tail.keep(&epoch, &events);
        }
    }

    /// What led to where the log stands, as far as it is kept. Asked only while the nodes' line carries: the record is never
    /// far, and a room must not wait for a cache that hangs.
    pub(crate) async fn recall_tail(&self, room: RoomId, log: &LogHead) -> Option<Past> {
        if !self.ports.bus.is_healthy() {
            return None;
        }
        let (tail, wanted, most) = (Arc::clone(&self.ports.tail), log.clone(), self.settings.ring_events);
        match self.ask(async move { tail.recent(room, &wanted, most).await }).await {
            Ok(events) => Past::of(events),
            Err(error) => {
                tracing::debug!(%room, %error, "the tail of a log could not be read");
                None
            }
        }
    }
}
