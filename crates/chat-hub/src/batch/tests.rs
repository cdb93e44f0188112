//! The hand-written batch is held against the documented shape, and its cuts against what a client does with them.

use chat_domain::{
    event::Object,
    ids::{RoomId, UserId},
    objects::{Epoch, Member, Message, Role, Room, RoomKind},
    pages::Changes,
    timestamp::Timestamp,
    words::{Nonce, Text},
};
use uuid::Uuid;

use super::*;
use crate::frames::{BatchFrame, BatchType};

const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const ME: UserId = UserId(Uuid::from_u128(2));
const OTHER: UserId = UserId(Uuid::from_u128(3));

fn message(rev: Seq, author: UserId, text: &str) -> Object {
    Object::Message(Arc::new(Message {
        room: ROOM,
        seq: rev,
        rev,
        author,
        at: Timestamp::from_millis(1),
        text: Text::parse(text, 10_000).ok(),
        reply_to: None,
        mentions: vec![OTHER],
        mentions_room: false,
        reactions: Vec::new(),
        edited_at: None,
        deleted: false,
        nonce: Nonce::parse("nonce-nonce").ok(),
    }))
}

fn member(rev: Seq) -> Object {
    let (role, joined_at) = (Role::Member, None);
    Object::Member(Arc::new(Member {
        room: ROOM,
        user: ME,
        rev,
        role,
        is_in: true,
        muted_until: None,
        banned: false,
        joined_at,
    }))
}

fn room(rev: Seq) -> Object {
    let (kind, created_at) = (RoomKind::Public, Timestamp::from_millis(1));
    let (name, topic, pins) = (None, None, vec![1, 2]);
    Object::Room(Arc::new(Room { id: ROOM, rev, kind, name, topic, slow_mode_s: 0, created_at, pins, archived: false }))
}

fn stretch(to: Seq) -> Stretch {
    Stretch { room: ROOM, epoch: Epoch("e\"7".into()), to, head: 99, more: false }
}

fn json(frame: &Bytes) -> serde_json::Value {
    let start = frame.iter().position(|byte| *byte == b'{').unwrap();
    serde_json::from_slice(&frame[start..]).unwrap()
}

#[test]
fn a_batch_written_by_hand_is_the_documented_one() {
    let objects = [message(3, ME, "mine \"\u{1F44D}\""), member(4), message(5, OTHER, "theirs"), room(7)];
    let entries: Vec<_> = objects.iter().cloned().map(Entry::new).collect();
    let batch = compose(&stretch(9), 2, ME, &entries, 64 * 1024);
    let seen = |object: &Object| match object {
        Object::Message(message) => Some(Arc::new(message.as_ref().clone().seen_by(ME))),
        Object::Member(_) | Object::Room(_) => None,
    };
    let Object::Member(member) = objects[1].clone() else { panic!("a member") };
    let Object::Room(state) = objects[3].clone() else { panic!("a room") };
    let changes = Changes {
        room: ROOM,
        epoch: stretch(9).epoch,
        from: 2,
        to: 9,
        head: 99,
        more: false,
        messages: objects.iter().filter_map(seen).collect(),
        members: vec![member],
        state: Some(state),
    };
    let documented = serde_json::to_value(BatchFrame { frame: BatchType::This, changes }).unwrap();
    assert_eq!(json(&batch.frame), documented);
    assert_eq!((batch.to, batch.used, batch.messages), (9, 4, 2));
}

#[test]
fn an_empty_stretch_is_a_batch_without_objects() {
    let batch = compose::<Object>(&stretch(9), 2, ME, &[], 64 * 1024);
    assert_eq!((batch.to, batch.used), (9, 0));
    assert_eq!(json(&batch.frame)["messages"], serde_json::json!([]));
}

#[test]
fn cuts_join_and_each_frame_keeps_the_limit_but_for_an_object_that_is_larger() {
    let objects: Vec<_> =
        (1..=40).map(|rev| message(rev, OTHER, &"x".repeat(if rev == 20 { 9_000 } else { 300 }))).collect();
    let (mut from, mut rest, mut frames) = (0, objects.as_slice(), 0);
    while from < 45 {
        let batch = compose(&stretch(45), from, ME, rest, 4_096);
        let body = json(&batch.frame);
        assert_eq!((body["from"].as_u64(), body["to"].as_u64()), (Some(from), Some(batch.to)));
        assert_eq!(body["more"], batch.to < 45);
        assert!(batch.frame.len() <= 4_096 || batch.used == 1);
        (from, rest, frames) = (batch.to, &rest[batch.used..], frames + 1);
    }
    assert!(rest.is_empty() && frames > 5);
}
