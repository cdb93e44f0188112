//! Clauses of the bus between nodes: hints, at most once, never one's own.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chat_domain::{
    event::{Event, Hint, HintAbout, Object},
    ids::{RoomId, SessionId, UserId},
    objects::{Member, Message, Role, User},
    ports::{Bus, Heard, Note, Status, Topic},
    timestamp::Timestamp,
    words::{DisplayName, Username},
};
use uuid::Uuid;

use crate::{nonce, text};

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

fn member(room: RoomId, rev: u64) -> Arc<Member> {
    let muted_until = Some(Timestamp::from_millis(1_769_851_800_007));
    Member { room, user: ANN, rev, role: Role::Member, is_in: true, muted_until, banned: false, joined_at: None }.into()
}

fn event(room: RoomId, seq: u64) -> Note {
    let event = Event { room, seq, by: ANN, object: Object::Member(member(room, seq)) };
    Note::Event { event: event.into(), frame: Bytes::from_static(b"frame") }
}

/// A message with the frame that sockets get: protocol §3, in a WebSocket frame.
fn posted(seq: u64) -> Note {
    let message = Message {
        room: ROOM,
        seq,
        rev: seq,
        author: ANN,
        at: Timestamp::from_millis(1_769_851_800_007),
        text: Some(text("Grüße, \"мир\"")),
        reply_to: None,
        mentions: vec![BOB],
        mentions_room: false,
        reactions: Vec::new(),
        edited_at: None,
        deleted: false,
        nonce: Some(nonce("posted")),
    };
    let data = format!(
        r#"{{"room":"{ROOM}","seq":{seq},"rev":{seq},"author":"{ANN}","at":"{}","text":"Grüße, \"мир\"","reply_to":null,"mentions":["{BOB}"],"mentions_room":false,"reactions":[],"edited_at":null,"deleted":false,"nonce":"nonce-posted"}}"#,
        message.at
    );
    let json = format!(r#"{{"type":"event","room":"{ROOM}","seq":{seq},"kind":"message","by":"{ANN}","data":{data}}}"#);
    let mut frame = vec![0x81, 126];
    frame.extend(u16::try_from(json.len()).unwrap().to_be_bytes());
    frame.extend(json.into_bytes());
    let event = Event { room: ROOM, seq, by: ANN, object: Object::Message(message.into()) };
    Note::Event { event: event.into(), frame: frame.into() }
}

fn hint(seq: u64, about: HintAbout) -> Note {
    Note::Hint(Hint { user: ANN, seq, about }.into())
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
    for note in [
        event(ROOM, 1),
        typing(ROOM),
        Note::Closed(ROOM),
        hint(7, HintAbout::Read { room: ROOM, seq: 3 }),
        Note::Presence { user: ANN, status: Status::Away },
    ] {
        bus.one.publish(note.clone());
        assert_eq!(next(bus).await, Some(note));
    }
}

pub async fn every_note_arrives_as_it_was_sent(bus: &TwoNodes) {
    bus.other.listen(Topic::Room(ROOM));
    bus.other.listen(Topic::User(ANN));
    settled(bus).await;
    let profile = User {
        id: ANN,
        username: Username::parse("ann").ok(),
        display_name: DisplayName::parse("Ännchen").ok(),
        bot: false,
        deleted: false,
        created_at: Timestamp::from_millis(1),
    };
    for note in [
        posted(1),
        posted(u64::MAX >> 11),
        Note::Typing { room: ROOM, user: ANN, on: false },
        hint(1, HintAbout::Rooms { room: ROOM, member: member(ROOM, 5) }),
        hint(2, HintAbout::Profile(profile.into())),
        Note::Presence { user: ANN, status: Status::Offline },
        Note::Presence { user: ANN, status: Status::Online },
        Note::Ended((1..=300).map(|number| SessionId(Uuid::from_u128(number))).collect()),
    ] {
        bus.one.publish(note.clone());
        assert_eq!(next(bus).await, Some(note));
    }
}

pub async fn a_topic_is_held_once_however_often_it_is_asked_for(bus: &TwoNodes) {
    bus.other.listen(Topic::Room(ROOM));
    bus.other.listen(Topic::Room(ROOM));
    bus.other.listen(Topic::Room(ELSEWHERE));
    settled(bus).await;
    bus.one.publish(event(ROOM, 1));
    bus.one.publish(event(ELSEWHERE, 2));
    assert_eq!(next(bus).await, Some(event(ROOM, 1)));
    assert_eq!(next(bus).await, Some(event(ELSEWHERE, 2)), "once");
    bus.other.unlisten(Topic::Room(ROOM));
    bus.other.unlisten(Topic::User(ANN));
    settled(bus).await;
    bus.one.publish(event(ROOM, 3));
    bus.one.publish(event(ELSEWHERE, 4));
    assert_eq!(next(bus).await, Some(event(ELSEWHERE, 4)));
}

pub async fn a_topic_that_was_let_go_is_heard_again_when_asked_for(bus: &TwoNodes) {
    for seq in 1..=5 {
        bus.other.listen(Topic::Room(ROOM));
        settled(bus).await;
        bus.one.publish(event(ROOM, seq));
        assert_eq!(next(bus).await, Some(event(ROOM, seq)));
        bus.other.unlisten(Topic::Room(ROOM));
    }
}

pub async fn a_thousand_topics_are_heard(bus: &TwoNodes) {
    let rooms = (1..=1_000).map(|number| RoomId(Uuid::from_u128(number << 64)));
    rooms.clone().for_each(|room| bus.other.listen(Topic::Room(room)));
    settled(bus).await;
    for room in rooms {
        bus.one.publish(typing(room));
        assert_eq!(next(bus).await, Some(typing(room)));
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
