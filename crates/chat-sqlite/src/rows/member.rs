//! A membership, past or present, beside what only the rules look at.

use chat_domain::{objects::Member, rules::MemberFacts};
use diesel::{QueryResult, prelude::*};

use crate::{
    columns::{Key, count, role, time},
    schema::members,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = members)]
pub(crate) struct MemberRow {
    room: Key,
    user: Key,
    rev: i64,
    role: i64,
    is_in: bool,
    muted_until: Option<i64>,
    banned: bool,
    joined_at: Option<i64>,
    read_seq: i64,
    posted_at: Option<i64>,
}

impl MemberRow {
    pub(crate) fn member(&self) -> QueryResult<Member> {
        Ok(Member {
            room: self.room.into(),
            user: self.user.into(),
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
