//! Sessions: the chain of refresh tokens, and its end. Only digests of tokens are ever here.

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
use diesel::{QueryResult, SqliteConnection, dsl::insert_into, prelude::*};

use crate::{
    Sqlite,
    columns::{Bytes, Key, rows, time},
    rows::UserRow,
    schema::{sessions, spent_tokens, users},
};

#[async_trait]
impl SessionStore for Sqlite {
    async fn open(&self, session: NewSession) -> Result<(), Refusal> {
        self.change("sessions.open", move |conn| {
            let hash = users::table.find(Key::from(session.user)).filter(users::deleted_at.is_null());
            let hash: Option<Option<String>> = hash.select(users::password_hash).get_result(conn).optional()?;
            if hash.flatten().map(PasswordHash).as_ref() != Some(&session.password) {
                return Err(Refusal::NotFound.into());
            }
            let row = (
                sessions::id.eq(Key::from(session.id)),
                sessions::user.eq(Key::from(session.user)),
                sessions::device.eq(session.device.as_ref().map(Device::as_str)),
                sessions::created_at.eq(session.at.as_millis()),
                sessions::refreshed_at.eq(session.at.as_millis()),
                sessions::expires_at.eq(session.expires_at.as_millis()),
                sessions::current.eq(Bytes::from(session.refresh)),
            );
            insert_into(sessions::table).values(row).execute(conn)?;
            Ok(())
        })
        .await
    }

