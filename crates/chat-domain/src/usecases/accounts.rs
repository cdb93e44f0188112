//! Accounts: register, look up, rename, change the password, delete.

use super::Chat;
use crate::{
    ids::{SessionId, UserId},
    limits::Rate,
    objects::User,
    pages::{Page, PageOf},
    ports::{Busy, NewAccount, PasswordVerdict},
    refusal::{Refusal, Unavailable},
    words::{DisplayName, Password, Username},
};

/// Somebody wants an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// To sign in with.
    pub username: Username,
    /// Chosen with [`Password::choose`].
    pub password: Password,
    /// The username, when absent.
    pub display_name: Option<DisplayName>,
}

impl Chat {
    /// Makes an account for somebody at `address`.
    ///
    /// # Errors
    /// `RegistrationClosed`, `RateLimited`, `UsernameTaken`, `Unavailable` (also when too many passwords are hashed).
    pub async fn register(&self, address: &str, wanted: Registration) -> Result<User, Refusal> {
        if !self.limits.registration_open {
            return Err(Refusal::RegistrationClosed);
        }
        self.count(&Rate::RegistrationsFrom(address.to_owned()))?;
        let display_name = match wanted.display_name {
            Some(name) => name,
            None => {
                DisplayName::parse(wanted.username.as_str()).map_err(|reason| Refusal::invalid("/username", reason))?
            }
        };
        let password = self.ports.passwords.hash(wanted.password).await.map_err(busy)?;
        let account = NewAccount {
            id: UserId(self.ports.clock.fresh_id()),
            username: wanted.username,
            display_name,
            password,
            at: self.now(),
        };
        self.ports.accounts.create(account).await
    }

    /// One user, deleted or not.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn user(&self, id: UserId) -> Result<User, Refusal> {
        self.users(&[id]).await?.pop().ok_or(Refusal::NotFound)
    }

    /// Those of these users that exist, by id.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, Refusal> {
        let mut users: Vec<User> = self.ports.accounts.users(ids).await?.into_iter().map(|(user, _)| user).collect();
        users.sort_by_key(|user| user.id);
        Ok(users)
    }

    /// Living users by the start of a name.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find_users(&self, query: &str, page: PageOf<Username>) -> Result<Page<User, Username>, Refusal> {
        Ok(self.ports.accounts.search(query, page).await?)
    }

    /// Gives oneself another display name.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn rename(&self, user: UserId, name: DisplayName) -> Result<User, Refusal> {
        let (user, hint) = self.ports.accounts.rename(user, name).await?;
        self.ports.journal.publish_hints(hint.into_iter().collect());
        Ok(user)
    }

    /// Changes one's own password; the other sessions end.
    ///
    /// # Errors
    /// `RateLimited`, `WrongPassword`, `Unavailable`.
    pub async fn change_password(
        &self,
        user: UserId,
        session: SessionId,
        current: &str,
        new: Password,
    ) -> Result<(), Refusal> {
        self.confirm(user, current).await?;
        let hash = self.ports.passwords.hash(new).await.map_err(busy)?;
        let ended = self.ports.accounts.set_password(user, hash, session, self.now()).await?;
        self.ports.journal.end_sessions(&ended);
        Ok(())
    }

    /// Deletes one's own account.
    ///
    /// # Errors
    /// `RateLimited`, `WrongPassword`, `Unavailable`.
    pub async fn delete_account(&self, user: UserId, password: &str) -> Result<(), Refusal> {
        self.confirm(user, password).await?;
        let departure = self.ports.accounts.delete(user, self.now()).await?;
        self.ports.journal.publish(departure.outcomes);
        self.ports.journal.end_sessions(&departure.sessions);
        Ok(())
    }

    /// One's own password, asked for again: a stolen access token must not be enough.
    async fn confirm(&self, user: UserId, password: &str) -> Result<(), Refusal> {
        let rate = Rate::SignInsFor(user.to_string());
        self.count(&rate)?;
        let stored = self.ports.accounts.password(user).await?;
        let Some(attempt) = Password::attempt(password) else { return Err(Refusal::WrongPassword) };
        match self.ports.passwords.verify(attempt, stored).await.map_err(busy)? {
            PasswordVerdict::Wrong => Err(Refusal::WrongPassword),
            PasswordVerdict::Right | PasswordVerdict::RightButWeak => {
                self.ports.rates.forgive(&rate);
                Ok(())
            }
        }
    }
}

pub(super) fn busy(busy: Busy) -> Refusal {
    Refusal::Unavailable(Unavailable { reason: "the password queue is full".to_owned(), retry_ms: busy.retry_ms })
}
