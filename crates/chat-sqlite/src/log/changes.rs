//! Catch-up: the things of one room that changed after a cursor, by `rev`.
//!
//! A message that was never changed is found by its `seq`, which is its `rev`, so that a plain send costs no entry in an
//! index of revisions; only changed ones stand there.

use std::sync::Arc;

use chat_domain::{
    ids::{RoomId, Seq, UserId},
    objects::{LogHead, Member, Message, Room},
    pages::{Changes, Cursor},
    ports::{MAX_CHANGES, Reader},
    refusal::{Refusal, ResetReason},
};
use diesel::{
    QueryResult, QueryableByName, SqliteConnection,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary},
};

use crate::{
    columns::{Key, count, int, rows},
    rows::{MemberRow, MessageRow, epoch, living_room, read_by, shown_to},
    schema::{members, messages},
    slot::Fault,
};

pub(super) fn changes(
    conn: &mut SqliteConnection,
    reader: Reader,
    room: RoomId,
    cursor: &Cursor,
    limit: usize,
) -> Result<Changes, Fault> {
    let (state, log) = match reader {
        Reader::User(user) => read_by(conn, user, room)?,
        Reader::House => {
            let row = living_room(conn, room)?.ok_or(Refusal::NotFound)?;
            let log = row.log(epoch(conn)?)?;
            (row.room()?, log)
        }
    };
    if let Some(reason) = reset(conn, room, &log, cursor)? {
        return Err(Refusal::ResetRequired { reason, log }.into());
    }
    Ok(collect(conn, reader, state, log, cursor.after, limit)?)
}

/// Why this cursor can't be served, if it can't.
fn reset(
    conn: &mut SqliteConnection,
    room: RoomId,
    log: &LogHead,
    cursor: &Cursor,
) -> QueryResult<Option<ResetReason>> {
    if cursor.epoch.as_ref().is_some_and(|epoch| *epoch != log.epoch) {
        return Ok(Some(ResetReason::Epoch));
    }
    if cursor.after > log.head {
        return Ok(Some(ResetReason::Ahead));
    }
    if cursor.after < log.floor {
        return Ok(Some(ResetReason::Purged));
    }
    let most = Seq::try_from(MAX_CHANGES).unwrap_or(Seq::MAX);
    // Every change has a number of its own, so no more things can have changed than numbers were taken.
    if log.head - cursor.after <= most {
        return Ok(None);
    }
    Ok((changed_after(conn, room, cursor.after)? > most).then_some(ResetReason::TooFar))
}

/// How many things changed; stops counting where it does not matter any more.
fn changed_after(conn: &mut SqliteConnection, room: RoomId, after: Seq) -> QueryResult<Seq> {
    #[derive(QueryableByName)]
    struct Changed {
        #[diesel(sql_type = BigInt)]
        changed: i64,
    }
    const COUNT: &str = "
        SELECT count(*) AS changed FROM (
            SELECT 1 FROM messages WHERE room = ?1 AND seq > ?2
            UNION ALL
            SELECT 1 FROM messages WHERE room = ?1 AND rev > ?2 AND rev <> seq AND seq <= ?2
            UNION ALL
            SELECT 1 FROM members WHERE room = ?1 AND rev > ?2
            UNION ALL
            SELECT 1 FROM rooms WHERE id = ?1 AND rev > ?2
            LIMIT ?3)";
    let query = sql_query(COUNT)
        .bind::<Binary, _>(Key::from(room))
        .bind::<BigInt, _>(int(after))
        .bind::<BigInt, _>(rows(MAX_CHANGES + 1));
    count(query.get_result::<Changed>(conn)?.changed)
}

/// One changed thing.
enum Thing {
    Message(Message),
    Member(Member),
    Room(Room),
}

impl Thing {
    fn rev(&self) -> Seq {
        match self {
            Self::Message(message) => message.rev,
            Self::Member(member) => member.rev,
            Self::Room(room) => room.rev,
        }
    }
}

fn collect(
    conn: &mut SqliteConnection,
    reader: Reader,
    state: Room,
    log: LogHead,
    from: Seq,
    limit: usize,
) -> QueryResult<Changes> {
    let room = state.id;
    let mut things: Vec<Thing> = changed_messages(conn, room, from, limit)?.into_iter().map(Thing::Message).collect();
    things.extend(changed_members(conn, room, from, limit)?.into_iter().map(Thing::Member));
    things.extend(Some(state).filter(|room| room.rev > from).map(Thing::Room));
    things.sort_by_key(Thing::rev);
    let more = things.len() > limit;
    things.truncate(limit);
    let to = if more { things.last().map_or(from, Thing::rev) } else { log.head };
    let (mut messages, mut members, mut state) = (Vec::new(), Vec::new(), None);
    for thing in things {
        match thing {
            Thing::Message(message) => messages.push(message),
            Thing::Member(member) => members.push(Arc::new(member)),
            Thing::Room(room) => state = Some(Arc::new(room)),
        }
    }
    let messages = match reader {
        Reader::User(user) => seen_by(conn, user, room, messages)?,
        Reader::House => messages.into_iter().map(Arc::new).collect(),
    };
    Ok(Changes { room, epoch: log.epoch, from, to, head: log.head, more, messages, members, state })
}

fn seen_by(
    conn: &mut SqliteConnection,
    user: UserId,
    room: RoomId,
    messages: Vec<Message>,
) -> QueryResult<Vec<Arc<Message>>> {
    Ok(shown_to(conn, user, room, messages)?.into_iter().map(Arc::new).collect())
}

/// The first `limit + 1` of each kind are enough for the first `limit + 1` of all.
fn changed_messages(conn: &mut SqliteConnection, room: RoomId, after: Seq, limit: usize) -> QueryResult<Vec<Message>> {
    let (after, most) = (int(after), rows(limit.saturating_add(1)));
    let own = messages::table.filter(messages::room.eq(Key::from(room)));
    let as_posted = own.filter(messages::seq.gt(after)).filter(messages::rev.eq(messages::seq)).order(messages::seq);
    let mut found = as_posted.limit(most).select(MessageRow::as_select()).load(conn)?;
    let changed = own.filter(messages::rev.gt(after)).filter(messages::rev.ne(messages::seq)).order(messages::rev);
    found.extend(changed.limit(most).select(MessageRow::as_select()).load(conn)?);
    found.into_iter().map(MessageRow::message).collect()
}

fn changed_members(conn: &mut SqliteConnection, room: RoomId, after: Seq, limit: usize) -> QueryResult<Vec<Member>> {
    let changed = members::table.filter(members::room.eq(Key::from(room))).filter(members::rev.gt(int(after)));
    let changed = changed.order(members::rev).limit(rows(limit.saturating_add(1)));
    changed.select(MemberRow::as_select()).load(conn)?.iter().map(MemberRow::member).collect()
}
