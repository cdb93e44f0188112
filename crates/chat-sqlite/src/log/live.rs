//! What a node needs to hold rooms live, and to know whose presence may be told to whom.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::LogHead,
    pages::LiveSnapshot,
};
use diesel::{QueryResult, SqliteConnection, alias, dsl::exists, prelude::*, select};

use crate::{
    columns::{Key, count},
    rows::{MemberRow, epoch, living_room},
    schema::{members, rooms},
};

/// Keys in one statement; SQLite takes 32,766.
const KEYS: usize = 10_000;

pub(super) fn live(conn: &mut SqliteConnection, room: RoomId) -> QueryResult<Option<LiveSnapshot>> {
    let Some(row) = living_room(conn, room)? else {
        return Ok(None);
    };
    let log = row.log(epoch(conn)?)?;
    let present = members::table.filter(members::room.eq(Key::from(room))).filter(members::is_in.eq(true));
    let present = present.order(members::user).select(MemberRow::as_select()).load(conn)?;
    let members = present.iter().map(MemberRow::member).collect::<QueryResult<_>>()?;
    Ok(Some(LiveSnapshot { room: row.room()?, log, members }))
}

pub(super) fn heads(conn: &mut SqliteConnection, wanted: &[RoomId]) -> QueryResult<Vec<(RoomId, LogHead)>> {
    let epoch = epoch(conn)?;
    let mut heads = Vec::with_capacity(wanted.len());
    for wanted in wanted.chunks(KEYS) {
        let ids = wanted.iter().copied().map(Key::from);
        let living = rooms::table.filter(rooms::id.eq_any(ids)).filter(rooms::deleted_at.is_null());
        let found: Vec<(Key, i64, i64)> = living.select((rooms::id, rooms::head, rooms::floor)).load(conn)?;
        for (room, head, floor) in found {
            heads.push((room.into(), LogHead { epoch: epoch.clone(), head: count(head)?, floor: count(floor)? }));
        }
    }
    Ok(heads)
}

/// One step per room of `user` for each of the others; those are few (a socket watches at most 200).
pub(super) fn acquaintances(conn: &mut SqliteConnection, user: UserId, others: &[UserId]) -> QueryResult<Vec<UserId>> {
    let mut wanted = others.to_vec();
    wanted.sort();
    wanted.dedup();
    let mut found = Vec::new();
    for other in wanted {
        let theirs = alias!(members as theirs);
        let shared = members::table
            .inner_join(theirs.on(theirs.field(members::room).eq(members::room)))
            .filter(members::user.eq(Key::from(user)))
            .filter(members::is_in.eq(true))
            .filter(theirs.field(members::user).eq(Key::from(other)))
            .filter(theirs.field(members::is_in).eq(true));
        if select(exists(shared)).get_result(conn)? {
            found.push(other);
        }
    }
    Ok(found)
}
