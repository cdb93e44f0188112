//! Sessions: the chain of refresh tokens, and its end.

use async_trait::async_trait;
use chat_domain::{
    ids::{SessionId, UserId},
    objects::Session,
    pages::{Page, PageOf},
    ports::{Digest, NewSession, Rotation, SessionStore},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
};

use crate::{
    memory::Memory,
    state::{SignIn, State, piece},
};

#[async_trait]
impl SessionStore for Memory {
    async fn open(&self, session: NewSession) -> Result<(), Refusal> {
        let mut state = self.lock();
        let account = state.living(session.user).ok_or(Refusal::NotFound)?;
        if account.password.as_ref() != Some(&session.password) {
            return Err(Refusal::NotFound);
        }
        state.tokens.insert(session.refresh, session.id);
        let sign_in = SignIn {
            user: session.user,
            device: session.device,
            created_at: session.at,
            refreshed_at: session.at,
            expires_at: session.expires_at,
            ended_at: None,
            current: session.refresh,
            previous: None,
        };
        state.sessions.insert(session.id, sign_in);
        Ok(())
    }

    async fn rotate(
        &self,
        presented: Digest,
        successor: Digest,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, Unavailable> {
        Ok(self.lock().rotate(presented, successor, at, expires_at).unwrap_or(Rotation::Unknown))
    }

    async fn list(
        &self,
        user: UserId,
        at: Timestamp,
        page: PageOf<SessionId>,
    ) -> Result<Page<Session, SessionId>, Unavailable> {
        let state = self.lock();
        let living = state.sessions.iter().filter(|(_, session)| session.user == user && session.lives(at));
        Ok(piece(living.map(|(id, session)| session.shown(*id)), &page, |session| session.id))
    }

    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<(), Refusal> {
        let mut state = self.lock();
        let found = state.sessions.get_mut(&session).filter(|found| found.user == user && found.lives(at));
        found.ok_or(Refusal::NotFound)?.ended_at = Some(at);
        Ok(())
    }

    async fn end_others(&self, user: UserId, keep: SessionId, at: Timestamp) -> Result<Vec<SessionId>, Unavailable> {
        Ok(self.lock().end_all_but(user, Some(keep), at))
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>, Unavailable> {
        let state = self.lock();
        let ended = state.sessions.iter().filter_map(|(id, session)| Some((*id, session.ended_at?)));
        Ok(ended.filter(|(_, at)| *at >= since).collect())
    }
}

impl State {
    fn rotate(
        &mut self,
        presented: Digest,
        successor: Digest,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Option<Rotation> {
        let id = *self.tokens.get(&presented)?;
        let session = self.sessions.get_mut(&id)?;
        if session.ended_at.is_some() {
            return Some(Rotation::Ended);
        }
        if session.expires_at <= at {
            return None;
        }
        if presented == session.current {
            session.previous = Some(presented);
        } else if Some(presented) == session.previous {
            self.tokens.remove(&session.current);
        } else {
            session.ended_at = Some(at);
            return Some(Rotation::Reused { user: session.user, session: id });
        }
        session.current = successor;
        session.refreshed_at = at;
        session.expires_at = expires_at;
        self.tokens.insert(successor, id);
        let user = self.users.get(&session.user)?.user.clone();
        Some(Rotation::Rotated { user, session: id })
    }

    /// Ends what has not ended yet, expired sessions included: an access token may outlive its session's expiry.
    pub(crate) fn end_all_but(&mut self, user: UserId, keep: Option<SessionId>, at: Timestamp) -> Vec<SessionId> {
        let others = self
            .sessions
            .iter_mut()
            .filter(|(id, session)| session.user == user && session.ended_at.is_none() && Some(**id) != keep);
        others
            .map(|(id, session)| {
                session.ended_at = Some(at);
                *id
            })
            .collect()
    }
}

impl SignIn {
    fn lives(&self, at: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at > at
    }

    fn shown(&self, id: SessionId) -> Session {
        Session {
            id,
            device: self.device.clone(),
            created_at: self.created_at,
            refreshed_at: self.refreshed_at,
            expires_at: self.expires_at,
            current: false,
        }
    }
}
