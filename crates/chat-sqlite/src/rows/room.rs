//! A room and where its log stands.

use chat_domain::{
    ids::RoomId,
    objects::{Epoch, LogHead, Room},
    words::{RoomName, Topic},
};
use diesel::{QueryResult, SqliteConnection, prelude::*};

use crate::{
    columns::{Key, count, kind, list, time},
    schema::{meta, rooms},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = rooms)]
pub(crate) struct RoomRow {
    pub(crate) id: Key,
    rev: i64,
    kind: i64,
    name: Option<String>,
    topic: Option<String>,
    slow_mode_s: i64,
    created_at: i64,
    pins: String,
    archived: bool,
    head: i64,
    floor: i64,
}

impl RoomRow {
    pub(crate) fn log(&self, epoch: Epoch) -> QueryResult<LogHead> {
        Ok(LogHead { epoch, head: count(self.head)?, floor: count(self.floor)? })
    }

    pub(crate) fn room(self) -> QueryResult<Room> {
        Ok(Room {
            id: self.id.into(),
            rev: count(self.rev)?,
            kind: kind(self.kind)?,
            name: self.name.map(RoomName::from_stored),
            topic: self.topic.map(Topic::from_stored),
            slow_mode_s: count(self.slow_mode_s)?,
            created_at: time(self.created_at),
            pins: list(&self.pins)?,
            archived: self.archived,
        })
    }
}

/// The room, unless deleted.
pub(crate) fn living_room(conn: &mut SqliteConnection, room: RoomId) -> QueryResult<Option<RoomRow>> {
    let found = rooms::table.filter(rooms::id.eq(Key::from(room))).filter(rooms::deleted_at.is_null());
    found.select(RoomRow::as_select()).get_result(conn).optional()
}

/// The history that all logs of this file belong to.
pub(crate) fn epoch(conn: &mut SqliteConnection) -> QueryResult<Epoch> {
    let epoch: String = meta::table.select(meta::epoch).get_result(conn)?;
    Ok(Epoch(epoch.into()))
}
