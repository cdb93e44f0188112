//! A committed change on its way to listeners: the event, and the one frame that everybody gets.

use std::sync::Arc;

use bytes::Bytes;
use chat_domain::{
    event::{Event, Object},
    ids::Seq,
};
use tokio::time::Instant;

use crate::frames::{self, EventFrame};

/// An event of a room's log with its frame, encoded once, WebSocket header included.
#[derive(Debug)]
pub(crate) struct Recent {
    pub(crate) event: Arc<Event>,
    pub(crate) frame: Bytes,
    /// When this node learnt of the commit.
    pub(crate) heard: Instant,
}

impl Recent {
    /// Of a commit of this node.
    pub(crate) fn of(event: Event) -> Self {
        let frame = frames::encode(&EventFrame::from(&event));
        Self { event: Arc::new(event), frame, heard: Instant::now() }
    }

    /// From another node, which encoded it.
    pub(crate) fn heard(event: Arc<Event>, frame: Bytes) -> Self {
        Self { event, frame, heard: Instant::now() }
    }

    pub(crate) fn seq(&self) -> Seq {
        self.event.seq
    }

    pub(crate) fn is_message(&self) -> bool {
        matches!(self.event.object, Object::Message(_))
    }
}
