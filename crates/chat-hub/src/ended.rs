//! Sessions that ended while their access tokens may still live: asked at every request, so it must be quick.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use chat_domain::{ids::SessionId, ports::Note, refusal::Refusal};
use tokio::time::Instant;

use crate::{
    HubSettings,
    core::{Core, lock},
};

/// How much farther than to the last look each look goes: the time of a session's end is that of the node that ended it, clocks
/// of nodes differ, and commits take their time.
const LOOK_BACK: Duration = Duration::from_secs(300);

/// Each ended session and when it can be forgotten.
#[derive(Default)]
pub(crate) struct Ended {
    sessions: RwLock<HashMap<SessionId, Instant>>,
    /// When the record last told what had ended.
    looked: Mutex<Option<Instant>>,
}

impl Ended {
    pub(crate) fn contains(&self, session: SessionId) -> bool {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// Remembers them; returns those that are news.
    fn remember(&self, sessions: &[SessionId], until: Instant) -> Vec<SessionId> {
        if sessions.iter().all(|session| self.contains(*session)) {
            return Vec::new();
        }
        let mut known = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().copied().filter(|session| known.insert(*session, until).is_none()).collect()
    }

    /// Forgets those whose last access token has expired.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
    }
}

impl Core {
    /// From now on these sessions open no door here; their sockets are told to close.
    pub(crate) fn end_here(&self, sessions: &[SessionId]) {
        let until = Instant::now() + self.settings.access_ttl + HubSettings::ENDED_LEEWAY;
        // First remembered, then closed: a socket that comes in meanwhile sees one or the other.
        for session in self.ended.remember(sessions, until) {
            self.people.end(session);
        }
    }

    /// The same on every node.
    pub(crate) fn end_everywhere(&self, sessions: &[SessionId]) {
        if !sessions.is_empty() {
            for session in sessions {
                tracing::info!(%session, "a session was ended");
            }
            self.end_here(sessions);
            self.ports.bus.publish(Note::Ended(sessions.to_vec()));
        }
    }

    /// Asks the record for sessions that ended since the last look, however long ago that was: a node may have been stopped,
    /// or cut off from the record. The first look goes as far back as any access token that may still live.
    pub(crate) async fn look_for_ended(&self) -> Result<(), Refusal> {
        let now = Instant::now();
        let longest = self.settings.access_ttl + HubSettings::ENDED_LEEWAY;
        let looked = *lock(&self.ended.looked);
        let span = looked.map_or(longest, |looked| (now - looked + LOOK_BACK).min(longest));
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let since = self.ports.clock.now().plus_millis(-millis);
        let store = Arc::clone(&self.ports.sessions);
        let ended = self.ask(async move { store.ended_since(since).await }).await?;
        let sessions: Vec<_> = ended.into_iter().map(|(session, _)| session).collect();
        self.end_here(&sessions);
        *lock(&self.ended.looked) = Some(now);
        Ok(())
    }
}
