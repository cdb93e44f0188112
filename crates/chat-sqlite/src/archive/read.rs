//! Rows in the order of their keys.

use chat_domain::{
    command::Fingerprint,
    ids::Seq,
    objects::Invite,
    ports::{Digest, Item, Kind, PasswordHash, StoredRoom, StoredSession, StoredUser},
    words::{Device, Emoji, Nonce, Username},
};
use diesel::{QueryResult, SqliteConnection, prelude::*};
use uuid::Uuid;

use crate::{
    columns::{Bytes, Key, count, int, rows, time},
    rooms::InviteRow,
    rows::{MemberRow, MessageRow, RoomRow, UserRow},
    schema::{invites, members, messages, reactions, rooms, sessions, spent_tokens, users, webhooks},
    webhooks::WebhookRow,
};

/// Before every key.
const NOTHING: Key = Key(Uuid::nil());

pub(super) fn items(
    conn: &mut SqliteConnection,
    kind: Kind,
    after: Option<&Item>,
    limit: usize,
) -> QueryResult<Vec<Item>> {
    match kind {
        Kind::Users => stored_users(conn, after, limit),
        Kind::Sessions => stored_sessions(conn, after, limit),
        Kind::SpentTokens => stored_tokens(conn, after, limit),
        Kind::Rooms => stored_rooms(conn, after, limit),
        Kind::Members => stored_members(conn, after, limit),
        Kind::Messages => stored_messages(conn, after, limit),
        Kind::Reactions => stored_reactions(conn, after, limit),
        Kind::Invites => stored_invites(conn, after, limit),
        Kind::Webhooks => stored_webhooks(conn, after, limit),
    }
}

fn stored_users(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    type Row = (UserRow, Option<String>, Option<String>, Option<i64>);
    let after = if let Some(Item::User(last)) = after { last.user.id.into() } else { NOTHING };
    let found: Vec<Row> = users::table
        .filter(users::id.gt(after))
        .order(users::id)
        .limit(rows(limit))
        .select((UserRow::as_select(), users::reserved, users::password_hash, users::deleted_at))
        .load(conn)?;
    let item = |(row, reserved, hash, deleted_at): Row| {
        Ok(Item::User(StoredUser {
            hints: row.seq()?,
            user: row.user(),
            reserved: reserved.map(Username::from_stored),
            password: hash.map(PasswordHash),
            deleted_at: deleted_at.map(time),
        }))
    };
    found.into_iter().map(item).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: Key,
    user: Key,
    device: Option<String>,
    created_at: i64,
    refreshed_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    current: Bytes<32>,
    previous: Option<Bytes<32>>,
}

fn stored_sessions(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let after = if let Some(Item::Session(last)) = after { last.id.into() } else { NOTHING };
    let found = sessions::table.filter(sessions::id.gt(after)).order(sessions::id).limit(rows(limit));
    let item = |row: SessionRow| {
        Item::Session(StoredSession {
            id: row.id.into(),
            user: row.user.into(),
            device: row.device.map(Device::from_stored),
            created_at: time(row.created_at),
            refreshed_at: time(row.refreshed_at),
            expires_at: time(row.expires_at),
            ended_at: row.ended_at.map(time),
            current: Digest(row.current.0),
            previous: row.previous.map(|digest| Digest(digest.0)),
        })
    };
    Ok(found.select(SessionRow::as_select()).load(conn)?.into_iter().map(item).collect())
}

fn stored_tokens(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let mut wanted = spent_tokens::table.into_boxed();
    if let Some(Item::SpentToken { digest, .. }) = after {
        wanted = wanted.filter(spent_tokens::digest.gt(Bytes::from(*digest)));
    }
    let found: Vec<(Bytes<32>, Key)> = wanted.order(spent_tokens::digest).limit(rows(limit)).load(conn)?;
    let item =
        |(digest, session): (Bytes<32>, Key)| Item::SpentToken { digest: Digest(digest.0), session: session.into() };
    Ok(found.into_iter().map(item).collect())
}

