//! A message, and how it looks to one reader.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::Message,
    words::{Nonce, Text},
};
use diesel::{
    Expression, QueryResult,
    pg::Pg,
    prelude::*,
    sql_types::{self, Array, Nullable},
};
use uuid::Uuid;

use crate::{
    columns::{count, list, time},
    schema::messages,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = messages)]
pub(crate) struct MessageRow {
    room: Uuid,
    seq: i64,
    rev: i64,
    author: Uuid,
    at: i64,
    text: Option<String>,
    reply_to: Option<i64>,
    mentions: Option<Vec<Uuid>>,
    mentions_room: bool,
    reactions: Option<String>,
    edited_at: Option<i64>,
    deleted: bool,
    nonce: Option<String>,
}

/// Its columns, for statements that diesel can't say.
pub(crate) type MessageSql = <<MessageRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

/// A message beside the emoji by which its reader reacted.
pub(crate) type SeenRow = (MessageRow, Option<Vec<String>>);
/// Its columns: [`message_columns`] and [`mine`].
pub(crate) type SeenSql = (MessageSql, Nullable<Array<sql_types::Text>>);

/// The columns of a message as a list, each behind the name of the table.
macro_rules! message_columns {
    ($of:literal) => {
        concat!(
            $of,
            ".room, ",
            $of,
            ".seq, ",
            $of,
            ".rev, ",
            $of,
            ".author, ",
            $of,
            ".at, ",
            $of,
            ".text, ",
            $of,
            ".reply_to, ",
            $of,
            ".mentions, ",
            $of,
            ".mentions_room, ",
            $of,
            ".reactions, ",
            $of,
            ".edited_at, ",
            $of,
            ".deleted, ",
            $of,
            ".nonce"
        )
    };
}
pub(crate) use message_columns;

/// What the reader (a value like `$1`) reacted with; looked up only where anybody did.
macro_rules! mine {
    ($of:literal, $reader:literal) => {
        concat!(
            "CASE WHEN ",
            $of,
            ".reactions IS NOT NULL THEN ARRAY(SELECT mine.emoji FROM reactions AS mine
                WHERE mine.user_id = ",
            $reader,
            " AND mine.room = ",
            $of,
            ".room AND mine.seq = ",
            $of,
            ".seq) END"
        )
    };
}
pub(crate) use mine;

impl MessageRow {
    pub(crate) fn room(&self) -> RoomId {
        RoomId(self.room)
    }

    /// With its nonce, without `me`.
    pub(crate) fn message(self) -> QueryResult<Message> {
        Ok(Message {
            room: RoomId(self.room),
            seq: count(self.seq)?,
            rev: count(self.rev)?,
            author: UserId(self.author),
            at: time(self.at),
            text: self.text.map(Text::from_stored),
            reply_to: self.reply_to.map(count).transpose()?,
            mentions: self.mentions.unwrap_or_default().into_iter().map(UserId).collect(),
            mentions_room: self.mentions_room,
            reactions: list(self.reactions.as_deref())?,
            edited_at: self.edited_at.map(time),
            deleted: self.deleted,
            nonce: self.nonce.map(Nonce::from_stored),
        })
    }

    /// As this user reads it: own nonces only, and `me` on own reactions.
    pub(crate) fn seen_by(self, reader: UserId, mine: Option<Vec<String>>) -> QueryResult<Message> {
        let mut shown = self.message()?.seen_by(reader);
        let mine = mine.unwrap_or_default();
        for reaction in &mut shown.reactions {
            reaction.me = mine.iter().any(|emoji| emoji == reaction.emoji.as_str());
        }
        Ok(shown)
    }
}
