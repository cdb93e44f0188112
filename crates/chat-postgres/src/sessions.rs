//! Sessions: the chain of refresh tokens, and its end. Only digests of tokens are ever here.

mod rotate;

use async_trait::async_trait;
use chat_domain::{
    ids::{SessionId, UserId},
    objects::Session,
    pages::{Page, PageOf},
    ports::{Digest, NewSession, PasswordHash, Rotation, SessionStore},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
    words::Device,
};
use diesel::{
    QueryResult,
    dsl::insert_into,
    prelude::*,
    sql_types::{self, BigInt},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{FutureExt, TryFutureExt};
use uuid::Uuid;

use crate::{
    Postgres,
    columns::{Bytes, rows, time},
    fault::Fault,
    handle::only_unavailable,
    schema::{sessions, users},
    statement::{fixed, statements},
};

#[async_trait]
impl SessionStore for Postgres {
    async fn open(&self, session: NewSession) -> Result<(), Refusal> {
        self.change("sessions.open", |conn| open(conn, session).boxed()).await
    }

    async fn rotate(
        &self,
        presented: Digest,
        successor: Digest,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, Unavailable> {
        let rotated = self
            .change("sessions.rotate", move |conn| rotate::rotate(conn, presented, successor, at, expires_at).boxed());
        rotated.await.map_err(only_unavailable)
    }

    async fn list(
        &self,
        user: UserId,
        at: Timestamp,
        page: PageOf<SessionId>,
    ) -> Result<Page<Session, SessionId>, Unavailable> {
        self.read("sessions.list", move |conn| list(conn, user, at, page).boxed()).await
    }

    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<(), Refusal> {
        self.write("sessions.end", move |conn| end(conn, user, session, at).boxed()).await
    }

    async fn end_others(&self, user: UserId, keep: SessionId, at: Timestamp) -> Result<Vec<SessionId>, Unavailable> {
        let ended = self.write("sessions.end_others", move |conn| {
            end_all_but(conn, user, Some(keep), at).map_err(Fault::from).boxed()
        });
        ended.await.map_err(only_unavailable)
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>, Unavailable> {
        self.read("sessions.ended_since", move |conn| ended_since(conn, since).boxed()).await
    }
}

/// The user is kept from being deleted until the session is there, so that the deletion finds it.
async fn open(mut conn: &AsyncPgConnection, session: NewSession) -> Result<(), Fault> {
    let user = users::table.filter(users::id.eq(session.user.0)).filter(users::deleted_at.is_null());
    // Who sets another password holds the row: this waits, and then sees that one.
    let hash = user.for_key_share().select(users::password_hash);
    let hash: Option<Option<String>> = hash.get_result(&mut conn).await.optional()?;
    if hash.flatten().map(PasswordHash).as_ref() != Some(&session.password) {
        return Err(Refusal::NotFound.into());
    }
    let row = (
        sessions::id.eq(session.id.0),
        sessions::user.eq(session.user.0),
        sessions::device.eq(session.device.as_ref().map(Device::as_str)),
        sessions::created_at.eq(session.at.as_millis()),
        sessions::refreshed_at.eq(session.at.as_millis()),
        sessions::expires_at.eq(session.expires_at.as_millis()),
        sessions::current.eq(Bytes::from(session.refresh)),
    );
    insert_into(sessions::table).values(row).execute(&mut conn).await.map_err(Fault::told)?;
    Ok(())
}

async fn end(mut conn: &AsyncPgConnection, user: UserId, session: SessionId, at: Timestamp) -> Result<(), Fault> {
    let living = sessions::table
        .filter(sessions::id.eq(session.0))
        .filter(sessions::user.eq(user.0))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(at.as_millis()));
    let ended = diesel::update(living).set(sessions::ended_at.eq(at.as_millis())).execute(&mut conn).await?;
    if ended == 0 { Err(Refusal::NotFound.into()) } else { Ok(()) }
}

async fn ended_since(mut conn: &AsyncPgConnection, since: Timestamp) -> QueryResult<Vec<(SessionId, Timestamp)>> {
    let ended = sessions::table.filter(sessions::ended_at.ge(since.as_millis()));
    let ended = ended.select((sessions::id, sessions::ended_at.assume_not_null()));
    let ended: Vec<(Uuid, i64)> = ended.load(&mut conn).await?;
    Ok(ended.into_iter().map(|(id, at)| (SessionId(id), time(at))).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: Uuid,
    device: Option<String>,
    created_at: i64,
    refreshed_at: i64,
    expires_at: i64,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: SessionId(row.id),
            device: row.device.map(Device::from_stored),
            created_at: time(row.created_at),
            refreshed_at: time(row.refreshed_at),
            expires_at: time(row.expires_at),
            current: false,
        }
    }
}

async fn list(
    mut conn: &AsyncPgConnection,
    user: UserId,
    at: Timestamp,
    page: PageOf<SessionId>,
) -> QueryResult<Page<Session, SessionId>> {
    let living = sessions::table
        .filter(sessions::user.eq(user.0))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(at.as_millis()))
        .filter(sessions::id.gt(page.after.map_or(Uuid::nil(), |after| after.0)));
    let living = living.order(sessions::id).limit(rows(page.limit.saturating_add(1)));
    let found = living.select(SessionRow::as_select()).load(&mut conn).await?;
    Ok(Page::cut(found.into_iter().map(Session::from).collect(), page.limit, |session| session.id))
}

statements! {
    /// In one order, so that two who do this at once wait for each other and not each for the other.
    EndAllBut: sql_types::Uuid = "
        UPDATE sessions SET ended_at = $3
        WHERE id IN (SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND id <> $2 ORDER BY id FOR UPDATE)
        RETURNING id";
}

/// Ends what has not ended yet, expired sessions included: an access token may outlive its session's expiry.
pub(crate) async fn end_all_but(
    mut conn: &AsyncPgConnection,
    user: UserId,
    keep: Option<SessionId>,
    at: Timestamp,
) -> QueryResult<Vec<SessionId>> {
    let keep = keep.map_or(Uuid::nil(), |keep| keep.0);
    let end = fixed::<EndAllBut, _>(|query| {
        query.bind::<sql_types::Uuid, _>(user.0).bind::<sql_types::Uuid, _>(keep).bind::<BigInt, _>(at.as_millis())
    });
    let mut ended: Vec<Uuid> = end.load(&mut conn).await?;
    ended.sort_unstable();
    Ok(ended.into_iter().map(SessionId).collect())
}
