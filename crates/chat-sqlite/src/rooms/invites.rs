//! Invites: made, listed, taken back, followed. Of a code, only its digest is here.

use chat_domain::{
    ids::{InviteId, RoomId, UserId},
    objects::Invite,
    pages::{Page, PageOf},
    ports::Digest,
    refusal::Refusal,
    rules::access,
};
use diesel::{QueryResult, SqliteConnection, dsl::insert_into, prelude::*, result::Error};

use super::lists::after;
use crate::{
    columns::{Bytes, Key, count, rows, time},
    rows::managed_by,
    schema::invites,
    slot::Fault,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = invites)]
pub(crate) struct InviteRow {
    id: Key,
    room: Key,
    by: Key,
    created_at: i64,
    expires_at: Option<i64>,
    max_uses: Option<i64>,
    uses: i64,
}

impl TryFrom<InviteRow> for Invite {
    type Error = Error;

    fn try_from(row: InviteRow) -> QueryResult<Self> {
        Ok(Self {
            id: row.id.into(),
            room: row.room.into(),
            by: row.by.into(),
            created_at: time(row.created_at),
            expires_at: row.expires_at.map(time),
            max_uses: row.max_uses.map(count).transpose()?,
            uses: count(row.uses)?,
        })
    }
}

pub(super) fn invite(conn: &mut SqliteConnection, invite: &Invite, code: Digest) -> Result<(), Fault> {
    let (room, _) = managed_by(conn, invite.by, invite.room)?;
    access::may_change(&room)?;
    let row = (
        invites::id.eq(Key::from(invite.id)),
        invites::room.eq(Key::from(invite.room)),
        invites::by.eq(Key::from(invite.by)),
        invites::code.eq(Bytes::from(code)),
        invites::created_at.eq(invite.created_at.as_millis()),
        invites::expires_at.eq(invite.expires_at.map(|end| end.as_millis())),
        invites::max_uses.eq(invite.max_uses.map(i64::from)),
        invites::uses.eq(i64::from(invite.uses)),
    );
    insert_into(invites::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn invites(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    page: &PageOf<InviteId>,
) -> Result<Page<Invite, InviteId>, Fault> {
    managed_by(conn, reader, room)?;
    let found = invites::table
        .filter(invites::room.eq(Key::from(room)))
        .filter(invites::id.gt(after(page.after)))
        .order(invites::id)
        .limit(rows(page.limit.saturating_add(1)))
        .select(InviteRow::as_select())
        .load(conn)?;
    let found = found.into_iter().map(Invite::try_from).collect::<QueryResult<_>>()?;
    Ok(Page::cut(found, page.limit, |invite: &Invite| invite.id))
}

pub(super) fn withdraw(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    invite: InviteId,
) -> Result<(), Fault> {
    managed_by(conn, reader, room)?;
    let row = invites::table.filter(invites::id.eq(Key::from(invite))).filter(invites::room.eq(Key::from(room)));
    let taken = diesel::delete(row).execute(conn)?;
    if taken == 0 { Err(Refusal::NotFound.into()) } else { Ok(()) }
}

/// A deleted room has no invites.
pub(super) fn invited_to(conn: &mut SqliteConnection, code: Digest) -> QueryResult<Option<RoomId>> {
    let found = invites::table.filter(invites::code.eq(Bytes::from(code))).select(invites::room);
    Ok(found.get_result::<Key>(conn).optional()?.map(RoomId::from))
}
