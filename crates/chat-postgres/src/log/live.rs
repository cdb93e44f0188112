//! What a node needs to hold rooms live, and to know whose presence may be told to whom.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::{Epoch, LogHead},
    pages::LiveSnapshot,
};
use diesel::{
    QueryResult,
    prelude::*,
    sql_types::{self, Array},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;
use uuid::Uuid;

use crate::{
    columns::count,
    fault::Fault,
    rows::{MemberRow, place},
    schema::{members, meta, rooms},
    statement::{fixed, statements},
};

statements! {
    /// One step per room of the first for each of the others; those are few (a socket watches at most 200).
    pub(crate) Acquaintances: sql_types::Uuid = "
        SELECT other.id FROM unnest($2) AS other (id)
        WHERE EXISTS (
            SELECT 1 FROM members AS own
            JOIN members AS theirs ON theirs.room = own.room AND theirs.user_id = other.id AND theirs.is_in
            WHERE own.user_id = $1 AND own.is_in)";
}

pub(super) async fn live(mut conn: &AsyncPgConnection, room: RoomId) -> Result<Option<LiveSnapshot>, Fault> {
    let nobody = UserId(Uuid::nil());
    let present = members::table.filter(members::room.eq(room.0)).filter(members::is_in.eq(true));
    let present = present.order(members::user).select(MemberRow::as_select()).load(&mut conn);
    let (place, present) = try_join(place(conn, nobody, room), present).await?;
    let Ok((room, log)) = place.unchecked() else {
        return Ok(None);
    };
    let members = present.iter().map(MemberRow::member).collect::<QueryResult<_>>()?;
    Ok(Some(LiveSnapshot { room, log, members }))
}

pub(super) async fn heads(mut conn: &AsyncPgConnection, wanted: Vec<Uuid>) -> QueryResult<Vec<(RoomId, LogHead)>> {
    let living = rooms::table.filter(rooms::id.eq_any(wanted)).filter(rooms::deleted_at.is_null());
    let epoch = meta::table.select(meta::epoch).single_value().assume_not_null();
    let found = living.select((rooms::id, rooms::head, rooms::floor, epoch));
    let found: Vec<(Uuid, i64, i64, String)> = found.load(&mut conn).await?;
    let epoch = Epoch(found.iter().map(|(_, _, _, epoch)| epoch.as_str()).next().unwrap_or_default().into());
    let head = |(room, head, floor, _)| {
        Ok((RoomId(room), LogHead { epoch: epoch.clone(), head: count(head)?, floor: count(floor)? }))
    };
    found.into_iter().map(head).collect()
}

pub(super) async fn acquaintances(
    mut conn: &AsyncPgConnection,
    user: UserId,
    others: Vec<Uuid>,
) -> QueryResult<Vec<UserId>> {
    let shared = fixed::<Acquaintances, _>(|query| {
        query.bind::<sql_types::Uuid, _>(user.0).bind::<Array<sql_types::Uuid>, _>(others)
    });
    let mut found: Vec<Uuid> = shared.load(&mut conn).await?;
    found.sort_unstable();
    Ok(found.into_iter().map(UserId).collect())
}
