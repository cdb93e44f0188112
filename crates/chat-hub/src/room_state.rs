//! A live room's knowledge, and how it moves: a pure state machine without locks, time or tasks.
//!
//! It knows where the log stands, who is in, and what changed recently. It takes events in any order and hands on those whose
//! turn it is; an event that comes early waits for its predecessors.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chat_domain::{
    event::{Eviction, Object},
    ids::{Seq, UserId},
    objects::{Epoch, LogHead, Member, Room},
    pages::{Changes, Cursor, LiveSnapshot},
    ports::MAX_CHANGES,
    refusal::{Refusal, ResetReason},
    rules::access,
    timestamp::Timestamp,
};

use crate::{
    HubSettings,
    recent::Recent,
    ring::{Entry, Ring},
};

/// Events that came before their predecessors, by `seq`.
pub(crate) type Early = BTreeMap<Seq, Arc<Recent>>;

/// Most events that wait for a predecessor; those beyond are read from the record.
const MAX_EARLY: usize = 1_024;

/// See the module.
#[derive(Debug)]
pub(crate) struct RoomState {
    room: Arc<Room>,
    log: LogHead,
    members: HashMap<UserId, Arc<Member>>,
    ring: Ring,
    early: Early,
    /// Cursors up to here are known to be too far behind; that never gets better.
    too_far: Option<Seq>,
}

/// How a subscription begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the head.
    Live,
    /// Behind it.
    CatchUp,
    /// Not at all.
    Reset(ResetReason),
}

/// What must be known before it can be decided how a subscription begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing more.
    Nothing,
    /// Whether things really stand so that the answer is no: another node may have written what was not heard here yet.
    Head,
    /// What changed after this cursor.
    Past(Seq),
}

/// How a room began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reloaded {
    /// It did not: events came meanwhile that the snapshot does not know.
    Overtaken,
    /// With the state of now.
    Fresh,
    /// The record has lost changes that were told here: a restore from a backup without another epoch.
    Rewound,
    /// Its log belongs to another history.
    OtherHistory,
}

/// What a listener has missed.
#[derive(Debug)]
pub(crate) enum Missed {
    /// Nothing: it is at the head.
    Nothing,
    /// Its place in the room.
    Membership(Eviction),
    /// So much, or of another history, that the room must be loaded anew.
    Reset(ResetReason, LogHead),
    /// These things, each in its newest state, by `rev`, up to the head of the log.
    Things(Vec<Arc<Entry>>, LogHead),
    /// Things that only the record can tell.
    Record,
}

impl RoomState {
    /// As the record says; `early` is what was heard while it was asked.
    pub(crate) fn new(snapshot: LiveSnapshot, early: Early, settings: &HubSettings) -> Self {
        let LiveSnapshot { room, log, members } = snapshot;
        let ring = Ring::new(log.head, settings.ring_events, settings.ring_bytes);
        let members = members.into_iter().map(|member| (member.user, Arc::new(member))).collect();
        let mut state = Self { room: Arc::new(room), log, members, ring, early, too_far: None };
        state.follow_early(&mut Vec::new());
        state
    }

    pub(crate) fn log(&self) -> &LogHead {
        &self.log
    }

