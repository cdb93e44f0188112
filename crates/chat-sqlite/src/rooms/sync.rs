//! The first paint: every room of a user with its counts, of one snapshot.

use std::collections::HashMap;

use chat_domain::{
    ids::{RoomId, UserId},
    objects::{Epoch, Message},
    pages::{FirstPaint, SyncRoom},
    refusal::Refusal,
};
use diesel::{
    QueryResult, QueryableByName, SqliteConnection,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary},
};

use crate::{
    columns::{Key, count},
    rows::{MemberRow, MessageRow, RoomRow, epoch, living_user, shown_to},
    schema::{members, messages, rooms},
    slot::Fault,
};

/// Both counts of all rooms at once. Each stops at 100 ("99+") and walks an index from the marker on. One's own messages
/// are no news, and nobody's own mention of themselves is stored; a tombstone has lost its mentions. The index is named
/// because the planner would rather walk every message after the marker than the few for all.
const COUNTS: &str = "
    SELECT own.room AS room,
        (SELECT count(*) FROM (
            SELECT 1 FROM messages AS m
            WHERE m.room = own.room AND m.seq > own.read_seq AND m.author <> own.user AND m.deleted = 0
            LIMIT 100)) AS unread,
        (SELECT count(*) FROM (
            SELECT seq FROM mentions AS n
            WHERE n.user = own.user AND n.room = own.room AND n.seq > own.read_seq
            UNION
            SELECT seq FROM messages AS m INDEXED BY messages_for_all
            WHERE m.mentions_room = 1 AND m.room = own.room AND m.seq > own.read_seq AND m.author <> own.user
            LIMIT 100)) AS mentions
    FROM members AS own
    WHERE own.user = ? AND own.is_in = 1";

#[derive(Clone, Copy, QueryableByName)]
struct Counts {
    #[diesel(sql_type = Binary)]
    room: Key,
    #[diesel(sql_type = BigInt)]
    unread: i64,
    #[diesel(sql_type = BigInt)]
    mentions: i64,
}

pub(super) fn sync(conn: &mut SqliteConnection, user: UserId) -> Result<FirstPaint, Fault> {
    let oneself = living_user(conn, user)?.ok_or(Refusal::NotFound)?;
    let epoch = epoch(conn)?;
    let counts = sql_query(COUNTS).bind::<Binary, _>(Key::from(user)).load::<Counts>(conn)?;
    let counts: HashMap<RoomId, Counts> = counts.into_iter().map(|counts| (counts.room.into(), counts)).collect();
    let own = members::table
        .inner_join(rooms::table.on(rooms::id.eq(members::room)))
        .filter(members::user.eq(Key::from(user)))
        .filter(members::is_in.eq(true))
        .order(members::room)
        .select((RoomRow::as_select(), MemberRow::as_select(), rooms::pair_a, rooms::pair_b))
        .load::<(RoomRow, MemberRow, Option<Key>, Option<Key>)>(conn)?;
    let lines = own.into_iter().map(|(room, member, first, second)| {
        let counts = counts.get(&RoomId::from(room.id));
        let peer = [first, second].into_iter().flatten().map(UserId::from).find(|one| *one != user);
        Ok(SyncRoom { peer, ..line(conn, &epoch, user, room, &member, counts)? })
    });
    let rooms = lines.collect::<QueryResult<_>>()?;
    Ok(FirstPaint { seq: oneself.seq()?, user: oneself.user(), rooms })
}

fn line(
    conn: &mut SqliteConnection,
    epoch: &Epoch,
    user: UserId,
    room: RoomRow,
    member: &MemberRow,
    counts: Option<&Counts>,
) -> QueryResult<SyncRoom> {
    let facts = member.facts()?;
    Ok(SyncRoom {
        last: last(conn, user, room.id.into())?,
        log: room.log(epoch.clone())?,
        room: room.room()?,
        member: facts.member,
        peer: None,
        read: facts.read,
        unread: count(counts.map_or(0, |counts| counts.unread))?,
        mentions: count(counts.map_or(0, |counts| counts.mentions))?,
    })
}

/// The newest message that is not deleted; one step in the index unless it ends in tombstones.
fn last(conn: &mut SqliteConnection, reader: UserId, room: RoomId) -> QueryResult<Option<Message>> {
    let standing = messages::table.filter(messages::room.eq(Key::from(room))).filter(messages::deleted.eq(false));
    let newest = standing.order(messages::seq.desc()).select(MessageRow::as_select());
    let Some(row) = newest.get_result(conn).optional()? else {
        return Ok(None);
    };
    Ok(shown_to(conn, reader, room, vec![row.message()?])?.pop())
}

#[cfg(test)]
mod tests {
    use diesel::{Connection, connection::SimpleConnection, sql_types::Text};

    use super::*;

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    #[test]
    fn counting_walks_indexes_and_no_table() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.batch_execute(include_str!("../../../../migrations/sqlite/2026-01-01-000000_record/up.sql")).unwrap();
        let plan = sql_query(format!("EXPLAIN QUERY PLAN {COUNTS}")).bind::<Binary, _>(Key(uuid::Uuid::nil()));
        let steps: Vec<String> = plan.load::<Step>(&mut conn).unwrap().into_iter().map(|step| step.detail).collect();
        let walks = |index: &str| steps.iter().any(|step| step.starts_with("SEARCH") && step.contains(index));
        assert!(walks("own USING INDEX members_user"), "{steps:#?}");
        assert!(walks("m USING PRIMARY KEY (room=? AND seq>?)"), "{steps:#?}");
        assert!(walks("messages_for_all (room=? AND seq>?)"), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN") && !step.contains("subquery")), "{steps:#?}");
    }
}
