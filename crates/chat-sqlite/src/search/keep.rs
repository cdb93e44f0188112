//! Keeping the index: places for what is posted, slices for what waits, the words of an edit in place of the old ones.

use chat_domain::objects::Message;
use diesel::{
    QueryResult, SqliteConnection,
    connection::SimpleConnection,
    dsl::{insert_into, max},
    prelude::*,
};

use super::pieces;
use crate::{
    OpenError,
    columns::{Key, int, rows},
    connection::Opener,
    schema::{messages, pieces as index, searching},
    slot::{Fault, immediate},
};

/// Messages in one slice where nobody waits for the writer.
const SLICE_AT_START: usize = 2_000;

/// Gives places behind all others to the posts of one transaction.
#[derive(Default)]
pub(crate) struct Places(Option<i64>);

impl Places {
    pub(crate) fn next(&mut self, conn: &mut SqliteConnection) -> QueryResult<i64> {
        let last = match self.0 {
            Some(last) => last,
            None => {
                let placed = messages::table.filter(messages::place.is_not_null());
                placed.select(max(messages::place)).get_result::<Option<i64>>(conn)?.unwrap_or(0)
            }
        };
        self.0 = Some(last + 1);
        Ok(last + 1)
    }
}

/// Messages up to this place are in the index.
pub(super) fn upto(conn: &mut SqliteConnection) -> QueryResult<i64> {
    searching::table.select(searching::upto).get_result(conn)
}

/// How many messages wait for the index. Places have no holes but where rows were taken away.
pub(crate) fn how_many_wait(conn: &mut SqliteConnection) -> QueryResult<i64> {
    let upto = upto(conn)?;
    let last = messages::table.filter(messages::place.gt(upto)).select(max(messages::place));
    Ok(last.get_result::<Option<i64>>(conn)?.map_or(0, |last| last.saturating_sub(upto)))
}

/// Puts the next few that wait into the index; whether there may be more.
pub(crate) fn index_some(conn: &mut SqliteConnection, most: usize) -> QueryResult<bool> {
    let upto = upto(conn)?;
    let waiting = messages::table.filter(messages::place.gt(upto)).order(messages::place).limit(rows(most));
    let waiting = waiting.select((messages::place.assume_not_null(), messages::room, messages::text));
    let waiting: Vec<(i64, Key, Option<String>)> = waiting.load(conn)?;
    let Some((last, ..)) = waiting.last() else { return Ok(false) };
    diesel::update(searching::table).set(searching::upto.eq(last)).execute(conn)?;
    for (place, room, text) in &waiting {
        if let Some(text) = text {
            put(conn, *place, *room, text)?;
        }
    }
    Ok(waiting.len() >= most)
}

fn put(conn: &mut SqliteConnection, place: i64, room: Key, text: &str) -> QueryResult<()> {
    let row = (index::rowid.eq(place), index::piece.eq(pieces::of_text(room.into(), text)));
    insert_into(index::table).values(row).execute(conn).map(drop)
}

/// Puts the words that a message has from now on in place of those that it had; before its row is changed.
pub(crate) fn reword(conn: &mut SqliteConnection, message: &Message) -> QueryResult<()> {
    let room = Key::from(message.room);
    let row = messages::table.find((room, int(message.seq))).select((messages::place, messages::text));
    let (place, before): (Option<i64>, Option<String>) = row.get_result(conn)?;
    let after = message.text.as_ref().map(|text| text.as_str());
    let Some(place) = place.filter(|_| before.as_deref() != after) else { return Ok(()) };
    if place > upto(conn)? {
        return Ok(());
    }
    diesel::delete(index::table.filter(index::rowid.eq(place))).execute(conn)?;
    after.map_or(Ok(()), |text| put(conn, place, room, text))
}

/// Puts everything that waits into the index. Blocks for as long as it takes: some ten thousand messages a second.
pub(crate) fn catch_up(conn: &mut SqliteConnection) -> Result<(), Fault> {
    let mut done = 0;
    while immediate(conn, |conn| Ok(index_some(conn, SLICE_AT_START)?))? {
        done += SLICE_AT_START;
        if done.is_multiple_of(SLICE_AT_START * 50) {
            tracing::info!(messages = done, "the index of the search is being built");
        }
    }
    Ok(())
}

/// Gives places to the rows of a copy, by their time and within a room by their number, and puts them into the index. Blocks, on
/// a connection of its own.
pub(crate) fn settle(opener: &Opener) -> Result<(), OpenError> {
    let failed = |cause: String| OpenError::Migrate { path: opener.path().to_owned(), cause };
    let mut conn = opener.writer()?;
    immediate(&mut conn, |conn| Ok(conn.batch_execute(PLACES)?)).map_err(|fault| failed(format!("{fault:?}")))?;
    catch_up(&mut conn).map_err(|fault| failed(format!("{fault:?}")))
}

const PLACES: &str = "
    UPDATE messages SET place = numbered.place
    FROM (
        SELECT room, seq, row_number() OVER (ORDER BY at, room, seq)
            + coalesce((SELECT max(place) FROM messages WHERE place IS NOT NULL), 0) AS place
        FROM (SELECT room, seq, max(at) OVER (PARTITION BY room ORDER BY seq) AS at FROM messages WHERE place IS NULL)
    ) AS numbered
    WHERE messages.room = numbered.room AND messages.seq = numbered.seq";
