//! Messages, whom they mention, and who reacted, as rows.

use chat_domain::{
    command::Fingerprint,
    ids::{RoomId, Seq, UserId},
    objects::Message,
    ports::Item,
    words::Emoji,
};
use diesel::{
    QueryResult,
    dsl::insert_into,
    prelude::*,
    sql_types::{Array, BigInt, Uuid as Id},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    columns::{Bytes, count, int, list_column, rows},
    rows::MessageRow,
    schema::{messages, reactions},
    statement::{Pipeline, fixed, statements},
};

statements! {
    Unmention: () = "DELETE FROM mentions WHERE room = $1 AND seq = $2";
    Mention: () = "INSERT INTO mentions (user_id, room, seq) SELECT unnest($1), $2, $3";
}

pub(super) async fn messages(
    mut conn: &AsyncPgConnection,
    after: Option<Item>,
    limit: usize,
) -> QueryResult<Vec<Item>> {
    let (room, seq) = match after {
        Some(Item::Message { message, .. }) => (message.room.0, message.seq),
        Some(_) | None => (Uuid::nil(), 0),
    };
    let rest = messages::room.eq(room).and(messages::seq.gt(int(seq)));
    let found: Vec<(MessageRow, Bytes<16>)> = messages::table
        .filter(rest.or(messages::room.gt(room)))
        .order((messages::room, messages::seq))
        .limit(rows(limit))
        .select((MessageRow::as_select(), messages::fingerprint))
        .load(&mut conn)
        .await?;
    let item = |(row, of): (MessageRow, Bytes<16>)| {
        Ok(Item::Message { message: row.message()?, fingerprint: Fingerprint(of.0) })
    };
    found.into_iter().map(item).collect()
}

pub(super) fn put_message(pipeline: &mut Pipeline<'_>, message: &Message, fingerprint: Fingerprint) -> QueryResult<()> {
    let mentions: Vec<Uuid> = message.mentions.iter().map(|user| user.0).collect();
    let state = (
        messages::rev.eq(int(message.rev)),
        messages::author.eq(message.author.0),
        messages::at.eq(message.at.as_millis()),
        messages::text.eq(message.text.as_ref().map(|text| text.as_str())),
        messages::reply_to.eq(message.reply_to.map(int)),
        messages::mentions.eq(Some(&mentions).filter(|mentions| !mentions.is_empty())),
        messages::mentions_room.eq(message.mentions_room),
        messages::reactions.eq(list_column(&message.reactions)?),
        messages::edited_at.eq(message.edited_at.map(|at| at.as_millis())),
        messages::deleted.eq(message.deleted),
        messages::nonce.eq(message.nonce.as_ref().map(|nonce| nonce.as_str())),
        messages::fingerprint.eq(Bytes(fingerprint.0)),
    );
    let (room, seq) = (message.room.0, int(message.seq));
    let insert = insert_into(messages::table).values((messages::room.eq(room), messages::seq.eq(seq), state.clone()));
    pipeline.push(insert.on_conflict((messages::room, messages::seq)).do_update().set(state));
    pipeline.push(fixed::<Unmention, _>(|query| query.bind::<Id, _>(room).bind::<BigInt, _>(seq)));
    // Nobody's own words are news to them.
    let told: Vec<Uuid> = mentions.into_iter().filter(|user| *user != message.author.0).collect();
    if !told.is_empty() {
        let mention = |query: diesel::query_builder::SqlQuery| {
            query.bind::<Array<Id>, _>(told).bind::<Id, _>(room).bind::<BigInt, _>(seq)
        };
        pipeline.push(fixed::<Mention, _>(mention));
    }
    Ok(())
}

pub(super) async fn reactions(
    mut conn: &AsyncPgConnection,
    after: Option<Item>,
    limit: usize,
) -> QueryResult<Vec<Item>> {
    let mut wanted = reactions::table.into_boxed();
    if let Some(Item::Reaction { room, seq, emoji, user }) = after {
        let (room, seq, emoji) = (room.0, int(seq), emoji.as_str().to_owned());
        let in_message = reactions::emoji.eq(emoji.clone()).and(reactions::user.gt(user.0));
        let in_message = in_message.or(reactions::emoji.gt(emoji));
        let in_room = reactions::seq.eq(seq).and(in_message).or(reactions::seq.gt(seq));
        wanted = wanted.filter(reactions::room.eq(room).and(in_room).or(reactions::room.gt(room)));
    }
    let order = (reactions::room, reactions::seq, reactions::emoji, reactions::user);
    let found: Vec<(Uuid, i64, String, Uuid)> = wanted.order(order).limit(rows(limit)).load(&mut conn).await?;
    let item = |(room, seq, emoji, user): (Uuid, i64, String, Uuid)| {
        let (room, seq, user) = (RoomId(room), count(seq)?, UserId(user));
        Ok(Item::Reaction { room, seq, emoji: Emoji::from_stored(emoji), user })
    };
    found.into_iter().map(item).collect()
}

pub(super) fn put_reaction(pipeline: &mut Pipeline<'_>, room: RoomId, seq: Seq, emoji: &Emoji, user: UserId) {
    let row = (
        reactions::room.eq(room.0),
        reactions::seq.eq(int(seq)),
        reactions::emoji.eq(emoji.as_str()),
        reactions::user.eq(user.0),
    );
    pipeline.push(insert_into(reactions::table).values(row).on_conflict_do_nothing());
}
