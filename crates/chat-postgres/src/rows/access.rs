//! The room and the reader's place in it, and the rules' word on whether the reader may look.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::{Epoch, LogHead, Member, Room},
    refusal::Refusal,
    rules::access,
};
use diesel::{QueryResult, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{MemberRow, RoomRow};
use crate::schema::{members, meta, rooms};

/// What there is: the room unless deleted, the user's membership in it, past ones too.
pub(crate) struct Place {
    found: Option<(Room, LogHead)>,
    pub(crate) member: Option<Member>,
}

impl Place {
    /// The room, for anybody who may know of it.
    pub(crate) fn looked_at(self) -> Result<(Room, LogHead, Option<Member>), Refusal> {
        access::may_look(self.room(), self.member.as_ref())?;
        let (room, log) = self.found.ok_or(Refusal::NotFound)?;
        Ok((room, log, self.member))
    }

    /// The room, for somebody who is in it.
    pub(crate) fn read(self) -> Result<(Room, LogHead), Refusal> {
        access::may_read(self.room(), self.member.as_ref())?;
        self.found.ok_or(Refusal::NotFound)
    }

    /// The room, for one of its admins.
    pub(crate) fn managed(self) -> Result<(Room, LogHead), Refusal> {
        access::may_manage(self.room(), self.member.as_ref())?;
        self.found.ok_or(Refusal::NotFound)
    }

    /// The room, for this house.
    pub(crate) fn unchecked(self) -> Result<(Room, LogHead), Refusal> {
        self.found.ok_or(Refusal::NotFound)
    }

    fn room(&self) -> Option<&Room> {
        self.found.as_ref().map(|(room, _)| room)
    }
}

/// Looks in one statement, so that the room, the membership and the epoch are of one moment.
pub(crate) async fn place(mut conn: &AsyncPgConnection, user: UserId, room: RoomId) -> QueryResult<Place> {
    let own = members::room.eq(rooms::id).and(members::user.eq(user.0));
    let found = rooms::table
        .left_join(members::table.on(own))
        .filter(rooms::id.eq(room.0))
        .filter(rooms::deleted_at.is_null())
        .select((
            RoomRow::as_select(),
            Option::<MemberRow>::as_select(),
            meta::table.select(meta::epoch).single_value().assume_not_null(),
        ))
        .get_result::<(RoomRow, Option<MemberRow>, String)>(&mut conn);
    let Some((room, member, epoch)) = found.await.optional()? else {
        return Ok(Place { found: None, member: None });
    };
    let log = room.log(Epoch(epoch.into()))?;
    let member = member.map(|row| row.member()).transpose()?;
    Ok(Place { found: Some((room.room()?, log)), member })
}

/// Waits until nobody else writes the room, and keeps others from it to the end of the transaction.
pub(crate) async fn lock_room(mut conn: &AsyncPgConnection, room: RoomId) -> QueryResult<()> {
    let row = rooms::table.filter(rooms::id.eq(room.0)).for_update().select(rooms::id);
    row.get_result::<Uuid>(&mut conn).await.optional().map(drop)
}
