//! A membership, past or present, beside what only the rules look at.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::Member,
    rules::MemberFacts,
};
use diesel::{Expression, QueryResult, pg::Pg, prelude::*};
use uuid::Uuid;

use crate::{
    columns::{count, role, time},
    schema::members,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = members)]
pub(crate) struct MemberRow {
    room: Uuid,
    user: Uuid,
    rev: i64,
    role: i64,
    is_in: bool,
    muted_until: Option<i64>,
    banned: bool,
    joined_at: Option<i64>,
    read_seq: i64,
    posted_at: Option<i64>,
}

/// Its columns, for statements that diesel can't say.
pub(crate) type MemberSql = <<MemberRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

/// The same as a list, each behind the name of the table.
macro_rules! member_columns {
    ($of:literal) => {
        concat!(
            $of,
            ".room, ",
            $of,
            ".user_id, ",
            $of,
            ".rev, ",
            $of,
            ".role, ",
            $of,
            ".is_in, ",
            $of,
            ".muted_until, ",
            $of,
            ".banned, ",
            $of,
            ".joined_at, ",
            $of,
            ".read_seq, ",
            $of,
            ".posted_at"
        )
    };
}
pub(crate) use member_columns;

impl MemberRow {
    pub(crate) fn room(&self) -> RoomId {
        RoomId(self.room)
    }

    pub(crate) fn member(&self) -> QueryResult<Member> {
        Ok(Member {
            room: RoomId(self.room),
            user: UserId(self.user),
            rev: count(self.rev)?,
            role: role(self.role)?,
            is_in: self.is_in,
            muted_until: self.muted_until.map(time),
            banned: self.banned,
            joined_at: self.joined_at.map(time),
        })
    }

    pub(crate) fn facts(&self) -> QueryResult<MemberFacts> {
        Ok(MemberFacts { member: self.member()?, read: count(self.read_seq)?, posted_at: self.posted_at.map(time) })
    }
}
