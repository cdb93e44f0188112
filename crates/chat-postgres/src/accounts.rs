//! Accounts: users, their names, their passwords.

use async_trait::async_trait;
use chat_domain::{
    event::{Hint, HintAbout},
    ids::{Seq, SessionId, UserId},
    objects::User,
    pages::{Page, PageOf},
    ports::{AccountStore, Departure, NewAccount, PasswordHash},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
    words::{DisplayName, Username},
};
use diesel::{QueryResult, dsl::insert_into, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use uuid::Uuid;

mod delete;

use crate::{
    Postgres,
    columns::{int, rows, strpos},
    fault::Fault,
    handle::only_unavailable,
    rows::{UserRow, lock_user},
    schema::users,
    sessions::end_all_but,
};

#[async_trait]
impl AccountStore for Postgres {
    async fn create(&self, account: NewAccount) -> Result<User, Refusal> {
        self.write("accounts.create", |conn| create(conn, account).boxed()).await
    }

    async fn credentials(&self, username: &Username) -> Result<Option<(User, PasswordHash)>, Unavailable> {
        let username = username.clone();
        self.read("accounts.credentials", |conn| credentials(conn, username).boxed()).await
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>, Unavailable> {
        self.read("accounts.password", move |conn| password(conn, user).boxed()).await
    }

    async fn rehash(&self, user: UserId, old: PasswordHash, new: PasswordHash) -> Result<(), Unavailable> {
        let done = self.write("accounts.rehash", move |conn| rehash(conn, user, old, new).boxed());
        done.await.map_err(only_unavailable)
    }

    async fn set_password(
        &self,
        user: UserId,
        password: PasswordHash,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, Refusal> {
        self.change("accounts.set_password", move |conn| set_password(conn, user, password, keep, at).boxed()).await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<(User, Seq)>, Unavailable> {
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        self.read("accounts.users", |conn| users(conn, ids).boxed()).await
    }

    async fn search(&self, query: &str, page: PageOf<Username>) -> Result<Page<User, Username>, Unavailable> {
        let query = query.to_lowercase();
        if query.contains('\0') {
            return Ok(Page { items: Vec::new(), next: None }); // a character that no column can hold
        }
        self.read("accounts.search", |conn| search(conn, query, page).boxed()).await
    }

    async fn rename(&self, user: UserId, display_name: DisplayName) -> Result<(User, Option<Hint>), Refusal> {
        self.change("accounts.rename", move |conn| rename(conn, user, display_name).boxed()).await
    }

    async fn delete(&self, user: UserId, at: Timestamp) -> Result<Departure, Refusal> {
        let attempts = self.settings().attempts;
        self.write("accounts.delete", move |conn| delete::delete(conn, user, at, attempts).boxed()).await
    }
}

async fn create(mut conn: &AsyncPgConnection, account: NewAccount) -> Result<User, Fault> {
    let row = (
        users::id.eq(account.id.0),
        users::username.eq(account.username.as_str()),
        users::reserved.eq(account.username.as_str()),
        users::display_name.eq(account.display_name.as_str()),
        users::words.eq(words(&account.display_name)),
        users::password_hash.eq(&account.password.0),
        users::bot.eq(false),
        users::created_at.eq(account.at.as_millis()),
    );
    insert_into(users::table).values(row).execute(&mut conn).await.map_err(Fault::told)?;
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

async fn credentials(mut conn: &AsyncPgConnection, username: Username) -> QueryResult<Option<(User, PasswordHash)>> {
    let named = users::table.filter(users::username.eq(username.as_str())).filter(users::bot.eq(false));
    let found = named.select((UserRow::as_select(), users::password_hash));
    let found: Option<(UserRow, Option<String>)> = found.get_result(&mut conn).await.optional()?;
    Ok(found.and_then(|(row, hash)| Some((row.user(), PasswordHash(hash?)))))
}

async fn password(mut conn: &AsyncPgConnection, user: UserId) -> QueryResult<Option<PasswordHash>> {
    let hash = users::table.find(user.0).select(users::password_hash);
    let hash: Option<Option<String>> = hash.get_result(&mut conn).await.optional()?;
    Ok(hash.flatten().map(PasswordHash))
}

async fn rehash(mut conn: &AsyncPgConnection, user: UserId, old: PasswordHash, new: PasswordHash) -> Result<(), Fault> {
    let row = users::table.filter(users::id.eq(user.0)).filter(users::password_hash.eq(old.0));
    diesel::update(row).set(users::password_hash.eq(new.0)).execute(&mut conn).await?;
    Ok(())
}

async fn users(mut conn: &AsyncPgConnection, ids: Vec<Uuid>) -> QueryResult<Vec<(User, Seq)>> {
    let found = users::table.filter(users::id.eq_any(ids)).select(UserRow::as_select()).load(&mut conn).await?;
    let found = found.into_iter().map(|row| row.seq().map(|seq| (row.user(), seq)));
    found.collect()
}

async fn set_password(
    mut conn: &AsyncPgConnection,
    user: UserId,
    password: PasswordHash,
    keep: SessionId,
    at: Timestamp,
) -> Result<Vec<SessionId>, Fault> {
    lock_user(conn, user).await?.ok_or(Refusal::NotFound)?;
    let row = users::table.find(user.0);
    diesel::update(row).set(users::password_hash.eq(password.0)).execute(&mut conn).await?;
    Ok(end_all_but(conn, user, Some(keep), at).await?)
}

async fn search(
    mut conn: &AsyncPgConnection,
    query: String,
    page: PageOf<Username>,
) -> QueryResult<Page<User, Username>> {
    let after = page.after.as_ref().map_or("", Username::as_str);
    let is_named = strpos(users::username, &query).eq(1);
    let is_called = strpos(users::words, format!(" {query}")).gt(0);
    let found = users::table
        .filter(users::username.gt(after))
        .filter(users::bot.eq(false))
        .filter(is_named.or(is_called))
        .order(users::username)
        .limit(rows(page.limit.saturating_add(1)))
        .select(UserRow::as_select())
        .load(&mut conn)
        .await?;
    let found: Vec<User> = found.into_iter().map(UserRow::user).collect();
    let more = found.len() > page.limit;
    let items: Vec<User> = found.into_iter().take(page.limit).collect();
    let next = items.last().filter(|_| more).and_then(|user| user.username.clone());
    Ok(Page { items, next })
}

async fn rename(mut conn: &AsyncPgConnection, user: UserId, name: DisplayName) -> Result<(User, Option<Hint>), Fault> {
    let row = lock_user(conn, user).await?.ok_or(Refusal::NotFound)?;
    let seq = row.seq()? + 1;
    let mut renamed = row.user();
    if renamed.display_name.as_ref() == Some(&name) {
        return Ok((renamed, None));
    }
    let change = (users::display_name.eq(name.as_str()), users::words.eq(words(&name)), users::me_seq.eq(int(seq)));
    diesel::update(users::table.find(user.0)).set(change).execute(&mut conn).await?;
    renamed.display_name = Some(name);
    let about = HintAbout::Profile(renamed.clone().into());
    Ok((renamed, Some(Hint { user, seq, about })))
}
