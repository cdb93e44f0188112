//! Lists of rooms and of those in them, each a piece that is found by the key of the one before.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::{Member, Room},
    pages::{Page, PageOf},
};
use diesel::{
    QueryResult,
    prelude::*,
    sql_types::{BigInt, Text, Uuid as Id},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;
use uuid::Uuid;

use crate::{
    columns::rows,
    fault::Fault,
    rows::{MemberRow, RoomRow, RoomSql, place, room_columns},
    schema::{members, rooms},
    statement::{fixed, statements},
};

statements! {
    /// Of public rooms (kind 0); what the index of the directory asks for stands here as text, so that a plan for any value
    /// may use it.
    Directory: RoomSql = concat!(
        "SELECT ", room_columns!("r"), " FROM rooms AS r
        WHERE r.kind = 0 AND NOT r.archived AND r.deleted_at IS NULL AND r.id > $3
            AND (strpos(r.name_folded, $2) > 0 OR strpos(r.topic_folded, $2) > 0)
            AND NOT EXISTS (SELECT 1 FROM members AS own WHERE own.room = r.id AND own.user_id = $1 AND own.banned)
        ORDER BY r.id LIMIT $4"
    );
}

pub(super) async fn rooms_of(
    mut conn: &AsyncPgConnection,
    user: UserId,
    page: PageOf<RoomId>,
) -> QueryResult<Page<Room, RoomId>> {
    let found = members::table
        .inner_join(rooms::table.on(rooms::id.eq(members::room)))
        .filter(members::user.eq(user.0))
        .filter(members::is_in.eq(true))
        .filter(members::room.gt(page.after.map_or(Uuid::nil(), |after| after.0)))
        .order(members::room)
        .limit(rows(page.limit.saturating_add(1)))
        .select(RoomRow::as_select())
        .load(&mut conn)
        .await?;
    piece(found, &page)
}

pub(super) async fn directory(
    mut conn: &AsyncPgConnection,
    user: UserId,
    query: String,
    page: PageOf<RoomId>,
) -> QueryResult<Page<Room, RoomId>> {
    let found = fixed::<Directory, _>(|statement| {
        statement
            .bind::<Id, _>(user.0)
            .bind::<Text, _>(query)
            .bind::<Id, _>(page.after.map_or(Uuid::nil(), |after| after.0))
            .bind::<BigInt, _>(rows(page.limit.saturating_add(1)))
    });
    piece(found.load(&mut conn).await?, &page)
}

fn piece(found: Vec<RoomRow>, page: &PageOf<RoomId>) -> QueryResult<Page<Room, RoomId>> {
    let found = found.into_iter().map(RoomRow::room).collect::<QueryResult<_>>()?;
    Ok(Page::cut(found, page.limit, |room: &Room| room.id))
}

pub(super) async fn members(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    page: PageOf<UserId>,
) -> Result<Page<Member, UserId>, Fault> {
    let found = members::table
        .filter(members::room.eq(room.0))
        .filter(members::user.gt(page.after.map_or(Uuid::nil(), |after| after.0)))
        .filter(members::is_in.eq(true))
        .order(members::user)
        .limit(rows(page.limit.saturating_add(1)))
        .select(MemberRow::as_select())
        .load(&mut conn);
    let (place, found) = try_join(place(conn, reader, room), found).await?;
    place.read()?;
    people(&found, &page)
}

pub(super) async fn bans(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    page: PageOf<UserId>,
) -> Result<Page<Member, UserId>, Fault> {
    let found = members::table
        .filter(members::room.eq(room.0))
        .filter(members::user.gt(page.after.map_or(Uuid::nil(), |after| after.0)))
        .filter(members::banned)
        .order(members::user)
        .limit(rows(page.limit.saturating_add(1)))
        .select(MemberRow::as_select())
        .load(&mut conn);
    let (place, found) = try_join(place(conn, reader, room), found).await?;
    place.managed()?;
    people(&found, &page)
}

fn people(found: &[MemberRow], page: &PageOf<UserId>) -> Result<Page<Member, UserId>, Fault> {
    let found = found.iter().map(MemberRow::member).collect::<QueryResult<_>>()?;
    Ok(Page::cut(found, page.limit, |member: &Member| member.user))
}
