//! Lists of rooms and of those in them, each a piece that is found by the key of the one before.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::{Member, Room, RoomKind},
    pages::{Page, PageOf},
};
use diesel::{
    QueryResult, SqliteConnection,
    dsl::{exists, not},
    prelude::*,
};
use uuid::Uuid;

use crate::{
    columns::{Key, instr, kind_column, rows},
    rows::{MemberRow, RoomRow, managed_by, read_by},
    schema::{members, rooms},
    slot::Fault,
};

/// Nobody and nothing has this id, so everything comes after it.
pub(super) fn after(key: Option<impl Into<Key>>) -> Key {
    key.map_or(Key(Uuid::nil()), Into::into)
}

pub(super) fn rooms_of(
    conn: &mut SqliteConnection,
    user: UserId,
    page: &PageOf<RoomId>,
) -> QueryResult<Page<Room, RoomId>> {
    let found = members::table
        .inner_join(rooms::table.on(rooms::id.eq(members::room)))
        .filter(members::user.eq(Key::from(user)))
        .filter(members::is_in.eq(true))
        .filter(members::room.gt(after(page.after)))
        .order(members::room)
        .limit(rows(page.limit.saturating_add(1)))
        .select(RoomRow::as_select())
        .load(conn)?;
    piece(found, page)
}

pub(super) fn directory(
    conn: &mut SqliteConnection,
    user: UserId,
    query: &str,
    page: &PageOf<RoomId>,
) -> QueryResult<Page<Room, RoomId>> {
    let own = members::table.filter(members::room.eq(rooms::id)).filter(members::user.eq(Key::from(user)));
    let is_about = instr(rooms::name_folded, query).gt(0).or(instr(rooms::topic_folded, query).gt(0));
    let found = rooms::table
        .filter(rooms::kind.eq(kind_column(RoomKind::Public)))
        .filter(rooms::archived.eq(false))
        .filter(rooms::deleted_at.is_null())
        .filter(rooms::id.gt(after(page.after)))
        .filter(is_about)
        .filter(not(exists(own.filter(members::banned.eq(true)))))
        .order(rooms::id)
        .limit(rows(page.limit.saturating_add(1)))
        .select(RoomRow::as_select())
        .load(conn)?;
    piece(found, page)
}

fn piece(found: Vec<RoomRow>, page: &PageOf<RoomId>) -> QueryResult<Page<Room, RoomId>> {
    let found = found.into_iter().map(RoomRow::room).collect::<QueryResult<_>>()?;
    Ok(Page::cut(found, page.limit, |room: &Room| room.id))
}

pub(super) fn members(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    page: &PageOf<UserId>,
) -> Result<Page<Member, UserId>, Fault> {
    read_by(conn, reader, room)?;
    let found = members::table
        .filter(members::room.eq(Key::from(room)))
        .filter(members::user.gt(after(page.after)))
        .filter(members::is_in.eq(true))
        .order(members::user)
        .limit(rows(page.limit.saturating_add(1)))
        .select(MemberRow::as_select())
        .load(conn)?;
    people(&found, page)
}

pub(super) fn bans(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    page: &PageOf<UserId>,
) -> Result<Page<Member, UserId>, Fault> {
    managed_by(conn, reader, room)?;
    let found = members::table
        .filter(members::room.eq(Key::from(room)))
        .filter(members::user.gt(after(page.after)))
        .filter(members::banned.eq(true))
        .order(members::user)
        .limit(rows(page.limit.saturating_add(1)))
        .select(MemberRow::as_select())
        .load(conn)?;
    people(&found, page)
}

fn people(found: &[MemberRow], page: &PageOf<UserId>) -> Result<Page<Member, UserId>, Fault> {
    let found = found.iter().map(MemberRow::member).collect::<QueryResult<_>>()?;
    Ok(Page::cut(found, page.limit, |member: &Member| member.user))
}
