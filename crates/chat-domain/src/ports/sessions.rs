//! The port for sessions: sign-ins, the rotation of their refresh tokens, their end.

use async_trait::async_trait;

use super::{Digest, PasswordHash};
use crate::{
    ids::{SessionId, UserId},
    objects::{Session, User},
    pages::{Page, PageOf},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
    words::Device,
};

/// A sign-in that is to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSession {
    /// Fresh.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The stored hash that the password was compared with: hashing takes long, and a new password ends what an old one
    /// opened.
    pub password: PasswordHash,
    /// From what.
    pub device: Option<Device>,
    /// Of the first refresh token.
    pub refresh: Digest,
    /// Now.
    pub at: Timestamp,
    /// Unless refreshed by then.
    pub expires_at: Timestamp,
}

/// What came of a presented refresh token (RFC 9700 §4.14.2).
#[derive(Clone, Debug, PartialEq)]
pub enum Rotation {
    /// The successor is stored; an unused earlier successor is forgotten.
    Rotated {
        /// Whose.
        user: User,
        /// Which.
        session: SessionId,
    },
    /// A token that was used before, after its successor was used as well: the session has ended now.
    Reused {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A token of a session that had ended before.
    Ended,
    /// No token of ours, a dropped one, or an expired one.
    Unknown,
}

/// Sessions. A session's tokens form a chain: *spent* ones, the *previous* one, and the *current* one that was never
/// presented. Presenting the current makes it previous, the previous one spent; presenting the previous again replaces
/// the current, which is forgotten; presenting a spent one ends the session.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a sign-in.
    ///
    /// # Errors
    /// `NotFound` when the user was deleted meanwhile, or has another password by now.
    async fn open(&self, session: NewSession) -> Result<(), Refusal>;

    /// Presents a refresh token and stores its successor, which expires at `expires_at`, as does the session.
    async fn rotate(
        &self,
        presented: Digest,
        successor: Digest,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, Unavailable>;

    /// The user's living sessions (not ended, not expired at `at`), oldest first by id; `current` is never set.
    async fn list(
        &self,
        user: UserId,
        at: Timestamp,
        page: PageOf<SessionId>,
    ) -> Result<Page<Session, SessionId>, Unavailable>;

    /// Ends one session of the user.
    ///
    /// # Errors
    /// `NotFound` when it is not the user's, or has ended or expired.
    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<(), Refusal>;

    /// Ends all sessions of the user but `keep`; returns the ended ones.
    async fn end_others(&self, user: UserId, keep: SessionId, at: Timestamp) -> Result<Vec<SessionId>, Unavailable>;

    /// Sessions ended at or after `since`: their access tokens may still be unexpired.
    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>, Unavailable>;
}
