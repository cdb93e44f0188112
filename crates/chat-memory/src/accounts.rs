//! Accounts: users, their names, their passwords.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chat_domain::{
    command::{Action, Command},
    event::{Hint, HintAbout},
    ids::{RoomId, Seq, SessionId, UserId},
    objects::User,
    pages::{Page, PageOf},
    ports::{AccountStore, Departure, NewAccount, PasswordHash},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
    words::{DisplayName, Username},
};

use crate::{
    memory::Memory,
    state::{Account, piece},
};

#[async_trait]
impl AccountStore for Memory {
    async fn create(&self, account: NewAccount) -> Result<User, Refusal> {
        let mut state = self.lock();
        if state.usernames.contains_key(&account.username) {
            return Err(Refusal::UsernameTaken);
        }
        let user = User {
            id: account.id,
            username: Some(account.username.clone()),
            display_name: Some(account.display_name),
            bot: false,
            deleted: false,
            created_at: account.at,
        };
        state.usernames.insert(account.username, user.id);
        state.users.insert(user.id, Account { user: user.clone(), password: Some(account.password), hint: 0 });
        Ok(user)
    }

    async fn credentials(&self, username: &Username) -> Result<Option<(User, PasswordHash)>, Unavailable> {
        let state = self.lock();
        let account = state.usernames.get(username).and_then(|user| state.living(*user));
        Ok(account.and_then(|account| Some((account.user.clone(), account.password.clone()?))))
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>, Unavailable> {
        Ok(self.lock().living(user).and_then(|account| account.password.clone()))
    }

    async fn rehash(&self, user: UserId, old: PasswordHash, new: PasswordHash) -> Result<(), Unavailable> {
        let mut state = self.lock();
        if let Some(stored) = state.users.get_mut(&user).and_then(|account| account.password.as_mut())
            && *stored == old
        {
            *stored = new;
        }
        Ok(())
    }

    async fn set_password(
        &self,
        user: UserId,
        password: PasswordHash,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, Refusal> {
        let mut state = self.lock();
        let account = state.users.get_mut(&user).filter(|account| !account.user.deleted);
        account.ok_or(Refusal::NotFound)?.password = Some(password);
        Ok(state.end_all_but(user, Some(keep), at))
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<(User, Seq)>, Unavailable> {
        let state = self.lock();
        let wanted: BTreeSet<UserId> = ids.iter().copied().collect();
        let found = wanted.iter().filter_map(|id| state.users.get(id));
        Ok(found.map(|account| (account.user.clone(), account.hint)).collect())
    }

    async fn search(&self, query: &str, page: PageOf<Username>) -> Result<Page<User, Username>, Unavailable> {
        let state = self.lock();
        let query = query.to_lowercase();
        let named = state.usernames.iter().filter_map(|(name, user)| Some((name, &state.living(*user)?.user)));
        let people = named.filter(|(_, user)| !user.bot);
        let found = people.filter(|(name, user)| name.as_str().starts_with(&query) || is_called(user, &query));
        let found = piece(found, &page, |(name, _)| (*name).clone());
        Ok(Page { items: found.items.into_iter().map(|(_, user)| user.clone()).collect(), next: found.next })
    }

    async fn rename(&self, user: UserId, display_name: DisplayName) -> Result<(User, Option<Hint>), Refusal> {
        let mut state = self.lock();
        let account = state.users.get_mut(&user).filter(|account| !account.user.deleted).ok_or(Refusal::NotFound)?;
        if account.user.display_name.as_ref() == Some(&display_name) {
            return Ok((account.user.clone(), None));
        }
        account.user.display_name = Some(display_name);
        let renamed = account.user.clone();
        let about = HintAbout::Profile(renamed.clone().into());
        Ok((renamed, Some(Hint { user, seq: state.number(user), about })))
    }

    async fn delete(&self, user: UserId, at: Timestamp) -> Result<Departure, Refusal> {
        let mut state = self.lock();
        state.living(user).ok_or(Refusal::NotFound)?;
        let rooms: Vec<RoomId> = state.rooms_of(user).map(|log| log.room.id).collect();
        let mut outcomes = Vec::with_capacity(rooms.len());
        for room in rooms {
            outcomes.push(state.commit(&Command { room, by: user, at, action: Action::Depart })?);
        }
        let sessions = state.end_all_but(user, None, at);
        if let Some(account) = state.users.get_mut(&user) {
            account.password = None;
            account.user = User { username: None, display_name: None, deleted: true, ..account.user.clone() };
        }
        Ok(Departure { outcomes, sessions })
    }
}

/// Whether a word of the display name, or several in a row, starts so.
fn is_called(user: &User, query: &str) -> bool {
    let name = user.display_name.as_ref().map(|name| name.as_str().to_lowercase()).unwrap_or_default();
    name.starts_with(query) || name.contains(&format!(" {query}"))
}
