//! What a search finds among the messages that the index does not have yet, or has with older words.
//!
//! The same word decides as for all others. Runs are walked from the newest place down; edits are few, and all looked at. A
//! message is in a run or in the index, never in both; an edit stands at the place that the index has for its message.

use chat_domain::objects::Message;
use diesel::{
    QueryResult,
    sql_types::{BigInt, Uuid as Id},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Candidate, CandidateSql, Walk, candidates};
use crate::{
    columns::rows,
    rows::{message_columns, mine},
    statement::{fixed, statements},
};

/// Messages that are looked at in one step, at most.
const STEP: usize = 2_048;
/// Waiting messages of the reader's rooms that are looked at for one page; then it is cut short.
const MOST_LOOKED_AT: usize = 8_192;

statements! {
    /// Fenced, so that the walk goes along the places and looks at the reader's rooms only, whatever the planner thinks of what the tables hold.
    pub(crate) Waiting: CandidateSql = candidates!("
        SELECT w.place + (said.seq - w.first_seq) AS place, said.room, said.seq
        FROM search_waiting AS w
        JOIN LATERAL (
            SELECT m.room FROM members AS m WHERE m.user_id = $1 AND m.room = w.room AND m.is_in LIMIT 1
        ) AS own ON TRUE
        JOIN LATERAL (
            SELECT m.room, m.seq FROM messages AS m
            WHERE m.room = own.room AND m.seq BETWEEN w.first_seq AND w.last_seq AND m.text IS NOT NULL
                AND w.place + (m.seq - w.first_seq) < $2
            ORDER BY m.seq DESC LIMIT 1024
        ) AS said ON TRUE
        WHERE w.place < $2 ORDER BY w.place DESC, said.seq DESC LIMIT $3");
    pub(crate) Edited: CandidateSql = candidates!("
        SELECT DISTINCT s.place, s.room, s.seq
        FROM search_edited AS e
        JOIN members AS own ON own.user_id = $1 AND own.room = e.room AND own.is_in
        JOIN search AS s ON s.room = e.room AND s.seq = e.seq
        WHERE e.id > 0 AND s.place < $2");
}

/// What was found, down to a place if there is more below it.
#[derive(Default)]
pub(super) struct Found {
    pub(super) messages: Vec<(i64, Message)>,
    pub(super) floor: Option<i64>,
}

pub(super) async fn look(conn: &AsyncPgConnection, mut walk: Walk<'_>) -> QueryResult<Found> {
    let before = walk.before;
    let edits = edited(conn, &walk).await?;
    let edits_end = edits.last().map(|(place, _)| *place).filter(|_| edits.len() >= STEP);
    // A page more than enough would do; but a walk that stops has not looked at all.
    for edit in edits {
        walk.takes(vec![edit])?;
    }
    let mut found = std::mem::take(&mut walk.found);
    walk.before = before;
    let floor = runs(conn, &mut walk).await?;
    found.append(&mut walk.found);
    Ok(Found { messages: found, floor: floor.max(edits_end) })
}

/// Where it stopped, unless it came to the end.
async fn runs(conn: &AsyncPgConnection, walk: &mut Walk<'_>) -> QueryResult<Option<i64>> {
    let (mut size, mut looked_at) = (walk.limit.saturating_add(1).min(STEP), 0);
    loop {
        let step = waiting(conn, walk, size).await?;
        let is_last = step.len() < size;
        looked_at += step.len();
        if walk.takes(step)? {
            return Ok(Some(walk.before));
        }
        if is_last {
            return Ok(None);
        }
        if looked_at >= MOST_LOOKED_AT || walk.is_tired() {
            return Ok(Some(walk.before));
        }
        size = size.saturating_mul(4).min(STEP);
    }
}

async fn waiting(mut conn: &AsyncPgConnection, walk: &Walk<'_>, size: usize) -> QueryResult<Vec<Candidate>> {
    let asked = fixed::<Waiting, _>(|query| {
        query.bind::<Id, _>(walk.reader.0).bind::<BigInt, _>(walk.before).bind::<BigInt, _>(rows(size))
    });
    asked.load(&mut conn).await
}

async fn edited(mut conn: &AsyncPgConnection, walk: &Walk<'_>) -> QueryResult<Vec<Candidate>> {
    let asked = fixed::<Edited, _>(|query| {
        query.bind::<Id, _>(walk.reader.0).bind::<BigInt, _>(walk.before).bind::<BigInt, _>(rows(STEP))
    });
    asked.load(&mut conn).await
}
