//! Rooms, their members, their invites and their webhooks as rows.

use chat_domain::{
    command::Fingerprint,
    ids::{RoomId, UserId},
    objects::{Invite, Room, Webhook},
    ports::{Digest, Item, StoredRoom},
    rules::MemberFacts,
    words::{Nonce, RoomName, Topic},
};
use diesel::{QueryResult, dsl::insert_into, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    columns::{Bytes, count, int, kind, kind_column, role_column, rows, time},
    rooms::InviteRow,
    rows::MemberRow,
    schema::{invites, members, rooms, webhooks},
    statement::Pipeline,
    webhooks::WebhookRow,
};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = rooms, treat_none_as_null = true)]
struct RoomRow {
    id: Uuid,
    rev: i64,
    kind: i64,
    name: Option<String>,
    name_folded: Option<String>,
    topic: Option<String>,
    topic_folded: Option<String>,
    slow_mode_s: i64,
    created_at: i64,
    pins: Vec<i64>,
    archived: bool,
    head: i64,
    floor: i64,
    deleted_at: Option<i64>,
    pair_a: Option<Uuid>,
    pair_b: Option<Uuid>,
    creator: Option<Uuid>,
    nonce: Option<String>,
    fingerprint: Option<Bytes<16>>,
}

impl RoomRow {
    fn item(self) -> QueryResult<Item> {
        let room = Room {
            id: RoomId(self.id),
            rev: count(self.rev)?,
            kind: kind(self.kind)?,
            name: self.name.map(RoomName::from_stored),
            topic: self.topic.map(Topic::from_stored),
            slow_mode_s: count(self.slow_mode_s)?,
            created_at: time(self.created_at),
            pins: self.pins.into_iter().map(count).collect::<QueryResult<_>>()?,
            archived: self.archived,
        };
        Ok(Item::Room(StoredRoom {
            room,
            head: count(self.head)?,
            floor: count(self.floor)?,
            deleted_at: self.deleted_at.map(time),
            pair: self.pair_a.zip(self.pair_b).map(|(a, b)| [UserId(a), UserId(b)]),
            creator: self.creator.map(UserId),
            nonce: self.nonce.map(Nonce::from_stored),
            fingerprint: self.fingerprint.map(|of| Fingerprint(of.0)),
        }))
    }
}

pub(super) async fn rooms(mut conn: &AsyncPgConnection, after: Option<Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let after = if let Some(Item::Room(last)) = after { last.room.id.0 } else { Uuid::nil() };
    let found = rooms::table.filter(rooms::id.gt(after)).order(rooms::id).limit(rows(limit));
    let found = found.select(RoomRow::as_select()).load(&mut conn).await?;
    found.into_iter().map(RoomRow::item).collect()
}

pub(super) fn put_room(pipeline: &mut Pipeline<'_>, stored: &StoredRoom) {
    let room = &stored.room;
    let (name, topic) = (room.name.as_ref().map(RoomName::as_str), room.topic.as_ref().map(Topic::as_str));
    let row = RoomRow {
        id: room.id.0,
        rev: int(room.rev),
        kind: kind_column(room.kind),
        name: name.map(str::to_owned),
        name_folded: name.map(str::to_lowercase),
        topic: topic.map(str::to_owned),
        topic_folded: topic.map(str::to_lowercase),
        slow_mode_s: i64::from(room.slow_mode_s),
        created_at: room.created_at.as_millis(),
        pins: room.pins.iter().copied().map(int).collect(),
        archived: room.archived,
        head: int(stored.head),
        floor: int(stored.floor),
        deleted_at: stored.deleted_at.map(|at| at.as_millis()),
        pair_a: stored.pair.map(|[a, _]| a.0),
        pair_b: stored.pair.map(|[_, b]| b.0),
        creator: stored.creator.map(|user| user.0),
        nonce: stored.nonce.as_ref().map(|nonce| nonce.as_str().to_owned()),
        fingerprint: stored.fingerprint.map(|of| Bytes(of.0)),
    };
    pipeline.push(insert_into(rooms::table).values(&row).on_conflict(rooms::id).do_update().set(&row));
}

