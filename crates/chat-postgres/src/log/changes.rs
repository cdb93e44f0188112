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
    QueryResult,
    sql_types::{BigInt, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join3;

use crate::{
    columns::{count, int, rows},
    fault::Fault,
    rows::{MemberRow, MemberSql, SeenRow, SeenSql, member_columns, message_columns, mine, place},
    statement::{fixed, statements},
};

statements! {
    /// The first of those posted after a number and those changed after it.
    pub(crate) ChangedMessages: SeenSql = concat!(
        "(SELECT ", message_columns!("m"), ", ", mine!("m", "$1"), " FROM messages AS m
        WHERE m.room = $2 AND m.seq > $3 AND m.rev = m.seq ORDER BY m.seq LIMIT $4)
        UNION ALL
        (SELECT ", message_columns!("m"), ", ", mine!("m", "$1"), " FROM messages AS m
        WHERE m.room = $2 AND m.rev > $3 AND m.rev <> m.seq ORDER BY m.rev LIMIT $4)"
    );
    pub(crate) ChangedMembers: MemberSql = concat!(
        "SELECT ", member_columns!("m"), " FROM members AS m WHERE m.room = $1 AND m.rev > $2 ORDER BY m.rev LIMIT $3"
    );
    /// How many things changed; stops counting where it does not matter any more.
    pub(crate) ChangedCount: BigInt = "
        SELECT count(*) FROM (
            SELECT 1 FROM messages WHERE room = $1 AND seq > $2
            UNION ALL
            SELECT 1 FROM messages WHERE room = $1 AND rev > $2 AND rev <> seq AND seq <= $2
            UNION ALL
            SELECT 1 FROM members WHERE room = $1 AND rev > $2
            UNION ALL
            SELECT 1 FROM rooms WHERE id = $1 AND rev > $2
            LIMIT $3) AS changed";
}

pub(super) async fn changes(
    conn: &AsyncPgConnection,
    reader: Reader,
    room: RoomId,
    cursor: Cursor,
    limit: usize,
) -> Result<Changes, Fault> {
    let user = match reader {
        Reader::User(user) => user,
        Reader::House => UserId(uuid::Uuid::nil()), // nobody
    };
    // The first `limit + 1` of each kind are enough for the first `limit + 1` of all.
    let most = limit.saturating_add(1);
    let messages = changed_messages(conn, user, room, cursor.after, most);
    let members = changed_members(conn, room, cursor.after, most);
    let (place, messages, members) = try_join3(place(conn, user, room), messages, members).await?;
    let (state, log) = match reader {
        Reader::User(_) => place.read()?,
        Reader::House => place.unchecked()?,
    };
    if let Some(reason) = reset(conn, room, &log, &cursor).await? {
        return Err(Refusal::ResetRequired { reason, log }.into());
    }
    let show = |(row, mine): SeenRow| match reader {
        Reader::User(user) => row.seen_by(user, mine),
        Reader::House => row.message(),
    };
    let mut things = messages.into_iter().map(|row| show(row).map(Thing::Message)).collect::<QueryResult<Vec<_>>>()?;
    for member in &members {
        things.push(Thing::Member(member.member()?));
    }
    Ok(cut(things, state, log, cursor.after, limit))
}

/// Why this cursor can't be served, if it can't.
async fn reset(
    mut conn: &AsyncPgConnection,
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
    let changed = fixed::<ChangedCount, _>(|query| {
        query.bind::<Uuid, _>(room.0).bind::<BigInt, _>(int(cursor.after)).bind::<BigInt, _>(rows(MAX_CHANGES + 1))
    });
    let changed: Seq = count(changed.get_result(&mut conn).await?)?;
    Ok((changed > most).then_some(ResetReason::TooFar))
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

fn cut(mut things: Vec<Thing>, state: Room, log: LogHead, from: Seq, limit: usize) -> Changes {
    let room = state.id;
    things.extend(Some(state).filter(|room| room.rev > from).map(Thing::Room));
    things.sort_by_key(Thing::rev);
    let more = things.len() > limit;
    things.truncate(limit);
    let to = if more { things.last().map_or(from, Thing::rev) } else { log.head };
    let (mut messages, mut members, mut state) = (Vec::new(), Vec::new(), None);
    for thing in things {
        match thing {
            Thing::Message(message) => messages.push(Arc::new(message)),
            Thing::Member(member) => members.push(Arc::new(member)),
            Thing::Room(room) => state = Some(Arc::new(room)),
        }
    }
    Changes { room, epoch: log.epoch, from, to, head: log.head, more, messages, members, state }
}

async fn changed_messages(
    mut conn: &AsyncPgConnection,
    reader: UserId,
    room: RoomId,
    after: Seq,
    most: usize,
) -> QueryResult<Vec<SeenRow>> {
    let changed = fixed::<ChangedMessages, _>(|query| {
        query
            .bind::<Uuid, _>(reader.0)
            .bind::<Uuid, _>(room.0)
            .bind::<BigInt, _>(int(after))
            .bind::<BigInt, _>(rows(most))
    });
    changed.load(&mut conn).await
}

async fn changed_members(
    mut conn: &AsyncPgConnection,
    room: RoomId,
    after: Seq,
    most: usize,
) -> QueryResult<Vec<MemberRow>> {
    let changed = fixed::<ChangedMembers, _>(|query| {
        query.bind::<Uuid, _>(room.0).bind::<BigInt, _>(int(after)).bind::<BigInt, _>(rows(most))
    });
    changed.load(&mut conn).await
}
