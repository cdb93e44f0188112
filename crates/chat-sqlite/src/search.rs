//! Searching what was said: the newest messages one by one, all others by an index of their pieces.
//!
//! A send pays for nothing but its place in the order. The writer puts messages into the index when it has nothing else to do, or
//! when too many wait (`keep`); until then a search looks at those that wait, so it is exact from the moment of the
//! acknowledgement. Both walk from the newest place down, so a page ends as soon as it is full.

mod keep;
mod pieces;

use std::time::{Duration, Instant};

use chat_domain::{
    ids::{RoomId, Seq, UserId},
    objects::Message,
    pages::{Page, PageOf, Place},
    refusal::Refusal,
    words::Query,
};
use diesel::{
    QueryResult, SqliteConnection,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
};

pub(crate) use keep::{Places, catch_up, how_many_wait, index_some, reword, settle};

use crate::{
    columns::{Key, count, int, rows},
    rows::{MessageRow, read_by, shown_to},
    schema::{members, messages},
    slot::Fault,
};

/// Up to so many rooms are named to the index, so that it passes over what was said elsewhere.
const NAMED_ROOMS: usize = 64;
/// Messages that are looked at in one step, at most.
const STEP: usize = 4_096;
/// Messages that are looked at for one page; then it is cut short.
const MOST_LOOKED_AT: usize = 50_000;
/// No further step is begun after so long; then the page is cut short.
const PATIENCE: Duration = Duration::from_millis(500);

/// Those that wait for the index, the newest first; the reader's rooms only.
const WAITING: &str = "
    SELECT k.place, m.room, m.seq, m.text
    FROM messages AS k
    CROSS JOIN members AS own ON own.room = k.room AND own.user = ?1 AND own.is_in
    CROSS JOIN messages AS m ON m.room = own.room AND m.seq = k.seq
    WHERE k.place > ?2 AND k.place < ?3 ORDER BY k.place DESC LIMIT ?4";

/// Those that the index has, the newest first. Of what is not in the reader's rooms nothing but the place is given, which is
/// where to go on.
const INDEXED: &str = "
    SELECT p.place, m.room, m.seq, m.text
    FROM (
        SELECT rowid AS place FROM pieces WHERE pieces MATCH ?2 AND rowid < ?3 ORDER BY rowid DESC LIMIT ?4
    ) AS p
    LEFT JOIN messages AS k ON k.place = p.place
    LEFT JOIN members AS own ON own.room = k.room AND own.user = ?1 AND own.is_in
    LEFT JOIN messages AS m ON m.room = own.room AND m.seq = k.seq
    ORDER BY p.place DESC";

#[derive(QueryableByName)]
struct Candidate {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    room: Option<Key>,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
}

/// A page, as far as it goes.
struct Walk<'q> {
    query: &'q Query,
    room: Option<RoomId>,
    limit: usize,
    begun: Instant,
    looked_at: usize,
    /// Everything from here on was looked at.
    before: i64,
    /// One more than the page may have, to know whether there is more.
    found: Vec<(i64, RoomId, Seq)>,
}

pub(crate) fn find(
    conn: &mut SqliteConnection,
    reader: UserId,
    query: &Query,
    room: Option<RoomId>,
    page: &PageOf<Place>,
) -> Result<Page<Message, Place>, Fault> {
    let own = match room {
        Some(room) => vec![own_room(conn, reader, room)?],
        None => own_rooms(conn, reader)?,
    };
    let before = page.after.map_or(i64::MAX, |Place(place)| int(place));
    let (begun, found) = (Instant::now(), Vec::new());
    let mut walk = Walk { query, room, limit: page.limit, begun, looked_at: 0, before, found };
    let may_go_on = !own.is_empty() && (waiting(conn, reader, &mut walk)? || indexed(conn, reader, &own, &mut walk)?);
    walk.page(conn, reader, may_go_on)
}

