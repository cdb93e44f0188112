//! Invites: made, listed, taken back, followed. Of a code, only its digest is here.

use chat_domain::{
    ids::{InviteId, RoomId, UserId},
    objects::Invite,
    pages::{Page, PageOf},
    ports::Digest,
    refusal::Refusal,
    rules::access,
};
use diesel::{QueryResult, dsl::insert_into, prelude::*, result::Error};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;
use uuid::Uuid;

use crate::{
    columns::{Bytes, count, rows, time},
    fault::Fault,
    rows::{lock_room, place},
    schema::invites,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = invites)]
pub(crate) struct InviteRow {
    id: Uuid,
    room: Uuid,
    by: Uuid,
    created_at: i64,
    expires_at: Option<i64>,
    max_uses: Option<i64>,
    uses: i64,
}

impl TryFrom<InviteRow> for Invite {
    type Error = Error;

    fn try_from(row: InviteRow) -> QueryResult<Self> {
        Ok(Self {
            id: InviteId(row.id),
            room: RoomId(row.room),
            by: UserId(row.by),
            created_at: time(row.created_at),
            expires_at: row.expires_at.map(time),
            max_uses: row.max_uses.map(count).transpose()?,
            uses: count(row.uses)?,
        })
    }
}

/// Under the room's lock, so that nobody who is being put out makes one more.
pub(super) async fn invite(mut conn: &AsyncPgConnection, invite: Invite, code: Digest) -> Result<(), Fault> {
    lock_room(conn, invite.room).await?;
    let (room, _) = place(conn, invite.by, invite.room).await?.managed()?;
    access::may_change(&room)?;
    let row = (
        invites::id.eq(invite.id.0),
        invites::room.eq(invite.room.0),
        invites::by.eq(invite.by.0),
        invites::code.eq(Bytes::from(code)),
        invites::created_at.eq(invite.created_at.as_millis()),
        invites::expires_at.eq(invite.expires_at.map(|end| end.as_millis())),
        invites::max_uses.eq(invite.max_uses.map(i64::from)),
        invites::uses.eq(i64::from(invite.uses)),
    );
    insert_into(invites::table).values(row).execute(&mut conn).await?;
    Ok(())
}

pub(super) async fn invites(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    page: PageOf<InviteId>,
) -> Result<Page<Invite, InviteId>, Fault> {
    let found = invites::table
        .filter(invites::room.eq(room.0))
        .filter(invites::id.gt(page.after.map_or(Uuid::nil(), |after| after.0)))
        .order(invites::id)
        .limit(rows(page.limit.saturating_add(1)))
        .select(InviteRow::as_select())
        .load(&mut conn);
    let (place, found) = try_join(place(conn, reader, room), found).await?;
    place.managed()?;
    let found = found.into_iter().map(Invite::try_from).collect::<QueryResult<_>>()?;
    Ok(Page::cut(found, page.limit, |invite: &Invite| invite.id))
}

/// Under the room's lock: who comes in by it comes before or not at all.
pub(super) async fn withdraw(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    invite: InviteId,
) -> Result<(), Fault> {
    lock_room(conn, room).await?;
    place(conn, reader, room).await?.managed()?;
    let row = invites::table.filter(invites::id.eq(invite.0)).filter(invites::room.eq(room.0));
    let taken = diesel::delete(row).execute(&mut conn).await?;
    if taken == 0 { Err(Refusal::NotFound.into()) } else { Ok(()) }
}

/// A deleted room has no invites.
pub(super) async fn invited_to(mut conn: &AsyncPgConnection, code: Digest) -> QueryResult<Option<RoomId>> {
    let found = invites::table.filter(invites::code.eq(Bytes::from(code))).select(invites::room);
    Ok(found.get_result(&mut conn).await.optional()?.map(RoomId))
}
