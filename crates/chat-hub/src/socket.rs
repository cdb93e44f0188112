//! One signed-in socket, as its own loop handles it.

use std::sync::Arc;

use chat_domain::{
    ids::{RoomId, Seq, SessionId, UserId},
    objects::{LogHead, User},
    pages::Cursor,
    ports::Status,
    refusal::{Refusal, ResetReason},
};

/// Who a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Signed in.
    pub user: UserId,
    /// By which sign-in.
    pub session: SessionId,
}

/// What `ready` tells of the hub's world.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Oneself.
    pub user: Arc<User>,
    /// The number of the newest hint about one's own world.
    pub seq: Seq,
}

/// What the hub wants of a socket's loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Say `bye` and close.
    Close {
        /// 4403, 4409, 1011 or 1012.
        code: u16,
        /// For `bye`.
        reason: &'static str,
        /// Whether the client should come back.
        reconnect: bool,
        /// When, in milliseconds.
        retry_ms: Option<u64>,
    },
}

/// A room that a client wants to hear.
#[derive(Clone, Debug)]
pub struct SubscribeRequest {
    /// `None` when the client's text names no room at all.
    pub room: Option<RoomId>,
    /// From where; `None` starts at the head.
    pub cursor: Option<Cursor>,
}

/// What comes of a [`SubscribeRequest`].
#[derive(Clone, Debug, PartialEq)]
pub enum SubscribeAnswer {
    /// Events follow from `log.head`.
    Live {
        /// Where the log stands.
        log: LogHead,
    },
    /// Batches follow, then events.
    CatchUp {
        /// Where the log stands.
        log: LogHead,
    },
    /// Not subscribed: load the room anew.
    Reset {
        /// Why.
        reason: ResetReason,
        /// Where the log stands.
        log: LogHead,
    },
    /// Not subscribed.
    Error(Refusal),
}

/// What a heartbeat tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Heads of subscribed rooms that moved since the last heartbeat.
    pub heads: Vec<(RoomId, Seq)>,
    /// The number of the newest hint about one's own world.
    pub seq: Seq,
}

/// One signed-in socket. Dropping it takes it out of everything.
pub struct Socket {
    _private: (),
}

/// Where a socket hears what the hub wants of it; clones share it.
#[derive(Clone)]
pub struct Signals {
    _private: (),
}

impl Signals {
    /// The next signal; waits for ever when there is none. Losing the future loses nothing.
    pub async fn next(&self) -> Signal {
        std::future::pending().await
    }
}

impl Socket {
    /// For the loop's `select!`.
    #[must_use]
    pub fn signals(&self) -> Signals {
        Signals { _private: () }
    }

    /// Hears these rooms, from where each request says; a room heard already is repositioned. `answer` gets one answer per
    /// request, in their order, when all rooms are decided; what it queues comes before the first frame of any of them.
    pub async fn subscribe(&self, requests: Vec<SubscribeRequest>, answer: impl FnOnce(Vec<SubscribeAnswer>)) {
        answer(requests.iter().map(|_| SubscribeAnswer::Error(Refusal::NotFound)).collect());
    }

    /// Hears these rooms no more.
    pub fn unsubscribe(&self, rooms: &[RoomId]) {
        let _ = rooms;
    }

    /// How many rooms it hears.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        0
    }

    /// Whether it hears this one.
    #[must_use]
    pub fn is_subscribed(&self, room: RoomId) -> bool {
        let _ = room;
        false
    }

    /// Replaces the set of users whose presence this socket hears, and pushes the present state of each. Those who share no
    /// room with the socket's user are ignored.
    ///
    /// # Errors
    /// `Unavailable`: the set stays as it was.
    pub async fn watch(&self, users: Vec<UserId>) -> Result<(), Refusal> {
        let _ = users;
        Ok(())
    }

    /// What this socket says of its user: `Online` or `Away`.
    pub fn set_status(&self, status: Status) {
        let _ = status;
    }

    /// Tells the room's listeners; silently nothing when the user may not speak there.
    pub async fn typing(&self, room: RoomId, on: bool) {
        let _ = (room, on);
    }

    /// What the next heartbeat tells.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        Heartbeat { heads: Vec::new(), seq: 0 }
    }
}
