//! Writing messages, whom they mention, and who reacts to them: each kind in one statement, however many there are.

use std::sync::Arc;

use chat_domain::{objects::Message, words::Nonce};
use diesel::{
    QueryResult,
    sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Uuid as Id},
};
use uuid::Uuid;

use super::writes::Writes;
use crate::{
    columns::{Bytes, int, list_column},
    statement::{Pipeline, fixed, statements},
};

statements! {
    pub(crate) Post: () = "
        INSERT INTO messages (room, seq, rev, author, at, text, reply_to, mentions, mentions_room, nonce, fingerprint)
        SELECT new.room, new.seq, new.seq, new.author, new.at, new.text, new.reply_to, new.mentions::uuid[],
            new.mentions_room, new.nonce, new.fingerprint
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            AS new (room, seq, author, at, text, reply_to, mentions, mentions_room, nonce, fingerprint)";
    pub(crate) Change: () = "
        UPDATE messages AS m SET rev = new.rev, text = new.text, mentions = new.mentions::uuid[],
            mentions_room = new.mentions_room, reactions = new.reactions, edited_at = new.edited_at,
            deleted = new.deleted
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
            AS new (room, seq, rev, text, mentions, mentions_room, reactions, edited_at, deleted)
        WHERE m.room = new.room AND m.seq = new.seq";
    pub(crate) Unmention: () = "
        DELETE FROM mentions AS m USING unnest($1, $2) AS changed (room, seq)
        WHERE m.room = changed.room AND m.seq = changed.seq";
    Mention: () = "INSERT INTO mentions (user_id, room, seq) SELECT * FROM unnest($1, $2, $3)";
    pub(crate) ForgetReactions: () = "
        DELETE FROM reactions AS r USING unnest($1, $2) AS deleted (room, seq)
        WHERE r.room = deleted.room AND r.seq = deleted.seq";
    React: () = "
        INSERT INTO reactions (room, seq, emoji, user_id) SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    pub(crate) TakeBack: () = "
        DELETE FROM reactions AS r USING unnest($1, $2, $3, $4) AS off (room, seq, emoji, user_id)
        WHERE r.room = off.room AND r.seq = off.seq AND r.emoji = off.emoji AND r.user_id = off.user_id";
}

pub(super) fn post(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    if writes.posts.is_empty() {
        return;
    }
    let posts = || writes.posts.iter().map(|(message, _)| message);
    pipeline.push(fixed::<Post, _>(|query| {
        query
            .bind::<Array<Id>, _>(posts().map(|m| m.room.0).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(posts().map(|m| int(m.seq)).collect::<Vec<_>>())
            .bind::<Array<Id>, _>(posts().map(|m| m.author.0).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(posts().map(|m| m.at.as_millis()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(posts().map(text_of).collect::<Vec<_>>())
            .bind::<Array<Nullable<BigInt>>, _>(posts().map(|m| m.reply_to.map(int)).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(posts().map(mentions_of).collect::<Vec<_>>())
            .bind::<Array<Bool>, _>(posts().map(|m| m.mentions_room).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(posts().map(|m| m.nonce.as_ref().map(Nonce::as_str)).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(writes.posts.iter().map(|(_, of)| Bytes(of.0)).collect::<Vec<_>>())
    }));
}

pub(super) fn change(pipeline: &mut Pipeline<'_>, writes: &Writes) -> QueryResult<()> {
    if writes.changed.is_empty() {
        return Ok(());
    }
    let changed = || writes.changed.values();
    let reactions = changed().map(|m| list_column(&m.reactions)).collect::<QueryResult<Vec<_>>>()?;
    let edited_at = changed().map(|m| m.edited_at.map(|at| at.as_millis())).collect::<Vec<_>>();
    let (rooms, seqs) = keys(changed());
    pipeline.push(fixed::<Change, _>(|query| {
        query
            .bind::<Array<Id>, _>(&rooms)
            .bind::<Array<BigInt>, _>(&seqs)
            .bind::<Array<BigInt>, _>(changed().map(|m| int(m.rev)).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(changed().map(text_of).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(changed().map(mentions_of).collect::<Vec<_>>())
            .bind::<Array<Bool>, _>(changed().map(|m| m.mentions_room).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(reactions)
            .bind::<Array<Nullable<BigInt>>, _>(edited_at)
            .bind::<Array<Bool>, _>(changed().map(|m| m.deleted).collect::<Vec<_>>())
    }));
    pipeline.push(fixed::<Unmention, _>(|query| query.bind::<Array<Id>, _>(&rooms).bind::<Array<BigInt>, _>(&seqs)));
    Ok(())
}

/// What is counted as unread; nobody's own words are news to them.
pub(super) fn mention(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    let (mut people, mut rooms, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
    for message in writes.states() {
        for user in message.mentions.iter().filter(|user| **user != message.author) {
            people.push(user.0);
            rooms.push(message.room.0);
            seqs.push(int(message.seq));
        }
    }
    if !people.is_empty() {
        pipeline.push(fixed::<Mention, _>(|query| {
            query.bind::<Array<Id>, _>(people).bind::<Array<Id>, _>(rooms).bind::<Array<BigInt>, _>(seqs)
        }));
    }
}

/// A tombstone forgets who reacted, also a moment before.
pub(super) fn react(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    let (rooms, seqs) = keys(writes.changed.values().filter(|message| message.deleted));
    if !rooms.is_empty() {
        pipeline.push(fixed::<ForgetReactions, _>(|query| {
            query.bind::<Array<Id>, _>(rooms).bind::<Array<BigInt>, _>(seqs)
        }));
    }
    let is_gone = |room, seq| writes.changed.get(&(room, seq)).is_some_and(|message| message.deleted);
    for wanted in [true, false] {
        let (mut rooms, mut seqs, mut pictures, mut people) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for ((room, seq, emoji, user), on) in &writes.reactions {
            if *on == wanted && !is_gone(*room, *seq) {
                rooms.push(room.0);
                seqs.push(int(*seq));
                pictures.push(emoji.as_str());
                people.push(user.0);
            }
        }
        if rooms.is_empty() {
            continue;
        }
        let bind = |query: diesel::query_builder::SqlQuery| {
            query
                .bind::<Array<Id>, _>(rooms)
                .bind::<Array<BigInt>, _>(seqs)
                .bind::<Array<Text>, _>(pictures)
                .bind::<Array<Id>, _>(people)
        };
        if wanted { pipeline.push(fixed::<React, _>(bind)) } else { pipeline.push(fixed::<TakeBack, _>(bind)) }
    }
}

fn keys<'m>(messages: impl Iterator<Item = &'m Arc<Message>>) -> (Vec<Uuid>, Vec<i64>) {
    messages.map(|message| (message.room.0, int(message.seq))).unzip()
}

fn text_of(message: &Arc<Message>) -> Option<&str> {
    message.text.as_ref().map(|text| text.as_str())
}

/// As PostgreSQL writes an array, because an array of arrays would have to be a rectangle.
fn mentions_of(message: &Arc<Message>) -> Option<String> {
    let ids: Vec<String> = message.mentions.iter().map(ToString::to_string).collect();
    (!ids.is_empty()).then(|| format!("{{{}}}", ids.join(",")))
}
