//! A message, and how it looks to one reader.

use chat_domain::{
    ids::{RoomId, Seq, UserId},
    objects::Message,
    words::{Nonce, Text},
};
use diesel::{QueryResult, SqliteConnection, prelude::*};

use crate::{
    columns::{Key, count, int, list, time},
    schema::{messages, reactions},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = messages)]
pub(crate) struct MessageRow {
    room: Key,
    seq: i64,
    rev: i64,
    author: Key,
    at: i64,
    text: Option<String>,
    reply_to: Option<i64>,
    mentions: String,
    mentions_room: bool,
    reactions: String,
    edited_at: Option<i64>,
    deleted: bool,
    nonce: Option<String>,
}

impl MessageRow {
    /// With its nonce, without `me`.
    pub(crate) fn message(self) -> QueryResult<Message> {
        Ok(Message {
            room: self.room.into(),
            seq: count(self.seq)?,
            rev: count(self.rev)?,
            author: self.author.into(),
            at: time(self.at),
            text: self.text.map(Text::from_stored),
            reply_to: self.reply_to.map(count).transpose()?,
            mentions: list(&self.mentions)?,
            mentions_room: self.mentions_room,
            reactions: list(&self.reactions)?,
            edited_at: self.edited_at.map(time),
            deleted: self.deleted,
            nonce: self.nonce.map(Nonce::from_stored),
        })
    }
}

/// Messages of one room as this user reads them: own nonces only, and `me` on own reactions.
pub(crate) fn shown_to(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    messages: Vec<Message>,
) -> QueryResult<Vec<Message>> {
    let reacted: Vec<Seq> = messages.iter().filter(|m| !m.reactions.is_empty()).map(|m| m.seq).collect();
    let mine = own_reactions(conn, reader, room, &reacted)?;
    let show = |message: Message| {
        let mut shown = message.seen_by(reader);
        for reaction in &mut shown.reactions {
            reaction.me = mine.iter().any(|(seq, emoji)| *seq == shown.seq && emoji == reaction.emoji.as_str());
        }
        shown
    };
    Ok(messages.into_iter().map(show).collect())
}

fn own_reactions(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    seqs: &[Seq],
) -> QueryResult<Vec<(Seq, String)>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let mine =
        reactions::table.filter(reactions::user.eq(Key::from(reader))).filter(reactions::room.eq(Key::from(room)));
    let these = mine.filter(reactions::seq.eq_any(seqs.iter().copied().map(int)));
    let rows: Vec<(i64, String)> = these.select((reactions::seq, reactions::emoji)).load(conn)?;
    rows.into_iter().map(|(seq, emoji)| Ok((count(seq)?, emoji))).collect()
}
