//! Watching: a socket hears the presence of those it asks for, as far as they share a room with its user.

use std::{rc::Rc, sync::Arc};

use chat_domain::{ids::UserId, refusal::Refusal};

use crate::{Socket, frames};

impl Socket {
    /// Replaces the set of users whose presence this socket hears, and pushes the present state of each. Those who share no
    /// room with the socket's user are ignored.
    ///
    /// # Errors
    /// `Unavailable`: the set stays as it was.
    pub async fn watch(&self, users: Vec<UserId>) -> Result<(), Refusal> {
        let (core, user) = (&self.worker.core, self.state.identity.user);
        let log = Arc::clone(&core.ports.log);
        let mut known = core.ask(async move { log.acquaintances(user, &users).await }).await?;
        known.sort();
        known.dedup();
        self.watch_nobody();
        for other in &known {
            core.watched.add(*other, &self.worker.mailbox, &core.topics, &*core.ports.bus);
            self.worker.watchers.borrow_mut().entry(*other).or_default().push(Rc::clone(&self.state));
        }
        self.state.watching.replace(known.clone());
        // Registered first, read then: a change in between is heard, and counts as newer.
        let statuses = core.presence_now(&known).await;
        for (other, read) in known.into_iter().zip(statuses) {
            let status = core.watched.known_or(other, read);
            self.state.outbox.push_ephemeral(frames::presence(other, status));
        }
        Ok(())
    }

    pub(crate) fn watch_nobody(&self) {
        let core = &self.worker.core;
        let mut watchers = self.worker.watchers.borrow_mut();
        for other in self.state.watching.take() {
            let Some(sockets) = watchers.get_mut(&other) else { continue };
            sockets.retain(|socket| socket.id != self.state.id);
            if sockets.is_empty() {
                watchers.remove(&other);
                core.watched.remove(other, &self.worker.mailbox, &core.topics, &*core.ports.bus);
            }
        }
    }
}
