//! Everything that is said is understood, and nothing that is not understood does harm.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chat_domain::{
    event::{Event, Hint, HintAbout, Object},
    ids::{RoomId, SessionId, UserId},
    limits::{Level, Waiting},
    objects::{Member, Message, Role},
    ports::{Note, Status},
    timestamp::Timestamp,
    words::Text,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::rates::Name;

const NODE: u64 = 0x0102_0304_0506_0708;
const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const ANN: UserId = UserId(Uuid::from_u128(2));

fn member() -> Member {
    Member {
        room: ROOM,
        user: ANN,
        rev: 3,
        role: Role::Admin,
        is_in: true,
        muted_until: None,
        banned: false,
        joined_at: Some(Timestamp::from_millis(7)),
    }
}

fn message(text: &str) -> Event {
    let message = Message {
        room: ROOM,
        seq: 3,
        rev: 3,
        author: ANN,
        at: Timestamp::from_millis(1_769_851_800_007),
        text: Some(Text::parse(text, 4_000).unwrap()),
        reply_to: None,
        mentions: vec![ANN],
        mentions_room: false,
        reactions: Vec::new(),
        edited_at: None,
        deleted: false,
        nonce: None,
    };
    Event { room: ROOM, seq: 3, by: ANN, object: Object::Message(message.into()) }
}

/// As the hub writes it: protocol §3.
fn frame_of(event: &Event) -> Bytes {
    let json = serde_json::to_string(event).unwrap();
    let Some(rest) = json.strip_prefix(&format!(r#"{{"room":"{}","seq":{},"#, event.room, event.seq)) else { panic!() };
    // Kind stands before by there, and after it here: JSON does not mind.
    let json = format!(r#"{{"type":"event","room":"{}","seq":{},{rest}"#, event.room, event.seq);
    framed(json.as_bytes())
}

fn framed(payload: &[u8]) -> Bytes {
    let mut frame = vec![0x81];
    match payload.len() {
        len @ 0..126 => frame.push(u8::try_from(len).unwrap()),
        len @ 126..65_536 => {
            frame.push(126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend(u64::try_from(len).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame.into()
}

fn notes() -> Vec<Note> {
    let event = Arc::new(message("Grüße, \"мир\" \\ \u{1F469}"));
    let long = Arc::new(message(&"long ".repeat(700)));
    let hint = |about| Note::Hint(Arc::new(Hint { user: ANN, seq: 9, about }));
    vec![
        Note::Event { frame: frame_of(&event), event: Arc::clone(&event) },
        Note::Event { frame: frame_of(&long), event: long },
        Note::Event { frame: Bytes::from_static(b"something else"), event: Arc::clone(&event) },
        Note::Event { frame: Bytes::new(), event },
        Note::Closed(ROOM),
        hint(HintAbout::Read { room: ROOM, seq: 4 }),
        hint(HintAbout::Rooms { room: ROOM, member: member().into() }),
        Note::Ended(Vec::new()),
        Note::Ended((0..100).map(|number| SessionId(Uuid::from_u128(number))).collect()),
        Note::Typing { room: ROOM, user: ANN, on: true },
        Note::Typing { room: ROOM, user: ANN, on: false },
        Note::Presence { user: ANN, status: Status::Offline },
        Note::Presence { user: ANN, status: Status::Away },
        Note::Presence { user: ANN, status: Status::Online },
    ]
}

#[test]
fn what_is_said_is_understood() {
    for note in notes() {
        let bytes = encode(NODE, &note).unwrap();
        assert_eq!(header(&bytes).unwrap().node, NODE);
        assert_eq!(decode(bytes.into()), Ok(note));
    }
}

#[test]
fn an_event_travels_once() {
    let event = Arc::new(message(&"x".repeat(300)));
    let frame = frame_of(&event);
    let bytes = encode(NODE, &Note::Event { event: Arc::clone(&event), frame: frame.clone() }).unwrap();
    assert_eq!(bytes.len(), HEADER + frame.len());
    assert_eq!(header(&bytes).unwrap().kind, Kind::Event);
    // The frame of another event does not stand for this one.
    let other = Arc::new(Event { seq: 4, ..message("x") });
    let bytes = encode(NODE, &Note::Event { event: other, frame }).unwrap();
    assert_eq!(header(&bytes).unwrap().kind, Kind::EventBeside);
}

#[test]
fn rates_and_words_of_the_house_are_understood() {
    let level = Level {
        empty_in: Duration::from_micros(12_345_678),
        waiting: Some(Waiting {
            wait: Duration::from_secs(4),
            left: Duration::from_millis(3_500),
            most: Duration::from_secs(58),
        }),
    };
    for level in [level, Level { waiting: None, ..level }] {
        let said = SharedRate { name: Name([7; Name::LEN]), level };
        assert_eq!(shared_rate(&rate(NODE, &said)), Ok(said));
    }
    assert_eq!(forgiven_name(&forgiven(NODE, Name([9; Name::LEN]))), Ok(Name([9; Name::LEN])));
    assert_eq!(probed(&probe(NODE, 77)), Some(77));
    assert_eq!(header(&lost(NODE)).map(|header| header.kind), Ok(Kind::Lost));
}

#[test]
fn another_version_is_unreadable() {
    for note in notes() {
        let mut bytes = encode(NODE, &note).unwrap();
        bytes[0] = VERSION + 1;
        assert!(decode(bytes.into()).is_err());
    }
}

fn read_everything(bytes: &[u8]) {
    let _ = (header(bytes), probed(bytes), shared_rate(bytes), forgiven_name(bytes));
    let _ = decode(Bytes::copy_from_slice(bytes));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_everything(&bytes);
    }

    #[test]
    fn any_bytes_after_a_good_beginning_are_too(kind in 0..13_u8, rest in prop::collection::vec(any::<u8>(), 0..120)) {
        let mut bytes = vec![VERSION, kind];
        bytes.extend(rest);
        read_everything(&bytes);
    }

    #[test]
    fn a_note_that_was_cut_or_bent_is_too(which in 0..14_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(NODE, &notes()[which]).unwrap();
        let at = at.index(bytes.len());
        read_everything(&bytes[..at]);
        prop_assert!(decode(Bytes::copy_from_slice(&bytes[..at])).is_err() || at >= HEADER);
        bytes[at] = byte;
        read_everything(&bytes);
    }
}
