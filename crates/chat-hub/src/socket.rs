//! One signed-in socket, as its own loop handles it.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use bytes::Bytes;
use chat_domain::{
    ids::{RoomId, Seq, SessionId, UserId},
    objects::{LogHead, User},
    pages::Cursor,
    ports::{Note, Status},
    refusal::{Refusal, ResetReason},
};

use crate::{
    Signal, frames,
    listener::Listener,
    mailbox::{SocketId, ToShard},
    outbox::Outbox,
    shard::Worker,
    signal::SignalCell,
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
    pub(crate) worker: Rc<Worker>,
    pub(crate) state: Rc<SocketState>,
}

/// What the worker knows of a socket.
pub(crate) struct SocketState {
    pub(crate) id: SocketId,
    pub(crate) identity: Identity,
    pub(crate) outbox: Outbox,
    pub(crate) signal: SignalCell,
    pub(crate) listeners: RefCell<HashMap<RoomId, Rc<Listener>>>,
    /// Whose presence it hears.
    pub(crate) watching: RefCell<Vec<UserId>>,
}

impl SocketState {
    /// Queues something that the client must hear even when the queue is full of events.
    pub(crate) fn reply(&self, frame: Bytes) {
        if self.outbox.push_reply(frame).is_err() {
            tracing::warn!(socket = self.id, "a queue is full beyond its reserve");
        }
    }
}

/// Where a socket hears what the hub wants of it; clones share it.
#[derive(Clone)]
pub struct Signals {
    state: Rc<SocketState>,
}

impl Signals {
    /// The next signal; waits for ever when there is none. Losing the future loses nothing.
    pub async fn next(&self) -> Signal {
        self.state.signal.next().await
    }
}

impl Socket {
    pub(crate) fn new(worker: Rc<Worker>, id: SocketId, identity: Identity, outbox: Outbox) -> Self {
        let state = Rc::new(SocketState {
            id,
            identity,
            outbox,
            signal: SignalCell::default(),
            listeners: RefCell::default(),
            watching: RefCell::default(),
        });
        worker.sockets.borrow_mut().insert(id, Rc::clone(&state));
        Self { worker, state }
    }

    /// For the loop's `select!`.
    #[must_use]
    pub fn signals(&self) -> Signals {
        Signals { state: Rc::clone(&self.state) }
    }

    /// How many rooms it hears.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.state.listeners.borrow().len()
    }

    /// Whether it hears this one.
    #[must_use]
    pub fn is_subscribed(&self, room: RoomId) -> bool {
        self.state.listeners.borrow().contains_key(&room)
    }

    /// What this socket says of its user: `Online` or `Away`.
    pub fn set_status(&self, status: Status) {
        let core = &self.worker.core;
        core.people.set_status(self.state.identity.user, self.state.id, status);
        core.presence.touch(self.state.identity.user);
    }

    /// Tells the room's listeners, on every node; silently nothing when the user may not speak there.
    pub async fn typing(&self, room: RoomId, on: bool) {
        let (core, user) = (&self.worker.core, self.state.identity.user);
        let Ok(live) = core.open_room(room).await else { return };
        if live.may_speak(user, core.ports.clock.now()) {
            live.tell(&ToShard::Typing { room, user, frame: frames::typing(room, user, on) });
            core.ports.bus.publish(Note::Typing { room, user, on });
        }
    }

    /// What the next heartbeat tells. A room that is being caught up with is left out: its batches tell it.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        let listeners = self.state.listeners.borrow();
        let moved = |listener: &&Rc<Listener>| {
            let head = listener.live.head();
            listener.is_live.get() && listener.beat.replace(head) < head
        };
        let mut heads: Vec<_> =
            listeners.values().filter(moved).map(|listener| (listener.room(), listener.beat.get())).collect();
        heads.sort();
        Heartbeat { heads, seq: self.worker.core.people.seq(self.state.identity.user) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let state = &self.state;
        let mut listeners: Vec<_> = state.listeners.borrow().values().cloned().collect();
        listeners.sort_by_key(|listener| listener.room());
        for listener in listeners {
            self.worker.leave(&listener);
        }
        self.watch_nobody();
        self.worker.sockets.borrow_mut().remove(&state.id);
        let core = &self.worker.core;
        if core.people.leave(state.identity, state.id) {
            core.let_leave(state.identity.user);
        } else {
            core.presence.touch(state.identity.user);
        }
    }
}
