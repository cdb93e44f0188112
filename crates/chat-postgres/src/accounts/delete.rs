//! The deletion of an account: every room is left in the same transaction, also one that was entered a moment ago.
//!
//! Locks are taken in the order of a commit (rooms by id, then the user), so the rooms must be known before the user can be
//! kept from entering more. Whoever entered one in between is found out when the user is locked: then all is begun anew.

use std::collections::BTreeSet;

use chat_domain::{
    command::{Action, Command},
    ids::{RoomId, UserId},
    ports::Departure,
    refusal::Refusal,
    timestamp::Timestamp,
};
use diesel::{QueryResult, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    commit,
    fault::Fault,
    rows::lock_user,
    schema::{members, rooms, users},
    sessions::end_all_but,
    statement::{Begin, Commit, Rollback, plain},
};

/// Each round that has to be begun anew means that one more room was entered, so it ends when the account (or the patience
/// of the job) does.
pub(super) async fn delete(
    conn: &AsyncPgConnection,
    user: UserId,
    at: Timestamp,
    attempts: usize,
) -> Result<Departure, Fault> {
    let mut gave_way = 0;
    loop {
        plain::<Begin>(conn).await?;
        match depart(conn, user, at).await {
            Ok(Some(departure)) => {
                plain::<Commit>(conn).await?;
                return Ok(departure);
            }
            Ok(None) => {}
            Err(fault) if fault.gave_way() && gave_way < attempts => gave_way += 1,
            Err(Fault::Refused(refusal)) => {
                plain::<Rollback>(conn).await?;
                return Err(refusal.into());
            }
            Err(fault) => return Err(fault),
        }
        plain::<Rollback>(conn).await?;
    }
}

/// `None`: a room was entered meanwhile.
async fn depart(mut conn: &AsyncPgConnection, user: UserId, at: Timestamp) -> Result<Option<Departure>, Fault> {
    let known = rooms_of(conn, user).await?;
    let lock = rooms::table.filter(rooms::id.eq_any(&known)).order(rooms::id).for_update().select(rooms::id);
    let locked: BTreeSet<Uuid> = lock.load(&mut conn).await?.into_iter().collect();
    lock_user(conn, user).await?.ok_or(Refusal::NotFound)?;
    let left = rooms_of(conn, user).await?;
    if left.iter().any(|room| !locked.contains(room)) {
        return Ok(None);
    }
    let leave = |room: Uuid| Command { room: RoomId(room), by: user, at, action: Action::Depart };
    let commands: Vec<Command> = left.into_iter().map(leave).collect();
    let outcomes = commit::carry_out(conn, &commands).await?.into_iter().collect::<Result<_, Refusal>>()?;
    let sessions = end_all_but(conn, user, None, at).await?;
    let nothing = (
        users::username.eq(None::<&str>),
        users::display_name.eq(None::<&str>),
        users::words.eq(None::<&str>),
        users::password_hash.eq(None::<&str>),
        users::deleted_at.eq(at.as_millis()),
    );
    diesel::update(users::table.find(user.0)).set(nothing).execute(&mut conn).await?;
    Ok(Some(Departure { outcomes, sessions }))
}

async fn rooms_of(mut conn: &AsyncPgConnection, user: UserId) -> QueryResult<Vec<Uuid>> {
    let present = members::table.filter(members::user.eq(user.0)).filter(members::is_in.eq(true));
    present.order(members::room).select(members::room).load(&mut conn).await
}
