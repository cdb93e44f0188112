//! The port for accounts: users, their names, their passwords.

use async_trait::async_trait;

use super::PasswordHash;
use crate::{
    command::Outcome,
    event::Hint,
    ids::{Seq, SessionId, UserId},
    objects::User,
    pages::{Page, PageOf},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
    words::{DisplayName, Username},
};

/// An account that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAccount {
    /// Fresh.
    pub id: UserId,
    /// Wanted.
    pub username: Username,
    /// Shown.
    pub display_name: DisplayName,
    /// Never the password.
    pub password: PasswordHash,
    /// Now.
    pub at: Timestamp,
}

/// What an account's deletion leaves for others to hear.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Departure {
    /// One for each room the user was in.
    pub outcomes: Vec<Outcome>,
    /// Sessions that ended.
    pub sessions: Vec<SessionId>,
}

/// Users. A username is given out once, for ever; a deleted user keeps the id.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Makes the account.
    ///
    /// # Errors
    /// `UsernameTaken`, also when its holder was deleted.
    async fn create(&self, account: NewAccount) -> Result<User, Refusal>;

    /// The user of that name and the stored hash; `None` when there is none, or was, or is a bot.
    async fn credentials(&self, username: &Username) -> Result<Option<(User, PasswordHash)>, Unavailable>;

    /// The user's stored hash; `None` when there is none.
    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>, Unavailable>;

    /// Replaces `old` by `new`, unless the stored hash is not `old` any more.
    async fn rehash(&self, user: UserId, old: PasswordHash, new: PasswordHash) -> Result<(), Unavailable>;

    /// Sets a password and ends all sessions of the user but `keep`; returns the ended ones.
    ///
    /// # Errors
    /// `NotFound` when the user is deleted.
    async fn set_password(
        &self,
        user: UserId,
        password: PasswordHash,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, Refusal>;

    /// Those that exist, deleted ones included, in no order, each once, each with the number of its newest hint.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<(User, Seq)>, Unavailable>;

    /// Living people, no bots, whose username starts with `query`, or a word of whose display name does, without case; by username.
    async fn search(&self, query: &str, page: PageOf<Username>) -> Result<Page<User, Username>, Unavailable>;

    /// Another display name; with it a `Profile` hint, unless it was the same.
    ///
    /// # Errors
    /// `NotFound` when the user is deleted.
    async fn rename(&self, user: UserId, display_name: DisplayName) -> Result<(User, Option<Hint>), Refusal>;

    /// Deletes the user: names go, sessions end, every room is left with a `Depart`; all in one transaction.
    ///
    /// # Errors
    /// `NotFound` when already deleted.
    async fn delete(&self, user: UserId, at: Timestamp) -> Result<Departure, Refusal>;
}
