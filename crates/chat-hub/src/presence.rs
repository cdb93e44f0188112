//! Presence: what this node's sockets say of their users, leased to the other nodes, and told to those who watch.
//!
//! One task does it all, so that changes of one user keep their order. Every third of a lease it renews the leases of all its
//! users in one call and looks at all who are watched, so that a lost note or a dead node is noticed.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use chat_domain::{
    ids::UserId,
    ports::{Note, Status, Topic},
};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval_at, sleep_until},
};

use crate::core::{Core, lock};

/// What the presence task has to do.
#[derive(Default)]
pub(crate) struct PresenceDesk {
    /// Users whose sockets may say something new.
    touched: Mutex<BTreeSet<UserId>>,
    /// Users whose last socket closed, and when that will count.
    leaving: Mutex<VecDeque<(Instant, UserId)>>,
    wake: Notify,
}

impl PresenceDesk {
    /// A socket of the user came, or said something else.
    pub(crate) fn touch(&self, user: UserId) {
        lock(&self.touched).insert(user);
        self.wake.notify_one();
    }

    fn next_leaving(&self) -> Option<Instant> {
        lock(&self.leaving).front().map(|(due, _)| *due)
    }

    fn take_left(&self) -> Option<UserId> {
        let mut leaving = lock(&self.leaving);
        let is_due = leaving.front().is_some_and(|(due, _)| *due <= Instant::now());
        if is_due { leaving.pop_front().map(|(_, user)| user) } else { None }
    }
}

impl Core {
    /// The user's last socket closed: unless another comes in time, they are gone.
    pub(crate) fn let_leave(&self, user: UserId) {
        let due = Instant::now() + self.settings.offline_delay;
        lock(&self.presence.leaving).push_back((due, user));
        self.presence.wake.notify_one();
    }

    /// The presence task.
    pub(crate) async fn keep_presence(self: Arc<Self>) {
        let period = self.settings.presence_ttl / 3;
        let mut renewal = interval_at(Instant::now() + period, period);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = HashMap::new();
        loop {
            let next = self.presence.next_leaving();
            tokio::select! {
                biased;
                () = self.presence.wake.notified() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                _ = renewal.tick() => self.renew().await,
            }
            while let Some(user) = self.presence.take_left() {
                if self.people.forget(user, self.settings.offline_delay) {
                    self.topics.release(&*self.ports.bus, Topic::User(user));
                    lock(&self.presence.touched).insert(user);
                }
            }
            let touched: Vec<_> = std::mem::take(&mut *lock(&self.presence.touched)).into_iter().collect();
            if !touched.is_empty() {
                self.announce_presence(touched, &mut told).await;
            }
        }
    }

    /// Leases what the sockets here say of these users, and tells who watches what all nodes together say.
    async fn announce_presence(&self, users: Vec<UserId>, told: &mut HashMap<UserId, Status>) {
        // A user between two sockets (a page reloads) is what they were.
        let here: Vec<_> = users.into_iter().map(|user| (user, self.status_here(user, told))).collect();
        self.lease(here.clone()).await;
        let everywhere = self.presence_of(here.iter().map(|(user, _)| *user).collect()).await;
        for (place, (user, here)) in here.into_iter().enumerate() {
            let elsewhere = everywhere.as_ref().and_then(|all| all.get(place).copied());
            let status = elsewhere.map_or(here, |elsewhere| elsewhere.max(here));
            if told.get(&user).copied().unwrap_or(Status::Offline) != status {
                self.ports.bus.publish(Note::Presence { user, status });
            }
            self.watched.tell(user, status);
            if here == Status::Offline {
                told.remove(&user);
            } else {
                told.insert(user, status);
            }
        }
    }

    fn status_here(&self, user: UserId, told: &HashMap<UserId, Status>) -> Status {
        match self.people.status(user) {
            Status::Offline if self.people.is_known(user) => told.get(&user).copied().unwrap_or(Status::Online),
            status @ (Status::Offline | Status::Away | Status::Online) => status,
        }
    }

    async fn lease(&self, users: Vec<(UserId, Status)>) {
        let (presence, ttl) = (Arc::clone(&self.ports.presence), self.settings.presence_ttl);
        if let Err(error) = self.ask(async move { presence.lease(&users, ttl).await }).await {
            tracing::debug!(%error, "presence could not be leased");
        }
    }

    /// What all nodes together say of these users, in their order; `None` when the others can't be asked.
    async fn presence_of(&self, users: Vec<UserId>) -> Option<Vec<Status>> {
        let presence = Arc::clone(&self.ports.presence);
        match self.ask(async move { presence.status(&users).await }).await {
            Ok(statuses) => Some(statuses),
            Err(error) => {
                tracing::debug!(%error, "presence could not be read");
                None
            }
        }
    }

    /// The same for somebody who begins to watch: what this node says, when the others can't be asked.
    pub(crate) async fn presence_now(&self, users: &[UserId]) -> Vec<Status> {
        let here = || users.iter().map(|user| self.people.status(*user)).collect();
        self.presence_of(users.to_vec()).await.unwrap_or_else(here)
    }

    async fn renew(&self) {
        let here = self.people.statuses();
        if !here.is_empty() {
            self.lease(here).await;
        }
        let watched = self.watched.all();
        if !watched.is_empty() {
            // Nobody is told that somebody left because nobody could be asked.
            let statuses = self.presence_of(watched.clone()).await.unwrap_or_default();
            for (user, status) in watched.into_iter().zip(statuses) {
                self.watched.tell(user, status);
            }
        }
    }
}
