//! Moving what waits into the index: one slice, in one short transaction, by one node at a time.
//!
//! Whoever does it holds an advisory lock to the end of the transaction, and never a lock that a commit waits for: commits only
//! add rows here, none of them unique. A message is found by what waits before that transaction, and by the index after it.
//!
//! An edit may come while its message is moved. Its row then stands in `search_edited`, is read in a later statement than the
//! words were, and the message is read again. A row whose message is still in a run says nothing: what is read later is newer.

use chat_domain::ids::RoomId;
use diesel::{
    QueryResult,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid as Id},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::pieces::Pieces;
use crate::{
    columns::rows,
    fault::Fault,
    statement::{Pipeline, fixed, statements},
};

statements! {
    /// The number means nothing else to anybody.
    MayIndex: Bool = "SELECT pg_try_advisory_xact_lock(7163381027549402)";
    /// For those who can wait.
    pub(super) WaitForIndex: () = "SELECT pg_advisory_xact_lock(7163381027549402)";
    Runs: (BigInt, BigInt) = "
        SELECT place, last_seq - first_seq + 1 FROM search_waiting WHERE place > 0 ORDER BY place LIMIT $1";
    Words: (BigInt, Id, BigInt, Text) = "
        SELECT w.place + (m.seq - w.first_seq), m.room, m.seq, m.text
        FROM search_waiting AS w JOIN messages AS m ON m.room = w.room AND m.seq BETWEEN w.first_seq AND w.last_seq
        WHERE w.place = ANY ($1) AND m.text IS NOT NULL";
    /// A row that is there stays.
    Add: () = "
        INSERT INTO search (place, room, seq, words, parts)
        SELECT new.place, new.room, new.seq, new.words::tsvector, new.parts
        FROM unnest($1, $2, $3, $4, $5) AS new (place, room, seq, words, parts)
        ON CONFLICT (room, seq) DO NOTHING";
    Moved: () = "DELETE FROM search_waiting WHERE place = ANY ($1)";
    Edits: (BigInt, Id, BigInt, Nullable<Text>) = "
        SELECT e.id, m.room, m.seq, m.text FROM search_edited AS e JOIN messages AS m ON m.room = e.room AND m.seq = e.seq
        WHERE e.id > 0 ORDER BY e.id LIMIT $1";
    Reword: () = "
        UPDATE search AS s SET words = new.words::tsvector, parts = new.parts
        FROM unnest($1, $2, $3, $4) AS new (room, seq, words, parts)
        WHERE s.room = new.room AND s.seq = new.seq
            AND (s.words IS DISTINCT FROM new.words::tsvector OR s.parts IS DISTINCT FROM new.parts)";
    Forget: () = "
        DELETE FROM search AS s USING unnest($1, $2) AS gone (room, seq) WHERE s.room = gone.room AND s.seq = gone.seq";
    Read: () = "DELETE FROM search_edited WHERE id = ANY ($1)";
    /// No more than $1 rows are counted.
    Waiting: BigInt = "
        SELECT coalesce(sum(messages), 0)::bigint FROM (
            SELECT last_seq - first_seq + 1 AS messages FROM search_waiting WHERE place > 0 LIMIT $1
        ) AS w";
}

/// Columns of rows of the index.
#[derive(Default)]
pub(super) struct Columns {
    places: Vec<i64>,
    rooms: Vec<uuid::Uuid>,
    seqs: Vec<i64>,
    words: Vec<String>,
    parts: Vec<String>,
}

impl Columns {
    pub(super) fn push(&mut self, place: i64, room: uuid::Uuid, seq: i64, text: &str) {
        let Pieces { words, parts } = Pieces::of(RoomId(room), text);
        self.places.push(place);
        self.rooms.push(room);
        self.seqs.push(seq);
        self.words.push(words);
        self.parts.push(parts);
    }

    pub(super) fn added(self, pipeline: &mut Pipeline<'_>) {
        pipeline.push(fixed::<Add, _>(|query| {
            query
                .bind::<Array<BigInt>, _>(self.places)
                .bind::<Array<Id>, _>(self.rooms)
                .bind::<Array<BigInt>, _>(self.seqs)
                .bind::<Array<Text>, _>(self.words)
                .bind::<Array<Text>, _>(self.parts)
        }));
    }

