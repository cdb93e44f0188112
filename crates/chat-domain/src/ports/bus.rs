//! The port between nodes: hints only. Losing, repeating or reordering any of it costs latency, never a message.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    event::{Event, Hint},
    ids::{RoomId, SessionId, UserId},
};

/// What one node tells the others.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A committed change of a room, with the frame that was encoded for sockets.
    Event {
        /// The change.
        event: Arc<Event>,
        /// Ready for any socket.
        frame: Bytes,
    },
    /// A room is gone.
    Closed(RoomId),
    /// A committed change of a user's own world.
    Hint(Arc<Hint>),
    /// Sessions ended.
    Ended(Vec<SessionId>),
    /// Somebody types, or stopped.
    Typing {
        /// Where.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Started or stopped.
        on: bool,
    },
    /// A user's presence changed.
    Presence {
        /// Whose.
        user: UserId,
        /// What it is now.
        status: super::Status,
    },
}

/// What a node hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A note of another node.
    Note(Note),
    /// Something may have been missed, or will be from now on: verify the heads.
    Interrupted,
}

/// What a node listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Events and typing of a room.
    Room(RoomId),
    /// Hints and presence of a user.
    User(UserId),
}

/// Carries notes between nodes, at most once, in no order. A node never hears its own.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Tells the other nodes; never waits, drops when it must.
    fn publish(&self, note: Note);

    /// Starts hearing a topic, surely after [`Bus::settles_within`]. Ended sessions are heard always.
    fn listen(&self, topic: Topic);

    /// How long after [`Bus::listen`] something may still be missed without a word; zero when it hears at once, or never.
    fn settles_within(&self) -> Duration;

    /// Stops hearing a topic.
    fn unlisten(&self, topic: Topic);

    /// The next thing heard; waits for ever when there is nothing. One caller at a time.
    async fn heard(&self) -> Heard;

    /// Whether it carries at present; polling is quicker while it does not.
    fn is_healthy(&self) -> bool;
}
