//! Pieces of history, single messages, who reacted to them.

use chat_domain::{
    ids::{RoomId, Seq, UserId},
    objects::Message,
    pages::{History, Page, PageOf, Window},
    ports::Reacted,
    refusal::Refusal,
    words::Emoji,
};
use diesel::{
    QueryResult,
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::{try_join, try_join3};

use crate::{
    columns::{int, rows},
    fault::Fault,
    rows::{SeenRow, SeenSql, message_columns, mine, place},
    schema::messages,
    statement::{fixed, statements},
};

statements! {
    /// Of a room, before a number, the newest first.
    pub(crate) Before: SeenSql = concat!(
        "SELECT ", message_columns!("m"), ", ", mine!("m", "$1"), "
        FROM messages AS m WHERE m.room = $2 AND m.seq < $3 ORDER BY m.seq DESC LIMIT $4"
    );
    /// Of a room, from a number on.
    pub(crate) From: SeenSql = concat!(
        "SELECT ", message_columns!("m"), ", ", mine!("m", "$1"), "
        FROM messages AS m WHERE m.room = $2 AND m.seq >= $3 ORDER BY m.seq LIMIT $4"
    );
    One: SeenSql = concat!(
        "SELECT ", message_columns!("m"), ", ", mine!("m", "$1"), " FROM messages AS m WHERE m.room = $2 AND m.seq = $3"
    );
    pub(crate) Reactions: (Text, Uuid) = "
        SELECT emoji, user_id FROM reactions
        WHERE room = $1 AND seq = $2 AND ($3 IS NULL OR emoji = $3) AND (NOT $4 OR (emoji, user_id) > ($5, $6))
        ORDER BY emoji, user_id LIMIT $7";
}

pub(super) async fn history(
    conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    window: Window,
    limit: usize,
) -> Result<History, Fault> {
    // What lies on both sides of a bound, and one more of each, to know whether there is more.
    let (bound, older, newer) = match window {
        Window::Latest => (Seq::MAX, limit, 0),
        Window::Before(seq) => (seq, limit, 0),
        Window::After(seq) => (seq.saturating_add(1), 0, limit),
        Window::Around(seq) => (seq, limit / 2, limit - limit / 2),
    };
    let before = before(conn, reader, room, bound, older.saturating_add(1));
    let from = from(conn, reader, room, bound, newer.saturating_add(1));
    let (place, mut before, mut from) = try_join3(place(conn, reader, room), before, from).await?;
    let (_, log) = place.read()?;
    let more_before = before.len() > older;
    let more_after = from.len() > newer;
    before.truncate(older);
    from.truncate(newer);
    if matches!(window, Window::Around(seq) if seq > log.head) {
        return Ok(History { items: Vec::new(), log, more_before: more_before || !before.is_empty(), more_after });
    }
    let items = before.into_iter().rev().chain(from);
    let items = items.map(|(row, mine)| row.seen_by(reader, mine)).collect::<QueryResult<_>>()?;
    Ok(History { items, log, more_before, more_after })
}

async fn before(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    bound: Seq,
    limit: usize,
) -> QueryResult<Vec<SeenRow>> {
    let older = fixed::<Before, _>(|query| {
        query
            .bind::<Uuid, _>(reader.0)
            .bind::<Uuid, _>(room.0)
            .bind::<BigInt, _>(int(bound))
            .bind::<BigInt, _>(rows(limit))
    });
    older.load(&mut conn).await
}

async fn from(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    bound: Seq,
    limit: usize,
) -> QueryResult<Vec<SeenRow>> {
    let newer = fixed::<From, _>(|query| {
        query
            .bind::<Uuid, _>(reader.0)
            .bind::<Uuid, _>(room.0)
            .bind::<BigInt, _>(int(bound))
            .bind::<BigInt, _>(rows(limit))
    });
    newer.load(&mut conn).await
}

pub(super) async fn message(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    seq: Seq,
) -> Result<Message, Fault> {
    let one =
        fixed::<One, _>(|query| query.bind::<Uuid, _>(reader.0).bind::<Uuid, _>(room.0).bind::<BigInt, _>(int(seq)));
    let (place, found) = try_join(place(conn, reader, room), one.load::<SeenRow>(&mut conn)).await?;
    place.read()?;
    let (row, mine) = found.into_iter().next().ok_or(Refusal::NotFound)?;
    Ok(row.seen_by(reader, mine)?)
}

pub(super) async fn reactions(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    seq: Seq,
    emoji: Option<Emoji>,
    page: PageOf<Reacted>,
) -> Result<Page<Reacted, Reacted>, Fault> {
    let after = page.after.as_ref();
    let wanted = fixed::<Reactions, _>(|query| {
        query
            .bind::<Uuid, _>(room.0)
            .bind::<BigInt, _>(int(seq))
            .bind::<Nullable<Text>, _>(emoji.as_ref().map(Emoji::as_str))
            .bind::<Bool, _>(after.is_some())
            .bind::<Text, _>(after.map_or("", |(emoji, _)| emoji.as_str()))
            .bind::<Uuid, _>(after.map_or(uuid::Uuid::nil(), |(_, user)| user.0))
            .bind::<BigInt, _>(rows(page.limit.saturating_add(1)))
    });
    let deleted = messages::table.find((room.0, int(seq))).select(messages::deleted).load::<bool>(&mut conn);
    let wanted = wanted.load::<(String, uuid::Uuid)>(&mut conn);
    let (place, deleted, found) = try_join3(place(conn, reader, room), deleted, wanted).await?;
    place.read()?;
    if deleted.into_iter().next().ok_or(Refusal::NotFound)? {
        return Err(Refusal::Gone("this message was deleted").into());
    }
    let found = found.into_iter().map(|(emoji, user)| (Emoji::from_stored(emoji), UserId(user))).collect();
    Ok(Page::cut(found, page.limit, Reacted::clone))
}