    /// Takes an event; those whose turn it is now go to `out`, in order.
    pub(crate) fn apply(&mut self, recent: Arc<Recent>, out: &mut Vec<Arc<Recent>>) {
        let next = self.log.head + 1;
        match recent.seq().cmp(&next) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                self.accept(recent, out);
                self.follow_early(out);
            }
            std::cmp::Ordering::Greater => {
                hold_early(&mut self.early, recent);
            }
        }
    }

    /// Whether an event waits for a predecessor.
    pub(crate) fn has_gap(&self) -> bool {
        !self.early.is_empty()
    }

    fn follow_early(&mut self, out: &mut Vec<Arc<Recent>>) {
        while let Some(first) = self.early.first_entry() {
            if *first.key() > self.log.head + 1 {
                break;
            }
            let recent = first.remove();
            if recent.seq() > self.log.head {
                self.accept(recent, out);
            }
        }
    }

    fn accept(&mut self, recent: Arc<Recent>, out: &mut Vec<Arc<Recent>>) {
        self.log.head = recent.seq();
        self.learn(recent.event.object.clone());
        out.push(recent);
    }

    fn learn(&mut self, object: Object) {
        match &object {
            Object::Message(_) => {}
            Object::Member(member) if member.is_in => {
                self.members.insert(member.user, Arc::clone(member));
            }
            Object::Member(member) => {
                self.members.remove(&member.user);
            }
            Object::Room(room) => self.room = Arc::clone(room),
        }
        self.ring.push(object);
    }

    /// Takes what the record says changed after the head; `true` when the head moved.
    pub(crate) fn absorb(&mut self, changes: Changes) -> bool {
        let before = self.log.head;
        let to = changes.to;
        for object in by_rev(changes) {
            if object.rev() > before {
                self.learn(object);
            }
        }
        self.log.head = before.max(to);
        self.follow_early(&mut Vec::new());
        self.log.head > before
    }

    /// Begins anew from a snapshot that was asked for when the head was `before`.
    pub(crate) fn reload(&mut self, snapshot: LiveSnapshot, before: Seq, settings: &HubSettings) -> Reloaded {
        let reloaded = if snapshot.log.epoch != self.log.epoch {
            Reloaded::OtherHistory
        } else if snapshot.log.head < before {
            Reloaded::Rewound
        } else if snapshot.log.head < self.log.head {
            return Reloaded::Overtaken;
        } else {
            Reloaded::Fresh
        };
        let early = match reloaded {
            Reloaded::Fresh | Reloaded::Overtaken => std::mem::take(&mut self.early),
            Reloaded::Rewound | Reloaded::OtherHistory => Early::new(),
        };
        *self = Self::new(snapshot, early, settings);
        reloaded
    }

    /// Learns how far back the log can be served.
    pub(crate) fn raise_floor(&mut self, floor: Seq) {
        self.log.floor = self.log.floor.max(floor);
    }

    /// Learns what changed in (`after`, `to`], as the record says, so that the next ones who ask need not.
    pub(crate) fn learn_past(&mut self, after: Seq, to: Seq, objects: Vec<Object>) {
        self.ring.extend_back(after, to, objects);
    }

    /// Learns that more changed after `after` than is worth sending.
    pub(crate) fn learn_too_far(&mut self, after: Seq) {
        self.too_far = self.too_far.max(Some(after));
    }

    /// How much of the past could still be remembered: entries, and bytes.
    pub(crate) fn room_left(&self) -> (usize, usize) {
        self.ring.room_left()
    }

    /// What must be asked before [`RoomState::start`] can decide well.
    pub(crate) fn need(&self, user: UserId, cursor: Option<&Cursor>) -> Need {
        // Whoever seems to be a stranger here may have come in by another node a moment ago.
        if self.may_read(user).is_err() {
            return Need::Head;
        }
        let Some(cursor) = cursor else { return Need::Nothing };
        if !self.is_of_this_history(cursor.epoch.as_ref()) || cursor.after > self.log.head {
            return Need::Head;
        }
        let known = self.ring.covers(cursor.after) || self.unservable(cursor.after).is_some();
        if known { Need::Nothing } else { Need::Past(cursor.after) }
    }

    /// How a subscription of this user from this cursor begins.
    pub(crate) fn start(&self, user: UserId, cursor: Option<&Cursor>) -> Result<Start, Refusal> {
        self.may_read(user)?;
        let Some(cursor) = cursor else {
            return Ok(Start::Live);
        };
        if !self.is_of_this_history(cursor.epoch.as_ref()) {
            return Ok(Start::Reset(ResetReason::Epoch));
        }
        if cursor.after > self.log.head {
            return Ok(Start::Reset(ResetReason::Ahead));
        }
        Ok(match self.unservable(cursor.after) {
            Some(reason) => Start::Reset(reason),
            None if cursor.after == self.log.head => Start::Live,
            None => Start::CatchUp,
        })
    }

    /// What a listener of this user, whose cursor is `after` in the history `epoch`, has missed.
    pub(crate) fn missed(&self, user: UserId, epoch: &Epoch, after: Seq) -> Missed {
        if let Some(gone) = self.gone(user) {
            return Missed::Membership(gone);
        }
        if !self.is_of_this_history(Some(epoch)) {
            return Missed::Reset(ResetReason::Epoch, self.log.clone());
        }
        if after >= self.log.head {
            return Missed::Nothing;
        }
        if let Some(reason) = self.unservable(after) {
            return Missed::Reset(reason, self.log.clone());
        }
        if self.ring.covers(after) && self.ring.is_common_since(after) {
            return Missed::Things(self.ring.since(after), self.log.clone());
        }
        Missed::Record
    }

    /// Why the user is not in the room any more; `None` for a member.
    pub(crate) fn gone(&self, user: UserId) -> Option<Eviction> {
        (!self.members.contains_key(&user)).then(|| self.ring.why_gone(user))
    }

    /// Whether the user may say anything here now.
    pub(crate) fn may_speak(&self, user: UserId, now: Timestamp) -> bool {
        self.members.get(&user).is_some_and(|member| access::may_speak(&self.room, member, now).is_ok())
    }

    fn may_read(&self, user: UserId) -> Result<(), Refusal> {
        let member = self.members.get(&user).map(Arc::as_ref);
        access::may_read(Some(&self.room), member).map(|_| ())
    }

    fn is_of_this_history(&self, epoch: Option<&Epoch>) -> bool {
        epoch.is_none_or(|epoch| *epoch == self.log.epoch)
    }

    /// Why a cursor of this history that is not beyond the head can't be served, as far as that is known here.
    fn unservable(&self, after: Seq) -> Option<ResetReason> {
        if after < self.log.floor {
            return Some(ResetReason::Purged);
        }
        if self.too_far.is_some_and(|far| after <= far) {
            return Some(ResetReason::TooFar);
        }
        (self.ring.changed_at_least(after) > MAX_CHANGES).then_some(ResetReason::TooFar)
    }
}

/// Keeps an event for later; when there are too many, the farthest goes.
pub(crate) fn hold_early(early: &mut Early, recent: Arc<Recent>) {
    early.insert(recent.seq(), recent);
    if early.len() > MAX_EARLY {
        early.pop_last();
    }
}

/// The changed things in the order of their revisions.
pub(crate) fn by_rev(changes: Changes) -> Vec<Object> {
    let mut objects: Vec<_> = changes
        .messages
        .into_iter()
        .map(Object::Message)
        .chain(changes.members.into_iter().map(Object::Member))
        .chain(changes.state.map(Object::Room))
        .collect();
    objects.sort_by_key(Object::rev);
    objects
}

#[cfg(test)]
mod tests;
