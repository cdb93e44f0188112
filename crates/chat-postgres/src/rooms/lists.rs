//! Lists of rooms and of those in them, each a piece that is found by the key of the one before.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::{Member, Room, RoomKind},
    pages::{Page, PageOf},
};
use diesel::{
    QueryResult,
    dsl::{exists, not},
    prelude::*,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;
use uuid::Uuid;

use crate::{
    columns::{kind_column, rows, strpos},
    fault::Fault,
    rows::{MemberRow, RoomRow, place},
    schema::{members, rooms},
};

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

/// What the index of the directory asks for stands here as text, not as values, so that every plan may use it.
fn listed() -> diesel::expression::SqlLiteral<diesel::sql_types::Bool> {
    diesel::dsl::sql("rooms.kind = 0 AND NOT rooms.archived AND rooms.deleted_at IS NULL")
}

pub(super) async fn directory(
    mut conn: &AsyncPgConnection,
    user: UserId,
    query: String,
    page: PageOf<RoomId>,
) -> QueryResult<Page<Room, RoomId>> {
    debug_assert_eq!(kind_column(RoomKind::Public), 0);
    let own = members::table.filter(members::room.eq(rooms::id)).filter(members::user.eq(user.0));
    let is_about = strpos(rooms::name_folded, &query).gt(0).or(strpos(rooms::topic_folded, &query).gt(0));
    let found = rooms::table
        .filter(listed())
        .filter(rooms::id.gt(page.after.map_or(Uuid::nil(), |after| after.0)))
        .filter(is_about)
        .filter(not(exists(own.filter(members::banned.eq(true)))))
        .order(rooms::id)
        .limit(rows(page.limit.saturating_add(1)))
        .select(RoomRow::as_select())
        .load(&mut conn)
        .await?;
    piece(found, &page)
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
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("members.banned"))
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