pub(super) async fn members(mut conn: &AsyncPgConnection, after: Option<Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let (room, user) = match after {
        Some(Item::Member(last)) => (last.member.room.0, last.member.user.0),
        Some(_) | None => (Uuid::nil(), Uuid::nil()),
    };
    let rest = members::room.eq(room).and(members::user.gt(user));
    let found = members::table.filter(rest.or(members::room.gt(room))).order((members::room, members::user));
    let found = found.limit(rows(limit)).select(MemberRow::as_select()).load(&mut conn).await?;
    found.iter().map(|row| row.facts().map(Item::Member)).collect()
}

pub(super) fn put_member(pipeline: &mut Pipeline<'_>, MemberFacts { member, read, posted_at }: &MemberFacts) {
    let state = (
        members::rev.eq(int(member.rev)),
        members::role.eq(role_column(member.role)),
        members::is_in.eq(member.is_in),
        members::muted_until.eq(member.muted_until.map(|until| until.as_millis())),
        members::banned.eq(member.banned),
        members::joined_at.eq(member.joined_at.map(|at| at.as_millis())),
        members::read_seq.eq(int(*read)),
        members::posted_at.eq(posted_at.map(|at| at.as_millis())),
    );
    let row = (members::room.eq(member.room.0), members::user.eq(member.user.0), state);
    let insert = insert_into(members::table).values(row);
    pipeline.push(insert.on_conflict((members::room, members::user)).do_update().set(state));
}

pub(super) async fn invites(mut conn: &AsyncPgConnection, after: Option<Item>, limit: usize) -> QueryResult<Vec<Item>> {
    let after = if let Some(Item::Invite { invite, .. }) = after { invite.id.0 } else { Uuid::nil() };
    let found = invites::table.filter(invites::id.gt(after)).order(invites::id).limit(rows(limit));
    let found = found.select((InviteRow::as_select(), invites::code));
    let found: Vec<(InviteRow, Bytes<32>)> = found.load(&mut conn).await?;
    let item =
        |(row, code): (InviteRow, Bytes<32>)| Ok(Item::Invite { invite: Invite::try_from(row)?, code: Digest(code.0) });
    found.into_iter().map(item).collect()
}

pub(super) fn put_invite(pipeline: &mut Pipeline<'_>, invite: &Invite, code: Digest) {
    let state = (
        invites::room.eq(invite.room.0),
        invites::by.eq(invite.by.0),
        invites::code.eq(Bytes::from(code)),
        invites::created_at.eq(invite.created_at.as_millis()),
        invites::expires_at.eq(invite.expires_at.map(|end| end.as_millis())),
        invites::max_uses.eq(invite.max_uses.map(i64::from)),
        invites::uses.eq(i64::from(invite.uses)),
    );
    let insert = insert_into(invites::table).values((invites::id.eq(invite.id.0), state));
    pipeline.push(insert.on_conflict(invites::id).do_update().set(state));
}

pub(super) async fn webhooks(
    mut conn: &AsyncPgConnection,
    after: Option<Item>,
    limit: usize,
) -> QueryResult<Vec<Item>> {
    let after = if let Some(Item::Webhook { webhook, .. }) = after { webhook.id.0 } else { Uuid::nil() };
    let found = webhooks::table.filter(webhooks::id.gt(after)).order(webhooks::id).limit(rows(limit));
    let found: Vec<WebhookRow> = found.select(WebhookRow::as_select()).load(&mut conn).await?;
    let items = found.into_iter().map(WebhookRow::webhook).map(|(webhook, secret)| Item::Webhook { webhook, secret });
    Ok(items.collect())
}

pub(super) fn put_webhook(pipeline: &mut Pipeline<'_>, webhook: &Webhook, secret: Digest) {
    let row = WebhookRow::of(webhook, secret);
    pipeline.push(insert_into(webhooks::table).values(&row).on_conflict(webhooks::id).do_update().set(&row));
}
