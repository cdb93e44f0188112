//! Accounts: users, their names, their passwords.

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
use diesel::{
    QueryResult, SqliteConnection,
    dsl::insert_into,
    prelude::*,
    result::{DatabaseErrorKind, Error},
};

use crate::{
    Sqlite,
    columns::{Key, instr, int, rows},
    commit,
    rows::{UserRow, living_user},
    schema::{members, users},
    sessions::end_all_but,
    slot::Fault,
};

#[async_trait]
impl AccountStore for Sqlite {
    async fn create(&self, account: NewAccount) -> Result<User, Refusal> {
        self.change("accounts.create", move |conn| create(conn, account)).await
    }

    async fn credentials(&self, username: &Username) -> Result<Option<(User, PasswordHash)>, Unavailable> {
        let username = username.clone();
        self.read("accounts.credentials", move |conn| {
            let named = users::table.filter(users::username.eq(username.as_str())).filter(users::bot.eq(false));
            let found = named.select((UserRow::as_select(), users::password_hash));
            let found: Option<(UserRow, Option<String>)> = found.get_result(conn).optional()?;
            Ok(found.and_then(|(row, hash)| Some((row.user(), PasswordHash(hash?)))))
        })
        .await
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>, Unavailable> {
        self.read("accounts.password", move |conn| {
            let hash = users::table.find(Key::from(user)).select(users::password_hash);
            let hash: Option<Option<String>> = hash.get_result(conn).optional()?;
            Ok(hash.flatten().map(PasswordHash))
        })
        .await
    }

    async fn rehash(&self, user: UserId, old: PasswordHash, new: PasswordHash) -> Result<(), Unavailable> {
        self.write("accounts.rehash", move |conn| {
            let row = users::table.filter(users::id.eq(Key::from(user))).filter(users::password_hash.eq(old.0));
            diesel::update(row).set(users::password_hash.eq(new.0)).execute(conn).map(drop)
        })
        .await
    }

    async fn set_password(
        &self,
        user: UserId,
        password: PasswordHash,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, Refusal> {
        self.change("accounts.set_password", move |conn| {
            living_user(conn, user)?.ok_or(Refusal::NotFound)?;
            let row = users::table.find(Key::from(user));
            diesel::update(row).set(users::password_hash.eq(password.0)).execute(conn)?;
            Ok(end_all_but(conn, user, Some(keep), at)?)
        })
        .await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<(User, Seq)>, Unavailable> {
        let ids: Vec<Key> = ids.iter().copied().map(Key::from).collect();
        self.read("accounts.users", move |conn| {
            let found = users::table.filter(users::id.eq_any(ids)).select(UserRow::as_select()).load(conn)?;
            found
                .into_iter()
                .map(|row| Ok((row.seq()?, row)))
                .map(|row| row.map(|(seq, row)| (row.user(), seq)))
                .collect()
        })
        .await
    }

    async fn search(&self, query: &str, page: PageOf<Username>) -> Result<Page<User, Username>, Unavailable> {
        let query = query.to_lowercase();
        self.read("accounts.search", move |conn| search(conn, &query, &page)).await
    }

    async fn rename(&self, user: UserId, display_name: DisplayName) -> Result<(User, Option<Hint>), Refusal> {
        self.change("accounts.rename", move |conn| rename(conn, user, display_name)).await
    }

    async fn delete(&self, user: UserId, at: Timestamp) -> Result<Departure, Refusal> {
        self.change("accounts.delete", move |conn| delete(conn, user, at)).await
    }
}

fn create(conn: &mut SqliteConnection, account: NewAccount) -> Result<User, Fault> {
    let row = (
        users::id.eq(Key::from(account.id)),
        users::username.eq(account.username.as_str()),
        users::reserved.eq(account.username.as_str()),
        users::display_name.eq(account.display_name.as_str()),
        users::words.eq(words(&account.display_name)),
        users::password_hash.eq(&account.password.0),
        users::bot.eq(false),
        users::created_at.eq(account.at.as_millis()),
    );
    match insert_into(users::table).values(row).execute(conn) {
        Ok(_) => {}
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => return Err(Refusal::UsernameTaken.into()),
        Err(error) => return Err(error.into()),
    }
    Ok(User {
        id: account.id,
        username: Some(account.username),
        display_name: Some(account.display_name),
        bot: false,
        deleted: false,
        created_at: account.at,
    })
}

/// In lower case, with a space before each word, so that the beginning of a word is found as a space and that beginning.
pub(crate) fn words(name: &DisplayName) -> String {
    format!(" {}", name.as_str().to_lowercase())
}

fn search(conn: &mut SqliteConnection, query: &str, page: &PageOf<Username>) -> QueryResult<Page<User, Username>> {
    let after = page.after.as_ref().map_or("", Username::as_str);
    let is_named = instr(users::username, query).eq(1);
    let is_called = instr(users::words, format!(" {query}")).gt(0);
    let found = users::table
        .filter(users::username.gt(after))
        .filter(users::bot.eq(false))
        .filter(is_named.or(is_called))
        .order(users::username)
        .limit(rows(page.limit.saturating_add(1)))
        .select(UserRow::as_select())
        .load(conn)?;
    let found: Vec<User> = found.into_iter().map(UserRow::user).collect();
    let more = found.len() > page.limit;
    let items: Vec<User> = found.into_iter().take(page.limit).collect();
    let next = items.last().filter(|_| more).and_then(|user| user.username.clone());
    Ok(Page { items, next })
}

fn rename(conn: &mut SqliteConnection, user: UserId, name: DisplayName) -> Result<(User, Option<Hint>), Fault> {
    let row = living_user(conn, user)?.ok_or(Refusal::NotFound)?;
    let seq = row.seq()? + 1;
    let mut renamed = row.user();
    if renamed.display_name.as_ref() == Some(&name) {
        return Ok((renamed, None));
    }
    let change = (users::display_name.eq(name.as_str()), users::words.eq(words(&name)), users::me_seq.eq(int(seq)));
    diesel::update(users::table.find(Key::from(user))).set(change).execute(conn)?;
    renamed.display_name = Some(name);
    let about = HintAbout::Profile(renamed.clone().into());
    Ok((renamed, Some(Hint { user, seq, about })))
}

fn delete(conn: &mut SqliteConnection, user: UserId, at: Timestamp) -> Result<Departure, Fault> {
    living_user(conn, user)?.ok_or(Refusal::NotFound)?;
    let present = members::table.filter(members::user.eq(Key::from(user))).filter(members::is_in.eq(true));
    let rooms: Vec<Key> = present.order(members::room).select(members::room).load(conn)?;
    let depart = |room: Key| Command { room: RoomId::from(room), by: user, at, action: Action::Depart };
    let commands: Vec<Command> = rooms.into_iter().map(depart).collect();
    let outcomes = commit::carry_out(conn, &commands)?.into_iter().collect::<Result<_, Refusal>>()?;
    let sessions = end_all_but(conn, user, None, at)?;
    let nothing = (
        users::username.eq(None::<&str>),
        users::display_name.eq(None::<&str>),
        users::words.eq(None::<&str>),
        users::password_hash.eq(None::<&str>),
        users::deleted_at.eq(at.as_millis()),
    );
    diesel::update(users::table.find(Key::from(user))).set(nothing).execute(conn)?;
    Ok(Departure { outcomes, sessions })
}
