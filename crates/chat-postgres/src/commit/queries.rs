//! The questions of a batch. Each is asked once for all rooms, and not at all when nobody wants to know.

use std::collections::{BTreeMap, BTreeSet};

use chat_domain::{
    ids::{RoomId, UserId},
    rules::Needs,
    words::Nonce,
};
use diesel::{
    QueryResult,
    prelude::*,
    sql_types::{Array, BigInt, Binary, Nullable, Text, Uuid as Id},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::{try_join, try_join3};
use uuid::Uuid;

use crate::{
    columns::{Bytes, int},
    rooms::InviteRow,
    rows::{
        MemberRow, MemberSql, MessageRow, MessageSql, RoomRow, RoomSql, member_columns, message_columns, room_columns,
    },
    schema::{invites, members, rooms, users, webhooks},
    statement::{fixed, statements},
};

statements! {
    pub(crate) Members: MemberSql = concat!(
        "SELECT ", member_columns!("m"), " FROM unnest($1, $2) AS wanted (room, user_id)
        JOIN members AS m ON m.room = wanted.room AND m.user_id = wanted.user_id"
    );
    pub(crate) Names: (Id, Text, Id, Nullable<MemberSql>) = concat!(
        "SELECT wanted.room, u.username, u.id, ", member_columns!("m"), "
        FROM unnest($1, $2) AS wanted (room, name)
        JOIN users AS u ON u.username = wanted.name
        LEFT JOIN members AS m ON m.room = wanted.room AND m.user_id = u.id"
    );
    pub(crate) Nonces: (MessageSql, Binary) = concat!(
        "SELECT ", message_columns!("m"), ", m.fingerprint FROM unnest($1, $2, $3) AS wanted (room, author, nonce)
        JOIN messages AS m ON m.room = wanted.room AND m.author = wanted.author AND m.nonce = wanted.nonce"
    );
    pub(crate) Messages: MessageSql = concat!(
        "SELECT ", message_columns!("m"), " FROM unnest($1, $2) AS wanted (room, seq)
        JOIN messages AS m ON m.room = wanted.room AND m.seq = wanted.seq"
    );
    pub(crate) Reactions: (Id, BigInt, Text, Id) = "
        SELECT r.room, r.seq, r.emoji, r.user_id FROM unnest($1, $2, $3, $4) AS wanted (room, seq, emoji, user_id)
        JOIN reactions AS r ON r.room = wanted.room AND r.seq = wanted.seq AND r.emoji = wanted.emoji
            AND r.user_id = wanted.user_id";
    pub(crate) ByNonce: (RoomSql, Id, Text, Nullable<Binary>) = concat!(
        "SELECT ", room_columns!("r"), ", r.creator, r.nonce, r.fingerprint
        FROM unnest($1, $2) AS wanted (creator, nonce)
        JOIN rooms AS r ON r.creator = wanted.creator AND r.nonce = wanted.nonce"
    );
    pub(crate) ByPair: (RoomSql, Id, Id) = concat!(
        "SELECT ", room_columns!("r"), ", r.pair_a, r.pair_b FROM unnest($1, $2) AS wanted (a, b)
        JOIN rooms AS r ON r.pair_a = wanted.a AND r.pair_b = wanted.b"
    );
}

type AllNeeds = BTreeMap<RoomId, Needs>;

/// What `of` gives for each room, beside the room.
fn pairs<'n, T: 'n, I: IntoIterator<Item = T>>(
    needs: &'n AllNeeds,
    of: impl Fn(&'n Needs) -> I + 'n,
) -> impl Iterator<Item = (Uuid, T)> + 'n
where
    I::IntoIter: 'n,
{
    needs.iter().flat_map(move |(room, needs)| of(needs).into_iter().map(|wanted| (room.0, wanted)))
}

/// Waits until nobody else writes these rooms. What a row holds is what the one who wrote it last left.
pub(super) async fn lock_rooms(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Vec<RoomRow>> {
    let ids: Vec<Uuid> = needs.keys().map(|room| room.0).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = rooms::table.filter(rooms::id.eq_any(ids)).filter(rooms::deleted_at.is_null());
    rows.order(rooms::id).for_update().select(RoomRow::as_select()).load(&mut conn).await
}

/// The people who live, kept from being deleted; others may go on numbering their hints.
pub(super) async fn lock_users(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<BTreeSet<Uuid>> {
    let ids: BTreeSet<Uuid> = needs.values().flat_map(|needs| needs.users.iter().map(|user| user.0)).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let rows = users::table.filter(users::id.eq_any(ids)).filter(users::deleted_at.is_null());
    let rows = rows.filter(users::bot.eq(false));
    Ok(rows.order(users::id).for_key_share().select(users::id).load(&mut conn).await?.into_iter().collect())
}

/// Memberships, and the living users of the wanted names with theirs.
pub(super) type People = (Vec<MemberRow>, Vec<(Uuid, String, Uuid, Option<MemberRow>)>);

pub(super) async fn people(conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<People> {
    let found = try_join3(all_members(conn, needs), some_members(conn, needs), names(conn, needs)).await?;
    let (mut members, some, names) = found;
    members.extend(some);
    Ok((members, names))
}

async fn all_members(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Vec<MemberRow>> {
    let whole: Vec<Uuid> = needs.iter().filter(|(_, needs)| needs.all_members).map(|(room, _)| room.0).collect();
    if whole.is_empty() {
        return Ok(Vec::new());
    }
    let present = members::table.filter(members::room.eq_any(whole)).filter(members::is_in.eq(true));
    present.select(MemberRow::as_select()).load(&mut conn).await
}

async fn some_members(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Vec<MemberRow>> {
    let (rooms, people): (Vec<Uuid>, Vec<Uuid>) =
        pairs(needs, |needs| &needs.members).map(|(room, user)| (room, user.0)).unzip();
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = fixed::<Members, _>(|query| query.bind::<Array<Id>, _>(rooms).bind::<Array<Id>, _>(people));
    wanted.load(&mut conn).await
}

async fn names(
    mut conn: &AsyncPgConnection,
    needs: &AllNeeds,
) -> QueryResult<Vec<(Uuid, String, Uuid, Option<MemberRow>)>> {
    let (rooms, names): (Vec<Uuid>, Vec<&str>) =
        pairs(needs, |needs| &needs.names).map(|(room, name)| (room, name.as_str())).unzip();
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = fixed::<Names, _>(|query| query.bind::<Array<Id>, _>(rooms).bind::<Array<Text>, _>(names));
    wanted.load(&mut conn).await
}

/// What a batch is about, besides people.
pub(super) struct Things {
    pub(super) nonces: Vec<(MessageRow, Bytes<16>)>,
    pub(super) messages: Vec<MessageRow>,
    pub(super) reactions: Vec<(Uuid, i64, String, Uuid)>,
    pub(super) invites: Vec<(InviteRow, Bytes<32>)>,
    /// Webhook, room, bot.
    pub(super) webhooks: Vec<(Uuid, Uuid, Uuid)>,
}

pub(super) async fn things(conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Things> {
    let said = try_join3(nonces(conn, needs), messages(conn, needs), reactions(conn, needs));
    let ways = try_join(invites(conn, needs), webhooks(conn, needs));
    let ((nonces, messages, reactions), (invites, webhooks)) = try_join(said, ways).await?;
    Ok(Things { nonces, messages, reactions, invites, webhooks })
}

async fn nonces(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Vec<(MessageRow, Bytes<16>)>> {
    let (mut rooms, mut authors, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (room, (author, nonce)) in pairs(needs, |needs| &needs.nonces) {
        rooms.push(room);
        authors.push(author.0);
        names.push(nonce.as_str());
    }
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = fixed::<Nonces, _>(|query| {
        query.bind::<Array<Id>, _>(rooms).bind::<Array<Id>, _>(authors).bind::<Array<Text>, _>(names)
    });
    wanted.load(&mut conn).await
}

async fn messages(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Vec<MessageRow>> {
    let (rooms, seqs): (Vec<Uuid>, Vec<i64>) =
        pairs(needs, |needs| &needs.messages).map(|(room, seq)| (room, int(*seq))).unzip();
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = fixed::<Messages, _>(|query| query.bind::<Array<Id>, _>(rooms).bind::<Array<BigInt>, _>(seqs));
    wanted.load(&mut conn).await
}

async fn reactions(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Vec<(Uuid, i64, String, Uuid)>> {
    let (mut rooms, mut seqs, mut pictures, mut people) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (room, (seq, emoji, user)) in pairs(needs, |needs| &needs.reactions) {
        rooms.push(room);
        seqs.push(int(*seq));
        pictures.push(emoji.as_str());
        people.push(user.0);
    }
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = fixed::<Reactions, _>(|query| {
        query
            .bind::<Array<Id>, _>(rooms)
            .bind::<Array<BigInt>, _>(seqs)
            .bind::<Array<Text>, _>(pictures)
            .bind::<Array<Id>, _>(people)
    });
    wanted.load(&mut conn).await
}

async fn invites(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Vec<(InviteRow, Bytes<32>)>> {
    let codes: Vec<Bytes<32>> = pairs(needs, |needs| &needs.invites).map(|(_, code)| Bytes::from(*code)).collect();
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = invites::table.filter(invites::code.eq_any(codes));
    wanted.select((InviteRow::as_select(), invites::code)).load(&mut conn).await
}

async fn webhooks(mut conn: &AsyncPgConnection, needs: &AllNeeds) -> QueryResult<Vec<(Uuid, Uuid, Uuid)>> {
    let ids: Vec<Uuid> = pairs(needs, |needs| &needs.webhooks).map(|(_, webhook)| webhook.0).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = webhooks::table.filter(webhooks::id.eq_any(ids));
    wanted.select((webhooks::id, webhooks::room, webhooks::bot)).load(&mut conn).await
}

/// Rooms by who made them under what nonce.
pub(super) async fn by_nonce(
    mut conn: &AsyncPgConnection,
    wanted: &[(UserId, Nonce)],
) -> QueryResult<Vec<(RoomRow, Uuid, String, Option<Bytes<16>>)>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (creators, nonces): (Vec<Uuid>, Vec<&str>) =
        wanted.iter().map(|(user, nonce)| (user.0, nonce.as_str())).unzip();
    let wanted = fixed::<ByNonce, _>(|query| query.bind::<Array<Id>, _>(creators).bind::<Array<Text>, _>(nonces));
    wanted.load(&mut conn).await
}

/// Direct rooms by those who share them.
pub(super) async fn by_pair(
    mut conn: &AsyncPgConnection,
    wanted: &[[UserId; 2]],
) -> QueryResult<Vec<(RoomRow, Uuid, Uuid)>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (ones, others): (Vec<Uuid>, Vec<Uuid>) = wanted.iter().map(|[a, b]| (a.0, b.0)).unzip();
    let wanted = fixed::<ByPair, _>(|query| query.bind::<Array<Id>, _>(ones).bind::<Array<Id>, _>(others));
    wanted.load(&mut conn).await
}
