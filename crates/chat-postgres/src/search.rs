//! Searching what was said: what waits for the index, a look at the newest messages of the index, then the index itself.
//!
//! A send pays for a row per batch and room that says where the new messages are (`keep`). An indexer moves them into the index
//! when commits leave it the time (`indexer`, `index`). Until then a search looks at those that wait (`waiting`), so it is exact
//! from the moment of the acknowledgement. All questions of a search see one snapshot, so a message that is moved is found once.
//!
//! An index of this kind (GIN) gives everything that fits, in no order; that is quick for what is rare. What is common is found
//! sooner by walking back from the newest message. So the newest few thousand are looked at first, and the index is asked when
//! they do not fill the page. All give candidates, in the reader's rooms only; the domain's word decides.

mod index;
mod indexer;
mod keep;
mod pieces;
mod prepare;
mod waiting;

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use chat_domain::{
    ids::{RoomId, UserId},
    objects::Message,
    pages::{Page, PageOf, Place},
    refusal::Refusal,
    words::Query,
};
use diesel::{
    QueryResult,
    prelude::*,
    sql_types::{BigInt, Text, Uuid as Id},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

pub(crate) use indexer::{Wake, keep_indexing};
pub(crate) use keep::{change, post};
pub(crate) use prepare::{fill, prepare};

use crate::{
    columns::{count, int, rows},
    fault::Fault,
    rows::{MessageRow, SeenSql, message_columns, mine, place},
    schema::members,
    statement::{fixed, statements},
};
use pieces::Wanted;
use waiting::Found;

/// Up to so many rooms are named to the index, so that it passes over what was said elsewhere.
const NAMED_ROOMS: usize = 32;
/// The newest messages that are looked at before the index is asked.
const NEWEST: usize = 4_096;
/// No further question is asked after so long; then the page is cut short.
const PATIENCE: Duration = Duration::from_secs(1);

/// The best of `found`, in the reader's rooms: $1 the reader, $2 before which place, $3 how many.
macro_rules! candidates {
    ($found:expr) => {
        concat!(
            "WITH found AS MATERIALIZED (",
            $found,
            "), best AS MATERIALIZED (
                SELECT f.place, f.room, f.seq FROM found AS f
                JOIN members AS own ON own.room = f.room AND own.user_id = $1 AND own.is_in
                ORDER BY f.place DESC LIMIT $3
            )
            SELECT b.place, ",
            message_columns!("m"),
            ", ",
            mine!("m", "$1"),
            " FROM best AS b JOIN messages AS m ON m.room = b.room AND m.seq = b.seq ORDER BY b.place DESC"
        )
    };
}

use candidates;

/// A message that may be what is looked for, and its place.
type CandidateSql = (BigInt, SeenSql);

