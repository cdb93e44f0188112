//! What changed in a room recently: enough to compose, for anybody, what was missed since a cursor.
//!
//! The ring covers the changes in (`base`, head]. It holds the state of each thing at each change it saw; where changes were
//! read from the record, several may have collapsed into the latest one, so revisions are increasing but not contiguous. In
//! either case the newest state per thing is what a batch needs. Bounded in number and in bytes; the oldest go first.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, OnceLock},
};

use chat_domain::{
    event::{Eviction, Object},
    ids::{Seq, UserId},
    ports::MAX_CHANGES,
};
use serde::Serialize;

/// A thing as it was after a change.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) object: Object,
    /// As everybody but the author of a message gets it outside live events; encoded when first needed.
    json: OnceLock<Box<[u8]>>,
}

/// Which thing.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Message(Seq),
    Member(UserId),
    Room,
}

/// What an entry weighs beyond its text, about.
const ENTRY_BYTES: usize = 320;

impl Entry {
    pub(crate) fn new(object: Object) -> Arc<Self> {
        Arc::new(Self { object, json: OnceLock::new() })
    }

    fn key(&self) -> Key {
        match &self.object {
            Object::Message(message) => Key::Message(message.seq),
            Object::Member(member) => Key::Member(member.user),
            Object::Room(_) => Key::Room,
        }
    }

    fn weight(&self) -> usize {
        let text = match &self.object {
            Object::Message(message) => message.text.as_ref().map_or(0, |text| text.as_str().len()),
            Object::Member(_) | Object::Room(_) => 0,
        };
        // Twice: as an object and, once somebody asked, as JSON.
        ENTRY_BYTES + 2 * text
    }

    /// Whether the object is the same for every reader but its author: reactions carry `me`.
    fn is_common(&self) -> bool {
        match &self.object {
            Object::Message(message) => message.reactions.is_empty(),
            Object::Member(_) | Object::Room(_) => true,
        }
    }

    /// Appends the object's JSON as `reader` gets it.
    pub(crate) fn write_json(&self, reader: UserId, out: &mut Vec<u8>) {
        match &self.object {
            Object::Message(message) if message.author == reader => write(message, out),
            Object::Message(message) => out.extend_from_slice(self.json.get_or_init(|| {
                let mut json = Vec::with_capacity(ENTRY_BYTES);
                write(&message.as_ref().clone().seen_by(reader), &mut json);
                json.into_boxed_slice()
            })),
            Object::Member(member) => write(member, out),
            Object::Room(room) => write(room, out),
        }
    }
}

fn write(object: &impl Serialize, out: &mut Vec<u8>) {
    if let Err(error) = serde_json::to_writer(out, object) {
        tracing::error!(%error, "an object could not be encoded");
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ring {
    /// By `rev`.
    entries: VecDeque<Arc<Entry>>,
    base: Seq,
    weight: usize,
    max_entries: usize,
    max_weight: usize,
}

impl Ring {
    /// Covers nothing before `head`.
    pub(crate) fn new(head: Seq, max_entries: usize, max_weight: usize) -> Self {
        Self { entries: VecDeque::new(), base: head, weight: 0, max_entries, max_weight }
    }

    /// Adds the newest change.
    pub(crate) fn push(&mut self, object: Object) {
        let entry = Entry::new(object);
        self.weight += entry.weight();
        self.entries.push_back(entry);
        while self.entries.len() > self.max_entries || self.weight > self.max_weight {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.weight -= oldest.weight();
            self.base = oldest.object.rev();
        }
    }

    /// Whether everything after `after` is here.
    pub(crate) fn covers(&self, after: Seq) -> bool {
        after >= self.base
    }

    /// The things that changed after `after`, each in its newest state, by `rev`. Right only where the ring covers.
    pub(crate) fn since(&self, after: Seq) -> Vec<Arc<Entry>> {
        let start = self.entries.partition_point(|entry| entry.object.rev() <= after);
        let mut seen = HashSet::new();
        let mut newest: Vec<_> =
            self.entries.range(start..).rev().filter(|entry| seen.insert(entry.key())).cloned().collect();
        newest.reverse();
        newest
    }

    /// How many things changed after `after`: right above [`MAX_CHANGES`], an upper bound below. What changed before the ring
    /// is not counted.
    pub(crate) fn changed_at_least(&self, after: Seq) -> usize {
        let most = self.entries.len() - self.entries.partition_point(|entry| entry.object.rev() <= after);
        // Only where it matters is it worth telling changes of one thing apart.
        if most > MAX_CHANGES { self.since(after).len() } else { most }
    }

    /// Whether what changed after `after` is the same for every reader (see [`Entry::write_json`]).
    pub(crate) fn is_common_since(&self, after: Seq) -> bool {
        self.entries.iter().rev().take_while(|entry| entry.object.rev() > after).all(|entry| entry.is_common())
    }

    /// Extends the ring backwards by what the record says changed in (`after`, `to`], by `rev`. Does nothing when that
    /// leaves a hole, or would push out what is here.
    pub(crate) fn extend_back(&mut self, after: Seq, to: Seq, objects: Vec<Object>) {
        if after >= self.base || to < self.base {
            return;
        }
        let base = self.base;
        let older: Vec<_> = objects.into_iter().filter(|object| object.rev() <= base).map(Entry::new).collect();
        let weight: usize = older.iter().map(|entry| entry.weight()).sum();
        if self.entries.len() + older.len() > self.max_entries || self.weight + weight > self.max_weight {
            return;
        }
        for entry in older.into_iter().rev() {
            self.entries.push_front(entry);
        }
        self.weight += weight;
        self.base = after;
    }

    /// How much more it could hold: entries, and bytes.
    pub(crate) fn room_left(&self) -> (usize, usize) {
        (self.max_entries.saturating_sub(self.entries.len()), self.max_weight.saturating_sub(self.weight))
    }

    /// Why a user is not in the room any more, as far as the ring knows.
    pub(crate) fn why_gone(&self, user: UserId) -> Eviction {
        let latest = self.entries.iter().rev().find_map(|entry| match &entry.object {
            Object::Member(member) if member.user == user => Some(member.banned),
            Object::Member(_) | Object::Message(_) | Object::Room(_) => None,
        });
        if latest == Some(true) { Eviction::Banned } else { Eviction::Kicked }
    }
}

/// What an object weighs in a ring.
pub(crate) fn weight(object: &Object) -> usize {
    Entry { object: object.clone(), json: OnceLock::new() }.weight()
}

#[cfg(test)]
mod tests;
