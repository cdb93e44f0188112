//! Writing rooms: their heads all at once, everything rarer one by one.

use chat_domain::{
    ids::RoomId,
    objects::Room,
    words::{RoomName, Topic},
};
use diesel::{
    dsl::insert_into,
    prelude::*,
    sql_types::{Array, BigInt, Uuid as Id},
};
use uuid::Uuid;

use super::writes::{Opened, Writes};
use crate::{
    columns::{Bytes, int, kind_column},
    schema::{invites, members, rooms, webhooks},
    statement::{Pipeline, fixed, statements},
};

statements! {
    pub(crate) Heads: () = "
        UPDATE rooms SET head = moved.head FROM unnest($1, $2) AS moved (id, head) WHERE rooms.id = moved.id";
}

/// Rows of closed rooms stay, but nothing leads to them any more.
pub(super) fn close(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    for (room, at) in &writes.closed {
        let nothing = (
            rooms::deleted_at.eq(at.as_millis()),
            rooms::pair_a.eq(None::<Uuid>),
            rooms::pair_b.eq(None::<Uuid>),
            rooms::nonce.eq(None::<&str>),
        );
        pipeline.push(diesel::update(rooms::table.find(room.0)).set(nothing));
    }
}

pub(super) fn open(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    for Opened { room, pair, nonce, head, deleted_at } in writes.opened.values() {
        let [a, b] = pair.map_or([None, None], |pair| pair.map(|user| Some(user.0)));
        let made = nonce.as_ref();
        let row = (
            rooms::id.eq(room.id.0),
            rooms::rev.eq(int(room.rev)),
            rooms::kind.eq(kind_column(room.kind)),
            words_of(room),
            rooms::slow_mode_s.eq(i64::from(room.slow_mode_s)),
            rooms::created_at.eq(room.created_at.as_millis()),
            rooms::pins.eq(pins_of(room)),
            rooms::archived.eq(room.archived),
            rooms::head.eq(int(*head)),
            rooms::deleted_at.eq(deleted_at.map(|at| at.as_millis())),
            rooms::pair_a.eq(a),
            rooms::pair_b.eq(b),
            rooms::creator.eq(made.map(|(user, _, _)| user.0)),
            rooms::nonce.eq(made.map(|(_, nonce, _)| nonce.as_str())),
            rooms::fingerprint.eq(made.map(|(_, _, of)| Bytes(of.0))),
        );
        pipeline.push(insert_into(rooms::table).values(row));
    }
}

pub(super) fn change(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    for room in writes.rooms.values() {
        let row = (
            rooms::rev.eq(int(room.rev)),
            words_of(room),
            rooms::slow_mode_s.eq(i64::from(room.slow_mode_s)),
            rooms::pins.eq(pins_of(room)),
            rooms::archived.eq(room.archived),
        );
        pipeline.push(diesel::update(rooms::table.find(room.id.0)).set(row));
    }
    if !writes.heads.is_empty() {
        let (ids, heads): (Vec<Uuid>, Vec<i64>) = writes.heads.iter().map(|(room, head)| (room.0, int(*head))).unzip();
        pipeline.push(fixed::<Heads, _>(|query| query.bind::<Array<Id>, _>(ids).bind::<Array<BigInt>, _>(heads)));
    }
}

/// Nobody is in a closed room, and no invite or webhook leads there; also counts who came in by an invite.
pub(super) fn leave(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    for (invite, uses) in &writes.uses {
        let used = invites::uses.eq(invites::uses + i64::from(*uses));
        pipeline.push(diesel::update(invites::table.find(invite.0)).set(used));
    }
    for RoomId(room) in writes.gone() {
        pipeline.push(diesel::delete(invites::table.filter(invites::room.eq(room))));
        pipeline.push(diesel::delete(webhooks::table.filter(webhooks::room.eq(room))));
        let present = members::table.filter(members::room.eq(room)).filter(members::is_in.eq(true));
        pipeline.push(diesel::update(present).set(members::is_in.eq(false)));
    }
}

fn pins_of(room: &Room) -> Vec<i64> {
    room.pins.iter().copied().map(int).collect()
}

/// The words of a room and, in lower case, what they are found by.
type Words<'a> = (
    diesel::dsl::Eq<rooms::name, Option<&'a str>>,
    diesel::dsl::Eq<rooms::name_folded, Option<String>>,
    diesel::dsl::Eq<rooms::topic, Option<&'a str>>,
    diesel::dsl::Eq<rooms::topic_folded, Option<String>>,
);

fn words_of(room: &Room) -> Words<'_> {
    let (name, topic) = (room.name.as_ref().map(RoomName::as_str), room.topic.as_ref().map(Topic::as_str));
    (
        rooms::name.eq(name),
        rooms::name_folded.eq(name.map(str::to_lowercase)),
        rooms::topic.eq(topic),
        rooms::topic_folded.eq(topic.map(str::to_lowercase)),
    )
}
