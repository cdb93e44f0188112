//! A refresh token is presented: where it stands in its session's chain decides what comes of it.

use chat_domain::{
    ids::{SessionId, UserId},
    ports::{Digest, Rotation},
    timestamp::Timestamp,
};
use diesel::{
    Expression, QueryResult,
    dsl::{exists, insert_into},
    pg::Pg,
    prelude::*,
    select,
    sql_types::Binary,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;
use uuid::Uuid;

use crate::{
    columns::Bytes,
    fault::Fault,
    rows::UserRow,
    schema::{sessions, spent_tokens, users},
    statement::{Pipeline, fixed, statements},
};

/// Where in its session's chain a token stands.
enum Place {
    Current,
    Previous,
    Spent,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct Chain {
    id: Uuid,
    user: Uuid,
    expires_at: i64,
    ended_at: Option<i64>,
    current: Bytes<32>,
    previous: Option<Bytes<32>>,
}

type ChainSql = <<Chain as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

statements! {
    /// The session is found by its token first and locked by its id then: somebody who rotates it meanwhile moves the token
    /// along the chain, but never into another one.
    LockChain: ChainSql = "
        SELECT id, user_id, expires_at, ended_at, current, previous FROM sessions WHERE id = (
            SELECT id FROM sessions WHERE current = $1
            UNION ALL SELECT id FROM sessions WHERE previous = $1
            UNION ALL SELECT session FROM spent_tokens WHERE digest = $1
            LIMIT 1)
        FOR UPDATE";
}

/// The chain, locked, and where the token stands in it now; `None` for a token that was dropped, or never given out.
async fn find(mut conn: &AsyncPgConnection, token: Bytes<32>) -> QueryResult<Option<(Chain, Place)>> {
    let chain = fixed::<LockChain, _>(|query| query.bind::<Binary, _>(token)).get_results::<Chain>(&mut conn);
    let spent = select(exists(spent_tokens::table.find(token))).get_result::<bool>(&mut conn);
    let (chain, spent) = try_join(chain, spent).await?;
    Ok(chain.into_iter().next().and_then(|chain| {
        let place = match () {
            () if chain.current == token => Place::Current,
            () if chain.previous == Some(token) => Place::Previous,
            () if spent => Place::Spent,
            () => return None,
        };
        Some((chain, place))
    }))
}

pub(super) async fn rotate(
    mut conn: &AsyncPgConnection,
    presented: Digest,
    successor: Digest,
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<Rotation, Fault> {
    let Some((chain, place)) = find(conn, presented.into()).await? else {
        return Ok(Rotation::Unknown);
    };
    if chain.ended_at.is_some() {
        return Ok(Rotation::Ended);
    }
    if chain.expires_at <= at.as_millis() {
        return Ok(Rotation::Unknown);
    }
    let row = sessions::table.find(chain.id);
    let renewed = (
        sessions::current.eq(Bytes::from(successor)),
        sessions::refreshed_at.eq(at.as_millis()),
        sessions::expires_at.eq(expires_at.as_millis()),
    );
    let mut pipeline = Pipeline::new(conn);
    // The session's row is written once. Written a second time, its user would be looked up and locked by the foreign key,
    // which whoever holds the user and waits for this session (a new password, the end of the account) would not survive.
    match place {
        Place::Spent => {
            pipeline.push(diesel::update(row).set(sessions::ended_at.eq(at.as_millis())));
            pipeline.finish().await?;
            return Ok(Rotation::Reused { user: UserId(chain.user), session: SessionId(chain.id) });
        }
        Place::Current => {
            if let Some(previous) = chain.previous {
                let spent = (spent_tokens::digest.eq(previous), spent_tokens::session.eq(chain.id));
                pipeline.push(insert_into(spent_tokens::table).values(spent));
            }
            pipeline.push(diesel::update(row).set((sessions::previous.eq(Bytes::from(presented)), renewed)));
        }
        Place::Previous => pipeline.push(diesel::update(row).set(renewed)),
    }
    let user = users::table.find(chain.user).select(UserRow::as_select()).get_result(&mut conn);
    let ((), user) = try_join(pipeline.finish(), user).await?;
    Ok(Rotation::Rotated { user: user.user(), session: SessionId(chain.id) })
}
