//! The room and the reader's place in it, and the rules' word on whether the reader may look.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::{LogHead, Member, Room},
    refusal::Refusal,
    rules::access,
};
use diesel::{QueryResult, SqliteConnection, prelude::*};

use super::{MemberRow, epoch, living_room};
use crate::{columns::Key, schema::members, slot::Fault};

type Found = (Room, LogHead);

/// What there is: the room unless deleted, the user's membership in it, past ones too.
pub(crate) fn place(
    conn: &mut SqliteConnection,
    user: UserId,
    room: RoomId,
) -> QueryResult<(Option<Found>, Option<Member>)> {
    let Some(row) = living_room(conn, room)? else {
        return Ok((None, None));
    };
    let log = row.log(epoch(conn)?)?;
    let own = members::table.find((Key::from(room), Key::from(user)));
    let member = own.select(MemberRow::as_select()).get_result(conn).optional()?;
    Ok((Some((row.room()?, log)), member.map(|row| row.member()).transpose()?))
}

/// The room, for somebody who is in it.
pub(crate) fn read_by(conn: &mut SqliteConnection, reader: UserId, room: RoomId) -> Result<Found, Fault> {
    let (found, member) = place(conn, reader, room)?;
    access::may_read(found.as_ref().map(|(room, _)| room), member.as_ref())?;
    Ok(found.ok_or(Refusal::NotFound)?)
}

/// The room, for one of its admins.
pub(crate) fn managed_by(conn: &mut SqliteConnection, reader: UserId, room: RoomId) -> Result<Found, Fault> {
    let (found, member) = place(conn, reader, room)?;
    access::may_manage(found.as_ref().map(|(room, _)| room), member.as_ref())?;
    Ok(found.ok_or(Refusal::NotFound)?)
}
