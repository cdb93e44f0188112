//! A room and where its log stands.

use chat_domain::{
    ids::RoomId,
    objects::{Epoch, LogHead, Room},
    words::{RoomName, Topic},
};
use diesel::{Expression, QueryResult, pg::Pg, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    columns::{count, kind, time},
    schema::{meta, rooms},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = rooms)]
pub(crate) struct RoomRow {
    id: Uuid,
    rev: i64,
    kind: i64,
    name: Option<String>,
    topic: Option<String>,
    slow_mode_s: i64,
    created_at: i64,
    pins: Vec<i64>,
    archived: bool,
    head: i64,
    floor: i64,
}

/// Its columns, for statements that diesel can't say.
pub(crate) type RoomSql = <<RoomRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

/// The same as a list, each behind the name of the table.
macro_rules! room_columns {
    ($of:literal) => {
        concat!(
            $of,
            ".id, ",
            $of,
            ".rev, ",
            $of,
            ".kind, ",
            $of,
            ".name, ",
            $of,
            ".topic, ",
            $of,
            ".slow_mode_s, ",
            $of,
            ".created_at, ",
            $of,
            ".pins, ",
            $of,
            ".archived, ",
            $of,
            ".head, ",
            $of,
            ".floor"
        )
    };
}
pub(crate) use room_columns;

impl RoomRow {
    pub(crate) fn id(&self) -> RoomId {
        RoomId(self.id)
    }

    pub(crate) fn log(&self, epoch: Epoch) -> QueryResult<LogHead> {
        Ok(LogHead { epoch, head: count(self.head)?, floor: count(self.floor)? })
    }

    pub(crate) fn room(self) -> QueryResult<Room> {
        Ok(Room {
            id: RoomId(self.id),
            rev: count(self.rev)?,
            kind: kind(self.kind)?,
            name: self.name.map(RoomName::from_stored),
            topic: self.topic.map(Topic::from_stored),
            slow_mode_s: count(self.slow_mode_s)?,
            created_at: time(self.created_at),
            pins: self.pins.into_iter().map(count).collect::<QueryResult<_>>()?,
            archived: self.archived,
        })
    }
}

/// The history that all logs of this database belong to.
pub(crate) async fn epoch(mut conn: &AsyncPgConnection) -> QueryResult<Epoch> {
    let epoch: String = meta::table.select(meta::epoch).get_result(&mut conn).await?;
    Ok(Epoch(epoch.into()))
}
