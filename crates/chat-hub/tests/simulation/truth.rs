//! What really happened, written down beside the store at every commit: the measure of everything a client is told.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use chat_domain::{
    command::{Action, Command, Outcome},
    event::{Event, HintAbout, Object},
    ids::{RoomId, Seq, UserId},
    objects::Epoch,
    refusal::Refusal,
    words::{Emoji, Nonce},
};

/// Which thing of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Message(Seq),
    Member(UserId),
    Room,
}

impl Key {
    pub fn of(object: &Object) -> Self {
        match object {
            Object::Message(message) => Self::Message(message.seq),
            Object::Member(member) => Self::Member(member.user),
            Object::Room(_) => Self::Room,
        }
    }
}

type Reacted = BTreeSet<(Emoji, UserId)>;

/// One entry of a log, and who had reacted to its message then.
pub struct Logged {
    pub event: Event,
    pub reacted: Reacted,
}

/// A room's whole history.
#[derive(Default)]
pub struct Annals {
    pub log: Vec<Logged>,
    pub closed: bool,
    /// Every change of each thing.
    pub revs: BTreeMap<Key, Vec<Seq>>,
    /// When each user came in or went out.
    moves: HashMap<UserId, Vec<(Seq, bool)>>,
    /// Where each nonce was posted.
    pub posts: HashMap<(UserId, Nonce), Vec<Seq>>,
    reactions: HashMap<Seq, Reacted>,
    /// The highest number of a post that was acknowledged.
    pub acknowledged: Seq,
}

impl Annals {
    pub fn head(&self) -> Seq {
        self.log.len() as Seq
    }

    pub fn at(&self, seq: Seq) -> Option<&Logged> {
        usize::try_from(seq).ok()?.checked_sub(1).and_then(|place| self.log.get(place))
    }

    /// Whether the user was in once `seq` had happened.
    pub fn was_in(&self, user: UserId, seq: Seq) -> bool {
        let moves = self.moves.get(&user).map(Vec::as_slice).unwrap_or_default();
        moves.iter().rev().find(|(at, _)| *at <= seq).is_some_and(|(_, came)| *came)
    }

    pub fn is_in(&self, user: UserId) -> bool {
        !self.closed && self.was_in(user, Seq::MAX)
    }

    /// How often the user came or went.
    pub fn moves_of(&self, user: UserId) -> usize {
        self.moves.get(&user).map_or(0, Vec::len)
    }

    /// Whether the user was put out, or left, after `seq`.
    pub fn went_after(&self, user: UserId, seq: Seq) -> bool {
        self.moved_after(user, seq, false)
    }

    /// Whether the user came in after `seq`.
    pub fn came_after(&self, user: UserId, seq: Seq) -> bool {
        self.moved_after(user, seq, true)
    }

    fn moved_after(&self, user: UserId, seq: Seq, inwards: bool) -> bool {
        self.moves.get(&user).is_some_and(|moves| moves.iter().any(|(at, came)| *at > seq && *came == inwards))
    }

    /// The latest change of each thing up to `seq`, and whether there is a later one.
    pub fn things_at(&self, seq: Seq) -> impl Iterator<Item = (Key, Seq, bool)> {
        self.revs.iter().filter_map(move |(key, revs)| {
            let known = revs.partition_point(|rev| *rev <= seq);
            Some((*key, *revs.get(known.checked_sub(1)?)?, known < revs.len()))
        })
    }

    pub fn messages(&self) -> Vec<Seq> {
        let seq = |key: &Key| if let Key::Message(seq) = key { Some(*seq) } else { None };
        self.revs.keys().filter_map(seq).collect()
    }

    /// Everybody who ever was in, or may not be, as they are now.
    pub fn latest_members(&self) -> Vec<Object> {
        let newest = |(key, revs): (&Key, &Vec<Seq>)| match key {
            Key::Member(_) => self.at(*revs.last()?).map(|logged| logged.event.object.clone()),
            Key::Message(_) | Key::Room => None,
        };
        self.revs.iter().filter_map(newest).collect()
    }

    fn record(&mut self, command: &Command, event: &Event) -> Result<(), String> {
        let (seq, room) = (event.seq, event.room);
        if seq != self.head() + 1 || event.object.rev() != seq {
            return Err(format!("the log of {room} jumps from {} to {seq}", self.head()));
        }
        let mut reacted = Reacted::new();
        match &event.object {
            Object::Message(message) => {
                if message.rev == message.seq
                    && let Some(nonce) = &message.nonce
                {
                    self.posts.entry((message.author, nonce.clone())).or_default().push(seq);
                }
                let now = self.reactions.entry(message.seq).or_default();
                if message.deleted {
                    now.clear();
                }
                if let Action::React { emoji, on, .. } = &command.action {
                    let key = (emoji.clone(), command.by);
                    let changed = if *on { now.insert(key) } else { now.remove(&key) };
                    assert!(changed, "a reaction that changes nothing takes no number");
                }
                reacted.clone_from(now);
            }
            Object::Member(member) => {
                let moves = self.moves.entry(member.user).or_default();
                if moves.last().is_some_and(|(_, was_in)| *was_in) != member.is_in {
                    moves.push((seq, member.is_in));
                }
            }
            Object::Room(_) => {}
        }
        self.revs.entry(Key::of(&event.object)).or_default().push(seq);
        self.log.push(Logged { event: event.clone(), reacted });
        Ok(())
    }
}

/// Everything.
#[derive(Default)]
pub struct Chronicle {
    pub rooms: BTreeMap<RoomId, Annals>,
    pub hints: BTreeMap<UserId, Vec<HintAbout>>,
    pub epoch: Option<Epoch>,
    failures: Vec<String>,
}

/// The chronicle, shared by the store and those who check.
#[derive(Clone, Default)]
pub struct Truth(Arc<Mutex<Chronicle>>);

impl Truth {
    pub fn read(&self) -> MutexGuard<'_, Chronicle> {
        self.0.lock().unwrap()
    }

    pub fn fail(&self, what: impl Into<String>) {
        self.read().failures.push(what.into());
    }

    pub fn check(&self, holds: Result<(), String>) {
        if let Err(what) = holds {
            self.fail(what);
        }
    }

    pub fn failure(&self) -> Option<String> {
        self.read().failures.first().cloned()
    }

    /// Writes down what a commit did.
    pub fn record(&self, commands: &[Command], outcomes: &[Result<Outcome, Refusal>]) {
        let mut chronicle = self.read();
        for (command, outcome) in commands.iter().zip(outcomes) {
            let Ok(outcome) = outcome else { continue };
            for event in &outcome.events {
                let recorded = chronicle.rooms.entry(event.room).or_default().record(command, event);
                chronicle.failures.extend(recorded.err());
            }
            if outcome.closed {
                chronicle.rooms.entry(command.room).or_default().closed = true;
            }
            for hint in &outcome.hints {
                let known = chronicle.hints.entry(hint.user).or_default();
                known.push(hint.about.clone());
                let expected = known.len() as Seq;
                if hint.seq != expected {
                    chronicle.failures.push(format!("hint {} of {} where {expected} was due", hint.seq, hint.user));
                }
            }
        }
    }
}
