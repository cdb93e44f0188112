//! Clauses of the bus between nodes: hints, at most once, never one's own.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chat_domain::{
    event::{Event, Hint, HintAbout, Object},
    ids::{RoomId, SessionId, UserId},
    objects::{Member, Role},
    ports::{Bus, Heard, Note, Status, Topic},
};
use uuid::Uuid;

/// Two nodes of one bus, and how long a note may take between them.
pub struct TwoNodes {
    pub one: Arc<dyn Bus>,
    pub other: Arc<dyn Bus>,
    pub patience: Duration,
}

const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const ELSEWHERE: RoomId = RoomId(Uuid::from_u128(2));
const ANN: UserId = UserId(Uuid::from_u128(3));
const BOB: UserId = UserId(Uuid::from_u128(4));

fn event(room: RoomId, seq: u64) -> Note {
    let member = Member {
        room,
        user: ANN,
        rev: seq,
        role: Role::Member,
        is_in: true,
        muted_until: None,
        banned: false,
        joined_at: None,
    };
    let event = Event { room, seq, by: ANN, object: Object::Member(member.into()) };
    Note::Event { event: event.into(), frame: Bytes::from_static(b"frame") }
}

fn typing(room: RoomId) -> Note {
    Note::Typing { room, user: BOB, on: true }
}

/// The next note; interruptions are passed over.
async fn next(bus: &TwoNodes) -> Option<Note> {
    loop {
        match tokio::time::timeout(bus.patience, bus.other.heard()).await.ok()? {
            Heard::Note(note) => return Some(note),
            Heard::Interrupted => {}
        }
    }
}

/// Waits until the other node hears what it listens to: a subscription takes a moment on a real bus.
async fn settled(bus: &TwoNodes) {
    bus.other.listen(Topic::User(BOB));
    for _ in 0..100 {
        bus.one.publish(Note::Presence { user: BOB, status: Status::Online });
        if tokio::time::timeout(bus.patience / 10, bus.other.heard()).await.is_ok() {
            while tokio::time::timeout(bus.patience / 10, bus.other.heard()).await.is_ok() {}
            bus.other.unlisten(Topic::User(BOB));
            return;
        }
    }
    panic!("this bus carries nothing");
}

pub async fn a_node_hears_what_it_listens_to(bus: &TwoNodes) {
    bus.other.listen(Topic::Room(ROOM));
    bus.other.listen(Topic::User(ANN));
    settled(bus).await;
    let hint = Hint { user: ANN, seq: 7, about: HintAbout::Read { room: ROOM, seq: 3 } };
    for note in [
        event(ROOM, 1),
        typing(ROOM),
        Note::Closed(ROOM),
        Note::Hint(hint.into()),
        Note::Presence { user: ANN, status: Status::Away },
    ] {
        bus.one.publish(note.clone());
        assert_eq!(next(bus).await, Some(note));
    }
}

pub async fn a_node_hears_nothing_else(bus: &TwoNodes) {
    bus.other.listen(Topic::Room(ROOM));
    settled(bus).await;
    bus.one.publish(event(ELSEWHERE, 1));
    bus.one.publish(Note::Presence { user: ANN, status: Status::Away });
    bus.one.publish(event(ROOM, 2));
    assert_eq!(next(bus).await, Some(event(ROOM, 2)));
}

pub async fn a_node_never_hears_its_own(bus: &TwoNodes) {
    bus.one.listen(Topic::Room(ROOM));
    bus.other.listen(Topic::Room(ROOM));
    settled(bus).await;
    bus.other.publish(event(ROOM, 1));
    bus.other.publish(Note::Ended(vec![SessionId(Uuid::from_u128(9))]));
    bus.one.publish(event(ROOM, 2));
    assert_eq!(next(bus).await, Some(event(ROOM, 2)));
}

pub async fn a_node_that_let_go_hears_no_more(bus: &TwoNodes) {
    bus.other.listen(Topic::Room(ROOM));
    bus.other.listen(Topic::Room(ELSEWHERE));
    settled(bus).await;
    bus.other.unlisten(Topic::Room(ROOM));
    settled(bus).await;
    bus.one.publish(event(ROOM, 1));
    bus.one.publish(event(ELSEWHERE, 2));
    assert_eq!(next(bus).await, Some(event(ELSEWHERE, 2)));
}

pub async fn ended_sessions_are_heard_always(bus: &TwoNodes) {
    settled(bus).await;
    let note = Note::Ended(vec![SessionId(Uuid::from_u128(9)), SessionId(Uuid::from_u128(10))]);
    bus.one.publish(note.clone());
    assert_eq!(next(bus).await, Some(note));
}

pub async fn a_bus_that_carries_is_healthy(bus: &TwoNodes) {
    settled(bus).await;
    assert!(bus.one.is_healthy() && bus.other.is_healthy());
}

pub async fn publishing_never_waits_for_a_node_that_does_not_hear(bus: &TwoNodes) {
    bus.other.listen(Topic::Room(ROOM));
    settled(bus).await;
    for seq in 1..=20_000 {
        bus.one.publish(event(ROOM, seq));
    }
    let mut heard = 0;
    while let Ok(what) = tokio::time::timeout(bus.patience, bus.other.heard()).await {
        heard += 1;
        if what == Heard::Interrupted {
            return; // it was told that something is missing
        }
    }
    assert_eq!(heard, 20_000, "nothing may be dropped in silence");
}
