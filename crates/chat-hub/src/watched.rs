//! Whose presence is watched on this node, from which workers, and what was last told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use chat_domain::{
    ids::UserId,
    ports::{Bus, Status, Topic},
};

use crate::{
    core::lock,
    frames,
    mailbox::{Mailbox, ToShard},
    topics::Topics,
};

/// See the module.
#[derive(Default)]
pub(crate) struct Watched {
    users: Mutex<HashMap<UserId, Entry>>,
}

#[derive(Default)]
struct Entry {
    /// `None` until somebody learnt it.
    status: Option<Status>,
    workers: Vec<Arc<Mailbox>>,
}

impl Watched {
    /// A worker wants to hear of this user.
    pub(crate) fn add(&self, user: UserId, worker: &Arc<Mailbox>, topics: &Topics, bus: &dyn Bus) {
        let mut users = lock(&self.users);
        let entry = users.entry(user).or_default();
        if entry.workers.is_empty() {
            topics.hold(bus, Topic::User(user));
        }
        if !entry.workers.iter().any(|known| Arc::ptr_eq(known, worker)) {
            entry.workers.push(Arc::clone(worker));
        }
    }

    /// A worker wants to hear no more.
    pub(crate) fn remove(&self, user: UserId, worker: &Arc<Mailbox>, topics: &Topics, bus: &dyn Bus) {
        let mut users = lock(&self.users);
        let Some(entry) = users.get_mut(&user) else { return };
        entry.workers.retain(|known| !Arc::ptr_eq(known, worker));
        if entry.workers.is_empty() {
            users.remove(&user);
            topics.release(bus, Topic::User(user));
        }
    }

    /// A user's presence was learnt: those who watch are told when it is news.
    pub(crate) fn tell(&self, user: UserId, status: Status) {
        let mut users = lock(&self.users);
        let Some(entry) = users.get_mut(&user) else { return };
        let is_news = entry.status.replace(status) != Some(status);
        if is_news {
            let frame = frames::presence(user, status);
            for worker in &entry.workers {
                worker.post(ToShard::Presence { user, frame: frame.clone() });
            }
        }
    }

    /// What a new watcher is told: what is known already, for it may be newer than what was just read.
    pub(crate) fn known_or(&self, user: UserId, read: Status) -> Status {
        let mut users = lock(&self.users);
        users.get_mut(&user).map_or(read, |entry| *entry.status.get_or_insert(read))
    }

    /// Everybody who is watched, by id.
    pub(crate) fn all(&self) -> Vec<UserId> {
        let mut all: Vec<_> = lock(&self.users).keys().copied().collect();
        all.sort();
        all
    }
}
