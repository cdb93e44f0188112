//! Keeping what the search knows in the transaction that changes what was said: one statement for all posts of a batch, two for
//! its changes, in the same round trip.

use std::sync::Arc;

use chat_domain::objects::Message;
use diesel::sql_types::{Array, BigInt, Text, Uuid as Id};

use super::pieces::Pieces;
use crate::{
    columns::int,
    statement::{Pipeline, fixed, statements},
};

statements! {
    /// A row that is there stays.
    pub(crate) Add: () = "
        INSERT INTO search (room, seq, words, parts)
        SELECT new.room, new.seq, new.words::tsvector, new.parts FROM unnest($1, $2, $3, $4) AS new (room, seq, words, parts)
        ON CONFLICT DO NOTHING";
    /// Not every change is one of words.
    pub(crate) Reword: () = "
        UPDATE search AS s SET words = new.words::tsvector, parts = new.parts
        FROM unnest($1, $2, $3, $4) AS new (room, seq, words, parts)
        WHERE s.room = new.room AND s.seq = new.seq
            AND (s.words IS DISTINCT FROM new.words::tsvector OR s.parts IS DISTINCT FROM new.parts)";
    pub(crate) Forget: () = "
        DELETE FROM search AS s USING unnest($1, $2) AS gone (room, seq) WHERE s.room = gone.room AND s.seq = gone.seq";
}

/// Columns of rows.
#[derive(Default)]
pub(super) struct Columns {
    rooms: Vec<uuid::Uuid>,
    seqs: Vec<i64>,
    words: Vec<String>,
    parts: Vec<String>,
}

impl Columns {
    pub(super) fn push(&mut self, room: uuid::Uuid, seq: i64, text: &str) {
        let Pieces { words, parts } = Pieces::of(chat_domain::ids::RoomId(room), text);
        self.rooms.push(room);
        self.seqs.push(seq);
        self.words.push(words);
        self.parts.push(parts);
    }

    fn of<'m>(messages: impl Iterator<Item = &'m Arc<Message>>) -> Self {
        let mut columns = Self::default();
        for message in messages {
            if let Some(text) = &message.text {
                columns.push(message.room.0, int(message.seq), text.as_str());
            }
        }
        columns
    }

    pub(super) fn added(self, pipeline: &mut Pipeline<'_>) {
        if !self.rooms.is_empty() {
            pipeline.push(fixed::<Add, _>(|query| {
                query
                    .bind::<Array<Id>, _>(self.rooms)
                    .bind::<Array<BigInt>, _>(self.seqs)
                    .bind::<Array<Text>, _>(self.words)
                    .bind::<Array<Text>, _>(self.parts)
            }));
        }
    }
}

/// New messages, as they were posted.
pub(crate) fn post<'m>(pipeline: &mut Pipeline<'_>, messages: impl Iterator<Item = &'m Arc<Message>>) {
    Columns::of(messages).added(pipeline);
}

/// Messages with another state.
pub(crate) fn change<'m>(pipeline: &mut Pipeline<'_>, messages: impl Iterator<Item = &'m Arc<Message>> + Clone) {
    let Columns { rooms, seqs, words, parts } = Columns::of(messages.clone());
    if !rooms.is_empty() {
        pipeline.push(fixed::<Reword, _>(|query| {
            query
                .bind::<Array<Id>, _>(rooms)
                .bind::<Array<BigInt>, _>(seqs)
                .bind::<Array<Text>, _>(words)
                .bind::<Array<Text>, _>(parts)
        }));
    }
    let gone = messages.filter(|message| message.text.is_none());
    let (rooms, seqs): (Vec<_>, Vec<_>) = gone.map(|message| (message.room.0, int(message.seq))).unzip();
    if !rooms.is_empty() {
        pipeline.push(fixed::<Forget, _>(|query| query.bind::<Array<Id>, _>(rooms).bind::<Array<BigInt>, _>(seqs)));
    }
}
