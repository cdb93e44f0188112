//! A room that somebody on this node listens to: its state under a lock, and the workers that listen.
//!
//! Critical sections are short and never wait. What goes to workers is queued under the lock, so that each worker gets a
//! room's events in their order. A worker is added under the same lock under which a subscriber learns the head: whatever comes
//! after that head reaches the worker's mailbox.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use chat_domain::{
    event::Eviction,
    ids::{RoomId, Seq, UserId},
    objects::{Epoch, LogHead},
    pages::{Changes, Cursor, LiveSnapshot},
    refusal::{Refusal, ResetReason, Unavailable},
    timestamp::Timestamp,
};
use tokio::sync::Notify;

use crate::{
    HubSettings,
    core::lock,
    flight::Flight,
    mailbox::{Mailbox, ToShard},
    recent::Recent,
    room_state::{Early, Missed, Need, Reloaded, RoomState, Start, hold_early},
    tail::Past,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct LiveRoom {
    pub(crate) id: RoomId,
    /// The head of the log, for those who only want to look.
    head: AtomicU64,
    pub(crate) inner: Mutex<Inner>,
    /// Told when the room is open, and after each run of a flight.
    pub(crate) changed: Notify,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Inner {
    phase: Phase,
    shards: Vec<Arc<Mailbox>>,
    /// Reading what lies after the head.
    pub(crate) repair: Flight,
    /// What came of the last such reading.
    pub(crate) repaired: Result<(), Unavailable>,
    /// Reading what lies before the ring.
    pub(crate) recall: Flight,
    /// From where the next such reading must begin.
    pub(crate) recall_from: Option<Seq>,
    /// Somebody will look whether a gap has closed.
    gap_watched: bool,
}

#[derive(Debug)]
enum Phase {
    /// The record is being asked; what is heard meanwhile waits.
    Opening(Early),
    Open(Box<RoomState>),
    /// No such room, or none that could be opened.
    Closed(Refusal),
}

/// How the record's head compares with the room's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// Nothing is missing.
    Fine,
    /// There are changes that were not heard here.
    Behind,
    /// Changes that were heard here are not in the record any more, and it does not say so by another epoch.
    Rewound,
    /// The log was rewound.
    OtherHistory,
}

/// A place in a room.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) start: Start,
    pub(crate) log: LogHead,
}

impl LiveRoom {
    pub(crate) fn opening(id: RoomId) -> Self {
        let inner = Inner {
            phase: Phase::Opening(Early::new()),
            shards: Vec::new(),
            repair: Flight::default(),
            repaired: Ok(()),
            recall: Flight::default(),
            recall_from: None,
            gap_watched: false,
        };
        Self { id, head: AtomicU64::new(0), inner: Mutex::new(inner), changed: Notify::new() }
    }

    /// Waits until the record has answered.
    pub(crate) async fn opened(&self) -> Result<(), Refusal> {
        loop {
            let changed = self.changed.notified();
            match &lock(&self.inner).phase {
                Phase::Opening(_) => {}
                Phase::Open(_) => return Ok(()),
                Phase::Closed(refusal) => return Err(refusal.clone()),
            }
            changed.await;
        }
    }

    /// The record's answer, and what led to it as far as that is kept; `true` when an event waits for a predecessor.
    pub(crate) fn open(&self, snapshot: LiveSnapshot, past: Option<Past>, settings: &HubSettings) -> bool {
        let mut inner = lock(&self.inner);
        let Phase::Opening(early) = &mut inner.phase else { return false };
        let head = snapshot.log.head;
        let mut state = RoomState::new(snapshot, std::mem::take(early), settings);
        if let Some(past) = past {
            state.learn_past(past.after, head, past.objects);
        }
        let has_gap = state.has_gap();
        self.publish_head(&state);
        inner.phase = Phase::Open(Box::new(state));
        self.changed.notify_waiters();
        has_gap && !std::mem::replace(&mut inner.gap_watched, true)
    }

    /// No such room, or the record does not answer; listeners are told.
    pub(crate) fn close(&self, refusal: Refusal) {
        let mut inner = lock(&self.inner);
        inner.phase = Phase::Closed(refusal);
        for shard in &inner.shards {
            shard.insist(ToShard::Closed(self.id));
        }
        inner.shards.clear();
        self.changed.notify_waiters();
    }

    /// Takes events in any order and tells the workers; `true` when one waits for a predecessor and nobody watches that yet.
    pub(crate) fn apply(&self, events: Vec<Arc<Recent>>) -> bool {
        let mut inner = lock(&self.inner);
        let Inner { phase, shards, gap_watched, .. } = &mut *inner;
        match phase {
            Phase::Opening(early) => {
                events.into_iter().for_each(|recent| hold_early(early, recent));
                false
            }
            Phase::Closed(_) => false,
            Phase::Open(state) => {
                let mut out = Vec::with_capacity(events.len());
                events.into_iter().for_each(|recent| state.apply(recent, &mut out));
                self.publish_head(state);
                for shard in shards {
                    shard.post_all(out.iter().map(|recent| ToShard::Event(Arc::clone(recent))));
                }
                state.has_gap() && !std::mem::replace(gap_watched, true)
            }
        }
    }

