//! The first paint: every room of a user with its counts, of one snapshot, in two statements however many rooms there are.

use chat_domain::{
    ids::UserId,
    objects::Epoch,
    pages::{FirstPaint, SyncRoom},
    refusal::Refusal,
};
use diesel::{
    QueryResult,
    sql_types::{Array, BigInt, Nullable, Text, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join3;

use crate::{
    columns::count,
    fault::Fault,
    rows::{
        MemberRow, MemberSql, MessageRow, MessageSql, RoomRow, RoomSql, epoch, living_user, member_columns,
        message_columns, mine, room_columns,
    },
    statement::{fixed, statements},
};

statements! {
    /// Both counts stop at 100 ("99+") and walk an index from the marker on. One's own messages are no news, and nobody's own
    /// mention of themselves is stored; a tombstone has lost its mentions. The newest message that is not deleted is one step
    /// in the index, unless the log ends in tombstones.
    pub(crate) Lines: (RoomSql, MemberSql, Nullable<Uuid>, BigInt, BigInt, Nullable<MessageSql>, Nullable<Array<Text>>) = concat!(
        "SELECT ", room_columns!("room"), ", ", member_columns!("own"), ", CASE room.pair_a WHEN $1 THEN room.pair_b ELSE room.pair_a END, unread.count, mentions.count, ",
        message_columns!("last"), ", ", mine!("last", "$1"), "
        FROM members AS own
        JOIN rooms AS room ON room.id = own.room
        CROSS JOIN LATERAL (SELECT count(*) FROM (
            SELECT 1 FROM messages AS m
            WHERE m.room = own.room AND m.seq > own.read_seq AND m.author <> own.user_id AND NOT m.deleted
            LIMIT 100) AS news) AS unread
        CROSS JOIN LATERAL (SELECT count(*) FROM (
            (SELECT n.seq FROM mentions AS n
            WHERE n.user_id = own.user_id AND n.room = own.room AND n.seq > own.read_seq
            LIMIT 100)
            UNION
            (SELECT m.seq FROM messages AS m
            WHERE m.mentions_room AND m.room = own.room AND m.seq > own.read_seq AND m.author <> own.user_id
            LIMIT 100)
            LIMIT 100) AS news) AS mentions
        LEFT JOIN LATERAL (
            SELECT m.* FROM messages AS m WHERE m.room = own.room AND NOT m.deleted
            ORDER BY m.seq DESC LIMIT 1) AS last ON TRUE
        WHERE own.user_id = $1 AND own.is_in
        ORDER BY own.room"
    );
}

type Line = (RoomRow, MemberRow, Option<uuid::Uuid>, i64, i64, Option<MessageRow>, Option<Vec<String>>);

pub(super) async fn sync(mut conn: &AsyncPgConnection, user: UserId) -> Result<FirstPaint, Fault> {
    let lines = fixed::<Lines, _>(|query| query.bind::<Uuid, _>(user.0)).load::<Line>(&mut conn);
    let (oneself, epoch, lines) = try_join3(living_user(conn, user), epoch(conn), lines).await?;
    let oneself = oneself.ok_or(Refusal::NotFound)?;
    let rooms = lines.into_iter().map(|found| line(&epoch, user, found)).collect::<QueryResult<_>>()?;
    Ok(FirstPaint { seq: oneself.seq()?, user: oneself.user(), rooms })
}

fn line(
    epoch: &Epoch,
    user: UserId,
    (room, member, peer, unread, mentions, last, mine): Line,
) -> QueryResult<SyncRoom> {
    let facts = member.facts()?;
    Ok(SyncRoom {
        last: last.map(|last| last.seen_by(user, mine)).transpose()?,
        log: room.log(epoch.clone())?,
        room: room.room()?,
        member: facts.member,
        peer: peer.map(UserId),
        read: facts.read,
        unread: count(unread)?,
        mentions: count(mentions)?,
    })
}