    fn reworded(self, pipeline: &mut Pipeline<'_>) {
        pipeline.push(fixed::<Reword, _>(|query| {
            query
                .bind::<Array<Id>, _>(self.rooms)
                .bind::<Array<BigInt>, _>(self.seqs)
                .bind::<Array<Text>, _>(self.words)
                .bind::<Array<Text>, _>(self.parts)
        }));
    }
}

/// What came of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// There may be more that waits.
    pub(crate) more: bool,
    /// About so many messages wait; beyond the bound that was asked about it does not matter how many.
    pub(crate) waiting: usize,
}

/// Moves the oldest that wait, and reads again what was edited; about `most` of each. Inside a transaction, in which nothing
/// happens when another node is at it.
pub(crate) async fn some(mut conn: &AsyncPgConnection, most: usize, bound: usize) -> Result<Done, Fault> {
    let may: bool = fixed::<MayIndex, _>(|query| query).get_result(&mut conn).await?;
    if !may {
        return Ok(Done { more: false, waiting: waiting(conn, bound).await? });
    }
    let moved = moved(conn, most).await?;
    let read = reread(conn, most).await?;
    let waiting = waiting(conn, bound).await?;
    Ok(Done { more: moved || read || waiting > 0, waiting })
}

/// About how many messages wait; no more than `bound` runs are counted.
pub(crate) async fn waiting(mut conn: &AsyncPgConnection, bound: usize) -> QueryResult<usize> {
    let runs = fixed::<Waiting, _>(|query| query.bind::<BigInt, _>(rows(bound.saturating_add(1))));
    let waiting: i64 = runs.get_result(&mut conn).await?;
    Ok(usize::try_from(waiting).unwrap_or(usize::MAX))
}

/// Whether there may be more.
async fn moved(mut conn: &AsyncPgConnection, most: usize) -> QueryResult<bool> {
    let runs = fixed::<Runs, _>(|query| query.bind::<BigInt, _>(rows(most)));
    let runs: Vec<(i64, i64)> = runs.load(&mut conn).await?;
    let (found, mut size) = (runs.len(), 0);
    let fits = |(_, messages): &(i64, i64)| {
        let is_first = size == 0;
        size += messages;
        is_first || size <= rows(most)
    };
    let places: Vec<i64> = runs.into_iter().take_while(fits).map(|(place, _)| place).collect();
    if places.is_empty() {
        return Ok(false);
    }
    let words = fixed::<Words, _>(|query| query.bind::<Array<BigInt>, _>(&places));
    let words: Vec<(i64, uuid::Uuid, i64, String)> = words.load(&mut conn).await?;
    let mut columns = Columns::default();
    for (place, room, seq, text) in words {
        columns.push(place, room, seq, &text);
        breathe(columns.places.len()).await;
    }
    let is_some = places.len() < found;
    let mut pipeline = Pipeline::new(conn);
    columns.added(&mut pipeline);
    pipeline.push(fixed::<Moved, _>(|query| query.bind::<Array<BigInt>, _>(places)));
    pipeline.finish().await?;
    Ok(is_some)
}

/// The same.
async fn reread(mut conn: &AsyncPgConnection, most: usize) -> QueryResult<bool> {
    let edits = fixed::<Edits, _>(|query| query.bind::<BigInt, _>(rows(most)));
    let edits: Vec<(i64, uuid::Uuid, i64, Option<String>)> = edits.load(&mut conn).await?;
    if edits.is_empty() {
        return Ok(false);
    }
    let is_full = edits.len() >= most;
    let (mut ids, mut columns) = (Vec::new(), Columns::default());
    let (mut gone_rooms, mut gone_seqs) = (Vec::new(), Vec::new());
    for (id, room, seq, text) in edits {
        ids.push(id);
        if let Some(text) = text {
            columns.push(0, room, seq, &text);
        } else {
            gone_rooms.push(room);
            gone_seqs.push(seq);
        }
        breathe(ids.len()).await;
    }
    let mut pipeline = Pipeline::new(conn);
    columns.reworded(&mut pipeline);
    pipeline
        .push(fixed::<Forget, _>(|query| query.bind::<Array<Id>, _>(gone_rooms).bind::<Array<BigInt>, _>(gone_seqs)));
    pipeline.push(fixed::<Read, _>(|query| query.bind::<Array<BigInt>, _>(ids)));
    pipeline.finish().await?;
    Ok(is_full)
}

/// Taking texts apart takes a while, and others have to do on this thread.
async fn breathe(taken_apart: usize) {
    if taken_apart.is_multiple_of(32) {
        tokio::task::yield_now().await;
    }
}