    async fn rotate(
        &self,
        presented: Digest,
        successor: Digest,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, Unavailable> {
        self.write("sessions.rotate", move |conn| rotate(conn, presented, successor, at, expires_at)).await
    }

    async fn list(
        &self,
        user: UserId,
        at: Timestamp,
        page: PageOf<SessionId>,
    ) -> Result<Page<Session, SessionId>, Unavailable> {
        self.read("sessions.list", move |conn| list(conn, user, at, &page)).await
    }

    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<(), Refusal> {
        self.change("sessions.end", move |conn| {
            let living = sessions::table
                .filter(sessions::id.eq(Key::from(session)))
                .filter(sessions::user.eq(Key::from(user)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(at.as_millis()));
            let ended = diesel::update(living).set(sessions::ended_at.eq(at.as_millis())).execute(conn)?;
            if ended == 0 { Err(Refusal::NotFound.into()) } else { Ok(()) }
        })
        .await
    }

    async fn end_others(&self, user: UserId, keep: SessionId, at: Timestamp) -> Result<Vec<SessionId>, Unavailable> {
        self.write("sessions.end_others", move |conn| end_all_but(conn, user, Some(keep), at)).await
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>, Unavailable> {
        self.read("sessions.ended_since", move |conn| {
            let ended = sessions::table.filter(sessions::ended_at.ge(since.as_millis()));
            let ended = ended.select((sessions::id, sessions::ended_at.assume_not_null()));
            let ended: Vec<(Key, i64)> = ended.load(conn)?;
            Ok(ended.into_iter().map(|(id, at)| (id.into(), time(at))).collect())
        })
        .await
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: Key,
    device: Option<String>,
    created_at: i64,
    refreshed_at: i64,
    expires_at: i64,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id.into(),
            device: row.device.map(Device::from_stored),
            created_at: time(row.created_at),
            refreshed_at: time(row.refreshed_at),
            expires_at: time(row.expires_at),
            current: false,
        }
    }
}

fn list(
    conn: &mut SqliteConnection,
    user: UserId,
    at: Timestamp,
    page: &PageOf<SessionId>,
) -> QueryResult<Page<Session, SessionId>> {
    let mut living = sessions::table
        .filter(sessions::user.eq(Key::from(user)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(at.as_millis()))
        .into_boxed();
    if let Some(after) = page.after {
        living = living.filter(sessions::id.gt(Key::from(after)));
    }
    let living = living.order(sessions::id).limit(rows(page.limit.saturating_add(1)));
    let found = living.select(SessionRow::as_select()).load(conn)?;
    Ok(Page::cut(found.into_iter().map(Session::from).collect(), page.limit, |session| session.id))
}

/// Where in its session's chain a token stands.
#[derive(Clone, Copy)]
enum Place {
    Current,
    Previous,
    Spent,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct Chain {
    id: Key,
    user: Key,
    expires_at: i64,
    ended_at: Option<i64>,
    previous: Option<Bytes<32>>,
}

fn find(conn: &mut SqliteConnection, token: Bytes<32>) -> QueryResult<Option<(Chain, Place)>> {
    let current = sessions::table.filter(sessions::current.eq(token)).select(Chain::as_select());
    if let Some(chain) = current.get_result(conn).optional()? {
        return Ok(Some((chain, Place::Current)));
    }
    let previous = sessions::table.filter(sessions::previous.eq(token)).select(Chain::as_select());
    if let Some(chain) = previous.get_result(conn).optional()? {
        return Ok(Some((chain, Place::Previous)));
    }
    let spent = spent_tokens::table.find(token).select(spent_tokens::session);
    let Some(session) = spent.get_result::<Key>(conn).optional()? else {
        return Ok(None);
    };
    let chain = sessions::table.find(session).select(Chain::as_select()).get_result(conn).optional()?;
    Ok(chain.map(|chain| (chain, Place::Spent)))
}

fn rotate(
    conn: &mut SqliteConnection,
    presented: Digest,
    successor: Digest,
    at: Timestamp,
    expires_at: Timestamp,
) -> QueryResult<Rotation> {
    let Some((chain, place)) = find(conn, presented.into())? else {
        return Ok(Rotation::Unknown);
    };
    if chain.ended_at.is_some() {
        return Ok(Rotation::Ended);
    }
    if chain.expires_at <= at.as_millis() {
        return Ok(Rotation::Unknown);
    }
    let row = sessions::table.find(chain.id);
    match place {
        Place::Spent => {
            diesel::update(row).set(sessions::ended_at.eq(at.as_millis())).execute(conn)?;
            return Ok(Rotation::Reused { user: chain.user.into(), session: chain.id.into() });
        }
        Place::Current => {
            if let Some(previous) = chain.previous {
                let spent = (spent_tokens::digest.eq(previous), spent_tokens::session.eq(chain.id));
                insert_into(spent_tokens::table).values(spent).execute(conn)?;
            }
            diesel::update(row).set(sessions::previous.eq(Bytes::from(presented))).execute(conn)?;
        }
        Place::Previous => {}
    }
    let renewed = (
        sessions::current.eq(Bytes::from(successor)),
        sessions::refreshed_at.eq(at.as_millis()),
        sessions::expires_at.eq(expires_at.as_millis()),
    );
    diesel::update(row).set(renewed).execute(conn)?;
    let user = users::table.find(chain.user).select(UserRow::as_select()).get_result(conn)?;
    Ok(Rotation::Rotated { user: user.user(), session: chain.id.into() })
}

/// Ends what has not ended yet, expired sessions included: an access token may outlive its session's expiry.
pub(crate) fn end_all_but(
    conn: &mut SqliteConnection,
    user: UserId,
    keep: Option<SessionId>,
    at: Timestamp,
) -> QueryResult<Vec<SessionId>> {
    let living = sessions::table.filter(sessions::user.eq(Key::from(user))).filter(sessions::ended_at.is_null());
    let ids: Vec<Key> = living.order(sessions::id).select(sessions::id).load(conn)?;
    let others: Vec<SessionId> = ids.into_iter().map(SessionId::from).filter(|id| Some(*id) != keep).collect();
    for id in &others {
        let row = sessions::table.find(Key::from(*id));
        diesel::update(row).set(sessions::ended_at.eq(at.as_millis())).execute(conn)?;
    }
    Ok(others)
}