/// Whatever kind it is: a room that one is not in is no room to search.
fn own_room(conn: &mut SqliteConnection, reader: UserId, room: RoomId) -> Result<RoomId, Fault> {
    match read_by(conn, reader, room) {
        Ok(_) => Ok(room),
        Err(Fault::Refused(_)) => Err(Refusal::NotFound.into()),
        Err(failed @ Fault::Failed(_)) => Err(failed),
    }
}

fn own_rooms(conn: &mut SqliteConnection, reader: UserId) -> QueryResult<Vec<RoomId>> {
    let own = members::table.filter(members::user.eq(Key::from(reader))).filter(members::is_in.eq(true));
    let own: Vec<Key> = own.limit(rows(NAMED_ROOMS + 1)).select(members::room).load(conn)?;
    Ok(own.into_iter().map(Into::into).collect())
}

/// Whether the page is full, or must end.
fn waiting(conn: &mut SqliteConnection, reader: UserId, walk: &mut Walk<'_>) -> QueryResult<bool> {
    let upto = keep::upto(conn)?;
    let mut size = walk.limit.saturating_add(1);
    while walk.before > upto {
        let step = sql_query(WAITING)
            .bind::<Binary, _>(Key::from(reader))
            .bind::<BigInt, _>(upto)
            .bind::<BigInt, _>(walk.before)
            .bind::<BigInt, _>(rows(size));
        let step: Vec<Candidate> = step.load(conn)?;
        let is_last = step.len() < size;
        if walk.takes(step)? {
            return Ok(true);
        }
        if is_last {
            walk.before = upto.saturating_add(1);
            break;
        }
        if walk.is_tired() {
            return Ok(true);
        }
        size = size.saturating_mul(4).min(STEP);
    }
    Ok(false)
}

/// The same; false when there is nothing further.
fn indexed(conn: &mut SqliteConnection, reader: UserId, own: &[RoomId], walk: &mut Walk<'_>) -> QueryResult<bool> {
    let wanted = pieces::of_query(walk.query, if own.len() > NAMED_ROOMS { &[] } else { own });
    let mut size = walk.limit.saturating_add(1);
    loop {
        let step = sql_query(INDEXED)
            .bind::<Binary, _>(Key::from(reader))
            .bind::<Text, _>(&wanted)
            .bind::<BigInt, _>(walk.before)
            .bind::<BigInt, _>(rows(size));
        let step: Vec<Candidate> = step.load(conn)?;
        let is_last = step.len() < size;
        if walk.takes(step)? {
            return Ok(true);
        }
        if is_last {
            return Ok(false);
        }
        if walk.is_tired() {
            return Ok(true);
        }
        size = size.saturating_mul(4).min(STEP);
    }
}

impl Walk<'_> {
    /// Looks at some; whether there are enough now.
    fn takes(&mut self, step: Vec<Candidate>) -> QueryResult<bool> {
        for Candidate { place, room, seq, text } in step {
            self.before = place;
            self.looked_at += 1;
            let (Some(room), Some(seq), Some(text)) = (room.map(RoomId::from), seq, text) else { continue };
            if self.room.is_none_or(|wanted| wanted == room) && self.query.matches(&text) {
                self.found.push((place, room, count(seq)?));
                if self.found.len() > self.limit {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_tired(&self) -> bool {
        self.looked_at >= MOST_LOOKED_AT || self.begun.elapsed() >= PATIENCE
    }

    /// What was found, as its reader sees it. A page that was cut short goes on from where it ended.
    fn page(self, conn: &mut SqliteConnection, reader: UserId, may_go_on: bool) -> Result<Page<Message, Place>, Fault> {
        let is_full = self.found.len() > self.limit;
        let mut items = Vec::with_capacity(self.found.len().min(self.limit));
        let mut last = self.before;
        for (place, room, seq) in self.found.into_iter().take(self.limit) {
            let row = messages::table.find((Key::from(room), int(seq))).select(MessageRow::as_select());
            let message = row.get_result(conn)?.message()?;
            items.extend(shown_to(conn, reader, room, vec![message])?);
            if is_full {
                last = place;
            }
        }
        let next = if may_go_on { Some(Place(count(last)?)) } else { None };
        Ok(Page { items, next })
    }
}
