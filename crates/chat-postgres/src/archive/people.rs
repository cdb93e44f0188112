//! Accounts and sign-ins as rows.

use chat_domain::{
    ids::{SessionId, UserId},
    objects::User,
    ports::{Digest, Item, PasswordHash, StoredSession, StoredUser},
    words::{Device, DisplayName, Username},
};
use diesel::{QueryResult, dsl::insert_into, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    accounts::words,
    columns::{Bytes, count, int, rows, time},
    schema::{sessions, spent_tokens, users},
    statement::Pipeline,
};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
struct UserRow {
    id: Uuid,
    username: Option<String>,
    reserved: Option<String>,
    display_name: Option<String>,
    words: Option<String>,
    password_hash: Option<String>,
    bot: bool,
    deleted_at: Option<i64>,
    created_at: i64,
    me_seq: i64,
}

impl UserRow {
    fn item(self) -> QueryResult<Item> {
        let user = User {
            id: UserId(self.id),
            username: self.username.map(Username::from_stored),
            display_name: self.display_name.map(DisplayName::from_stored),
            bot: self.bot,
            deleted: self.deleted_at.is_some(),
            created_at: time(self.created_at),
        };
        Ok(Item::User(StoredUser {
            user,
            reserved: self.reserved.map(Username::from_stored),
            password: self.password_hash.map(PasswordHash),
            hints: count(self.me_seq)?,
            deleted_at: self.deleted_at.map(time),
        }))
    }
}

pub(super) async fn users(mut conn: &AsyncPgConnection, after: Option<Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let after = if let Some(Item::User(last)) = after { last.user.id.0 } else { Uuid::nil() };
    let found = users::table.filter(users::id.gt(after)).order(users::id).limit(rows(limit));
    let found = found.select(UserRow::as_select()).load(&mut conn).await?;
    found.into_iter().map(UserRow::item).collect()
}

pub(super) fn put_user(pipeline: &mut Pipeline<'_>, stored: &StoredUser) {
    let StoredUser { user, reserved, password, hints, deleted_at } = stored;
    let row = UserRow {
        id: user.id.0,
        username: user.username.as_ref().map(|name| name.as_str().to_owned()),
        reserved: reserved.as_ref().map(|name| name.as_str().to_owned()),
        display_name: user.display_name.as_ref().map(|name| name.as_str().to_owned()),
        words: user.display_name.as_ref().map(words),
        password_hash: password.as_ref().map(|hash| hash.0.clone()),
        bot: user.bot,
        deleted_at: deleted_at.map(|at| at.as_millis()),
        created_at: user.created_at.as_millis(),
        me_seq: int(*hints),
    };
    pipeline.push(insert_into(users::table).values(&row).on_conflict(users::id).do_update().set(&row));
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sessions, treat_none_as_null = true)]
struct SessionRow {
    id: Uuid,
    user: Uuid,
    device: Option<String>,
    created_at: i64,
    refreshed_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    current: Bytes<32>,
    previous: Option<Bytes<32>>,
}

impl SessionRow {
    fn item(self) -> Item {
        Item::Session(StoredSession {
            id: SessionId(self.id),
            user: UserId(self.user),
            device: self.device.map(Device::from_stored),
            created_at: time(self.created_at),
            refreshed_at: time(self.refreshed_at),
            expires_at: time(self.expires_at),
            ended_at: self.ended_at.map(time),
            current: Digest(self.current.0),
            previous: self.previous.map(|digest| Digest(digest.0)),
        })
    }
}

pub(super) async fn sessions(
    mut conn: &AsyncPgConnection,
    after: Option<Item>,
    limit: usize,
) -> QueryResult<Vec<Item>> {
    let after = if let Some(Item::Session(last)) = after { last.id.0 } else { Uuid::nil() };
    let found = sessions::table.filter(sessions::id.gt(after)).order(sessions::id).limit(rows(limit));
    let found = found.select(SessionRow::as_select()).load(&mut conn).await?;
    Ok(found.into_iter().map(SessionRow::item).collect())
}

pub(super) fn put_session(pipeline: &mut Pipeline<'_>, session: &StoredSession) {
    let row = SessionRow {
        id: session.id.0,
        user: session.user.0,
        device: session.device.as_ref().map(|device| device.as_str().to_owned()),
        created_at: session.created_at.as_millis(),
        refreshed_at: session.refreshed_at.as_millis(),
        expires_at: session.expires_at.as_millis(),
        ended_at: session.ended_at.map(|at| at.as_millis()),
        current: session.current.into(),
        previous: session.previous.map(Bytes::from),
    };
    pipeline.push(insert_into(sessions::table).values(&row).on_conflict(sessions::id).do_update().set(&row));
}

pub(super) async fn spent_tokens(
    mut conn: &AsyncPgConnection,
    after: Option<Item>,
    limit: usize,
) -> QueryResult<Vec<Item>> {
    let mut wanted = spent_tokens::table.into_boxed();
    if let Some(Item::SpentToken { digest, .. }) = after {
        wanted = wanted.filter(spent_tokens::digest.gt(Bytes::from(digest)));
    }
    let found = wanted.order(spent_tokens::digest).limit(rows(limit));
    let found: Vec<(Bytes<32>, Uuid)> = found.load(&mut conn).await?;
    let item = |(digest, session): (Bytes<32>, Uuid)| Item::SpentToken {
        digest: Digest(digest.0),
        session: SessionId(session),
    };
    Ok(found.into_iter().map(item).collect())
}

pub(super) fn put_spent_token(pipeline: &mut Pipeline<'_>, digest: Digest, session: SessionId) {
    let session = spent_tokens::session.eq(session.0);
    let row = (spent_tokens::digest.eq(Bytes::from(digest)), session);
    let insert = insert_into(spent_tokens::table).values(row);
    pipeline.push(insert.on_conflict(spent_tokens::digest).do_update().set(session));
}