    /// Whether the gap is still open; when it is not, nobody watches it any more.
    pub(crate) fn gap_remains(&self) -> bool {
        let mut inner = lock(&self.inner);
        inner.gap_watched = matches!(&inner.phase, Phase::Open(state) if state.has_gap());
        inner.gap_watched
    }

    /// Takes what the record says changed after the head.
    pub(crate) fn absorb(&self, changes: Changes) {
        let mut inner = lock(&self.inner);
        if let Phase::Open(state) = &mut inner.phase
            && state.absorb(changes)
        {
            self.publish_head(state);
            inner.tell_surely(&ToShard::Verify(self.id));
        }
    }

    /// Begins anew from a snapshot that was asked for when the head was `before`.
    pub(crate) fn reload(&self, snapshot: LiveSnapshot, before: Seq, settings: &HubSettings) {
        let mut inner = lock(&self.inner);
        let Phase::Open(state) = &mut inner.phase else { return };
        let reloaded = state.reload(snapshot, before, settings);
        self.publish_head(state);
        let log = state.log().clone();
        match reloaded {
            Reloaded::Overtaken | Reloaded::Fresh => {}
            Reloaded::Rewound => inner.tell_surely(&ToShard::Reset(self.id, ResetReason::Ahead, log)),
            Reloaded::OtherHistory => inner.tell_surely(&ToShard::Reset(self.id, ResetReason::Epoch, log)),
        }
        inner.tell_surely(&ToShard::Verify(self.id));
    }

    /// Compares with where the record says the log stands, asked when the head was `before`; learns its floor.
    pub(crate) fn compare(&self, log: &LogHead, before: Seq) -> Compared {
        self.with_state(|state| {
            if state.log().epoch != log.epoch {
                return Compared::OtherHistory;
            }
            if log.head < before {
                return Compared::Rewound;
            }
            state.raise_floor(log.floor);
            if log.head > state.log().head { Compared::Behind } else { Compared::Fine }
        })
        .unwrap_or(Compared::Fine)
    }

    /// A place for one of this user's sockets on a worker, which hears the room from now on.
    pub(crate) fn admit(
        &self,
        user: UserId,
        cursor: Option<&Cursor>,
        worker: &Arc<Mailbox>,
    ) -> Result<Admission, Refusal> {
        let mut inner = lock(&self.inner);
        let state = match &inner.phase {
            Phase::Open(state) => state,
            Phase::Opening(_) => return Err(Unavailable::because("the room is being opened").into()),
            Phase::Closed(refusal) => return Err(refusal.clone()),
        };
        let admission = Admission { start: state.start(user, cursor)?, log: state.log().clone() };
        let hears = matches!(admission.start, Start::Live | Start::CatchUp);
        if hears && !inner.shards.iter().any(|known| Arc::ptr_eq(known, worker)) {
            inner.shards.push(Arc::clone(worker));
        }
        Ok(admission)
    }

    /// A worker has no listener any more; `true` when none has.
    pub(crate) fn leave(&self, worker: &Arc<Mailbox>) -> bool {
        let mut inner = lock(&self.inner);
        inner.shards.retain(|known| !Arc::ptr_eq(known, worker));
        inner.shards.is_empty()
    }

    /// Whether any worker listens.
    pub(crate) fn is_heard(&self) -> bool {
        !lock(&self.inner).shards.is_empty()
    }

    /// Tells every worker that listens something that may be lost.
    pub(crate) fn tell(&self, message: &ToShard) {
        for shard in &lock(&self.inner).shards {
            shard.post(message.clone());
        }
    }

    /// See [`RoomState::need`].
    pub(crate) fn need(&self, user: UserId, cursor: Option<&Cursor>) -> Need {
        self.with_state(|state| state.need(user, cursor)).unwrap_or(Need::Nothing)
    }

    /// See [`RoomState::missed`].
    pub(crate) fn missed(&self, user: UserId, epoch: &Epoch, after: Seq) -> Missed {
        self.with_state(|state| state.missed(user, epoch, after)).unwrap_or(Missed::Membership(Eviction::Deleted))
    }

    /// See [`RoomState::gone`]; a room that is gone has no members.
    pub(crate) fn gone(&self, user: UserId) -> Option<Eviction> {
        self.with_state(|state| state.gone(user)).unwrap_or(Some(Eviction::Deleted))
    }

    /// See [`RoomState::may_speak`].
    pub(crate) fn may_speak(&self, user: UserId, now: Timestamp) -> bool {
        self.with_state(|state| state.may_speak(user, now)).unwrap_or(false)
    }

    /// Where the log stands; `None` while the room is not open.
    pub(crate) fn log(&self) -> Option<LogHead> {
        self.with_state(|state| state.log().clone())
    }

    /// The head of the log, without a lock.
    pub(crate) fn head(&self) -> Seq {
        self.head.load(Ordering::Relaxed)
    }

    /// Does something with the state of an open room.
    pub(crate) fn with_state<T>(&self, look: impl FnOnce(&mut RoomState) -> T) -> Option<T> {
        match &mut lock(&self.inner).phase {
            Phase::Open(state) => Some(look(state)),
            Phase::Opening(_) | Phase::Closed(_) => None,
        }
    }

    fn publish_head(&self, state: &RoomState) {
        self.head.store(state.log().head, Ordering::Relaxed);
    }
}

impl Inner {
    fn tell_surely(&self, message: &ToShard) {
        for shard in &self.shards {
            shard.insist(message.clone());
        }
    }
}