fn stored_rooms(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    type Found = (Option<Key>, Option<Key>, Option<Key>, Option<String>, Option<Bytes<16>>);
    type Row = (RoomRow, i64, i64, Option<i64>, Found);
    let after = if let Some(Item::Room(last)) = after { last.room.id.into() } else { NOTHING };
    let found_by = (rooms::pair_a, rooms::pair_b, rooms::creator, rooms::nonce, rooms::fingerprint);
    let found: Vec<Row> = rooms::table
        .filter(rooms::id.gt(after))
        .order(rooms::id)
        .limit(rows(limit))
        .select((RoomRow::as_select(), rooms::head, rooms::floor, rooms::deleted_at, found_by))
        .load(conn)?;
    let item = |(row, head, floor, deleted_at, (a, b, creator, nonce, fingerprint)): Row| {
        Ok(Item::Room(StoredRoom {
            room: row.room()?,
            head: count(head)?,
            floor: count(floor)?,
            deleted_at: deleted_at.map(time),
            pair: a.zip(b).map(|(a, b)| [a.into(), b.into()]),
            creator: creator.map(Into::into),
            nonce: nonce.map(Nonce::from_stored),
            fingerprint: fingerprint.map(|of| Fingerprint(of.0)),
        }))
    };
    found.into_iter().map(item).collect()
}

fn stored_members(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let (room, user) = match after {
        Some(Item::Member(last)) => (last.member.room.into(), last.member.user.into()),
        Some(_) | None => (NOTHING, NOTHING),
    };
    let rest = members::room.eq(room).and(members::user.gt(user));
    let found = members::table.filter(rest.or(members::room.gt(room))).order((members::room, members::user));
    let found = found.limit(rows(limit)).select(MemberRow::as_select()).load(conn)?;
    found.iter().map(|row| row.facts().map(Item::Member)).collect()
}

fn stored_messages(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let (room, seq): (Key, Seq) = match after {
        Some(Item::Message { message, .. }) => (message.room.into(), message.seq),
        Some(_) | None => (NOTHING, 0),
    };
    let rest = messages::room.eq(room).and(messages::seq.gt(int(seq)));
    let found: Vec<(MessageRow, Bytes<16>)> = messages::table
        .filter(rest.or(messages::room.gt(room)))
        .order((messages::room, messages::seq))
        .limit(rows(limit))
        .select((MessageRow::as_select(), messages::fingerprint))
        .load(conn)?;
    let item = |(row, of): (MessageRow, Bytes<16>)| {
        Ok(Item::Message { message: row.message()?, fingerprint: Fingerprint(of.0) })
    };
    found.into_iter().map(item).collect()
}

fn stored_reactions(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let mut wanted = reactions::table.into_boxed();
    if let Some(Item::Reaction { room, seq, emoji, user }) = after {
        let (room, seq, emoji) = (Key::from(*room), int(*seq), emoji.as_str());
        let in_message = reactions::emoji.eq(emoji).and(reactions::user.gt(Key::from(*user)));
        let in_message = in_message.or(reactions::emoji.gt(emoji));
        let in_room = reactions::seq.eq(seq).and(in_message).or(reactions::seq.gt(seq));
        wanted = wanted.filter(reactions::room.eq(room).and(in_room).or(reactions::room.gt(room)));
    }
    let order = (reactions::room, reactions::seq, reactions::emoji, reactions::user);
    let found: Vec<(Key, i64, String, Key)> = wanted.order(order).limit(rows(limit)).load(conn)?;
    let item = |(room, seq, emoji, user): (Key, i64, String, Key)| {
        let (room, seq, user) = (room.into(), count(seq)?, user.into());
        Ok(Item::Reaction { room, seq, emoji: Emoji::from_stored(emoji), user })
    };
    found.into_iter().map(item).collect()
}

fn stored_invites(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let after = if let Some(Item::Invite { invite, .. }) = after { invite.id.into() } else { NOTHING };
    let found: Vec<(InviteRow, Bytes<32>)> = invites::table
        .filter(invites::id.gt(after))
        .order(invites::id)
        .limit(rows(limit))
        .select((InviteRow::as_select(), invites::code))
        .load(conn)?;
    let item =
        |(row, code): (InviteRow, Bytes<32>)| Ok(Item::Invite { invite: Invite::try_from(row)?, code: Digest(code.0) });
    found.into_iter().map(item).collect()
}

fn stored_webhooks(conn: &mut SqliteConnection, after: Option<&Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let after = if let Some(Item::Webhook { webhook, .. }) = after { webhook.id.into() } else { NOTHING };
    let found: Vec<(WebhookRow, Bytes<32>)> = webhooks::table
        .filter(webhooks::id.gt(after))
        .order(webhooks::id)
        .limit(rows(limit))
        .select((WebhookRow::as_select(), webhooks::secret))
        .load(conn)?;
    let item = |(row, secret): (WebhookRow, Bytes<32>)| Item::Webhook { webhook: row.into(), secret: Digest(secret.0) };
    Ok(found.into_iter().map(item).collect())
}