statements! {
    /// $4 is how many to look at; words and parts as below. What is empty asks for nothing.
    pub(crate) Newest: CandidateSql = candidates!("
        SELECT n.place, n.room, n.seq
        FROM (SELECT * FROM search WHERE place < $2 ORDER BY place DESC LIMIT $4) AS n
        WHERE ($5 = '' OR n.words @@ $5::tsquery)
            AND n.parts LIKE $6 AND n.parts LIKE $7 AND n.parts LIKE $8 AND n.parts LIKE $9");
    /// The place is written so that no walk along the places can stand in for the index.
    pub(crate) ByWords: CandidateSql = candidates!("
        SELECT s.place, s.room, s.seq FROM search AS s WHERE s.words @@ $4::tsquery AND s.place + 0 < $2");
    pub(crate) ByParts: CandidateSql = candidates!("
        SELECT s.place, s.room, s.seq FROM search AS s
        WHERE s.parts LIKE $4 AND s.parts LIKE $5 AND s.parts LIKE $6 AND s.parts LIKE $7 AND s.place + 0 < $2");
    pub(crate) ByBoth: CandidateSql = candidates!("
        SELECT s.place, s.room, s.seq FROM search AS s
        WHERE s.parts LIKE $4 AND s.parts LIKE $5 AND s.parts LIKE $6 AND s.parts LIKE $7
            AND s.words @@ $8::tsquery AND s.place + 0 < $2");
}

type Candidate = (i64, (MessageRow, Option<Vec<String>>));

/// A page, as far as it goes.
#[derive(Clone)]
struct Walk<'q> {
    reader: UserId,
    query: &'q Query,
    room: Option<RoomId>,
    limit: usize,
    begun: Instant,
    /// Everything from here on was looked at.
    before: i64,
    /// One more than the page may have, to know whether there is more.
    found: Vec<(i64, Message)>,
}

pub(crate) async fn find(
    conn: &AsyncPgConnection,
    reader: UserId,
    query: Query,
    room: Option<RoomId>,
    page: PageOf<Place>,
    by_parts: bool,
) -> Result<Page<Message, Place>, Fault> {
    let own = match room {
        // Whatever kind it is: a room that one is not in is no room to search.
        Some(room) => place(conn, reader, room).await?.read().map(|_| vec![room]).map_err(|_| Refusal::NotFound)?,
        None => own_rooms(conn, reader).await?,
    };
    if own.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let before = page.after.map_or(i64::MAX, |Place(place)| int(place));
    let begun = Instant::now();
    let mut walk = Walk { reader, query: &query, room, limit: page.limit, begun, before, found: Vec::new() };
    let waiting = waiting::look(conn, walk.clone()).await?;
    let wanted = Wanted::of(&query, if own.len() > NAMED_ROOMS { &[] } else { &own }, by_parts);
    let floor = walk_the_index(conn, &mut walk, &wanted).await?;
    merged(page.limit, waiting, Found { messages: walk.found, floor })
}

/// Where it stopped, unless it came to the end.
async fn walk_the_index(conn: &AsyncPgConnection, walk: &mut Walk<'_>, wanted: &Wanted) -> QueryResult<Option<i64>> {
    let (size, before) = (walk.limit.saturating_add(1), walk.before);
    if walk.takes(newest(conn, walk, wanted, size).await?)? {
        return Ok(Some(walk.before));
    }
    (walk.before, walk.found) = (before, Vec::new());
    loop {
        let step = indexed(conn, walk, wanted, size).await?;
        let is_last = step.len() < size;
        if walk.takes(step)? {
            return Ok(Some(walk.before));
        }
        if is_last {
            return Ok(None);
        }
        if walk.is_tired() {
            return Ok(Some(walk.before));
        }
    }
}

/// One page of what two walks found, down to where both have looked. A page that was cut short goes on from where it ended.
fn merged(limit: usize, one: Found, other: Found) -> Result<Page<Message, Place>, Fault> {
    let floor = one.floor.max(other.floor);
    let mut found = one.messages;
    found.extend(other.messages);
    found.retain(|(place, _)| floor.is_none_or(|floor| *place >= floor));
    found.sort_unstable_by_key(|(place, _)| Reverse(*place));
    // An edit that waits may fit with its old words, too.
    found.dedup_by_key(|(place, _)| *place);
    let is_full = found.len() > limit;
    found.truncate(limit);
    let end = found.last().map(|(place, _)| *place).filter(|_| is_full).or(floor);
    let next = end.map(count).transpose()?.map(Place);
    Ok(Page { items: found.into_iter().map(|(_, message)| message).collect(), next })
}

async fn own_rooms(mut conn: &AsyncPgConnection, reader: UserId) -> QueryResult<Vec<RoomId>> {
    let own = members::table.filter(members::user.eq(reader.0)).filter(members::is_in.eq(true));
    let own: Vec<uuid::Uuid> = own.limit(rows(NAMED_ROOMS + 1)).select(members::room).load(&mut conn).await?;
    Ok(own.into_iter().map(RoomId).collect())
}

async fn newest(
    mut conn: &AsyncPgConnection,
    walk: &Walk<'_>,
    wanted: &Wanted,
    size: usize,
) -> QueryResult<Vec<Candidate>> {
    let [one, two, three, four] = wanted.patterns();
    let asked = fixed::<Newest, _>(|query| {
        query
            .bind::<Id, _>(walk.reader.0)
            .bind::<BigInt, _>(walk.before)
            .bind::<BigInt, _>(rows(size))
            .bind::<BigInt, _>(rows(NEWEST))
            .bind::<Text, _>(&wanted.words)
            .bind::<Text, _>(one)
            .bind::<Text, _>(two)
            .bind::<Text, _>(three)
            .bind::<Text, _>(four)
    });
    asked.load(&mut conn).await
}

async fn indexed(
    mut conn: &AsyncPgConnection,
    walk: &Walk<'_>,
    wanted: &Wanted,
    size: usize,
) -> QueryResult<Vec<Candidate>> {
    let (reader, before, size) = (walk.reader.0, walk.before, rows(size));
    let [one, two, three, four] = wanted.patterns();
    if wanted.parts.is_empty() {
        let asked = fixed::<ByWords, _>(|query| {
            query.bind::<Id, _>(reader).bind::<BigInt, _>(before).bind::<BigInt, _>(size).bind::<Text, _>(&wanted.words)
        });
        return asked.load(&mut conn).await;
    }
    if wanted.words.is_empty() {
        let asked = fixed::<ByParts, _>(|query| {
            query
                .bind::<Id, _>(reader)
                .bind::<BigInt, _>(before)
                .bind::<BigInt, _>(size)
                .bind::<Text, _>(one)
                .bind::<Text, _>(two)
                .bind::<Text, _>(three)
                .bind::<Text, _>(four)
        });
        return asked.load(&mut conn).await;
    }
    let asked = fixed::<ByBoth, _>(|query| {
        query
            .bind::<Id, _>(reader)
            .bind::<BigInt, _>(before)
            .bind::<BigInt, _>(size)
            .bind::<Text, _>(one)
            .bind::<Text, _>(two)
            .bind::<Text, _>(three)
            .bind::<Text, _>(four)
            .bind::<Text, _>(&wanted.words)
    });
    asked.load(&mut conn).await
}

impl Walk<'_> {
    /// Looks at some; whether there are enough now.
    fn takes(&mut self, step: Vec<Candidate>) -> QueryResult<bool> {
        for (place, (row, mine)) in step {
            self.before = place;
            let message = row.seen_by(self.reader, mine)?;
            let is_there = self.room.is_none_or(|wanted| wanted == message.room);
            if is_there && message.text.as_ref().is_some_and(|text| self.query.matches(text.as_str())) {
                self.found.push((place, message));
                if self.found.len() > self.limit {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_tired(&self) -> bool {
        self.begun.elapsed() >= PATIENCE
    }
}
