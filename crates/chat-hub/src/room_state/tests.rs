//! The live room against every way in which a bus can lose, repeat and reorder.

use chat_domain::{
    event::Event,
    ids::RoomId,
    objects::{Message, Role, RoomKind},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const ANN: UserId = UserId(Uuid::from_u128(2));
const BOB: UserId = UserId(Uuid::from_u128(3));

fn member(user: UserId, rev: Seq, is_in: bool) -> Member {
    let (role, joined_at) = (Role::Member, None);
    Member { room: ROOM, user, rev, role, is_in, muted_until: None, banned: false, joined_at }
}

fn snapshot(head: Seq, epoch: &str) -> LiveSnapshot {
    let (kind, created_at, pins) = (RoomKind::Private, Timestamp::from_millis(0), Vec::new());
    LiveSnapshot {
        room: Room {
            id: ROOM,
            rev: 1,
            kind,
            name: None,
            topic: None,
            slow_mode_s: 0,
            created_at,
            pins,
            archived: false,
        },
        log: LogHead { epoch: Epoch(epoch.into()), head, floor: 0 },
        members: vec![member(ANN, 2, true), member(BOB, 3, true)],
    }
}

fn message(rev: Seq) -> Object {
    Object::Message(Arc::new(Message {
        room: ROOM,
        seq: rev,
        rev,
        author: ANN,
        at: Timestamp::from_millis(0),
        text: None,
        reply_to: None,
        mentions: Vec::new(),
        mentions_room: false,
        reactions: Vec::new(),
        edited_at: None,
        deleted: false,
        nonce: None,
    }))
}

fn event(seq: Seq) -> Arc<Recent> {
    Arc::new(Recent::of(Event { room: ROOM, seq, by: ANN, object: message(seq) }))
}

fn removal(seq: Seq) -> Arc<Recent> {
    let object = Object::Member(Arc::new(member(BOB, seq, false)));
    Arc::new(Recent::of(Event { room: ROOM, seq, by: ANN, object }))
}

fn state(head: Seq) -> RoomState {
    RoomState::new(snapshot(head, "e"), Early::new(), &HubSettings::default())
}

fn changes(from: Seq, to: Seq) -> Changes {
    let messages = (from + 1..=to).map(message).filter_map(|object| match object {
        Object::Message(message) => Some(message),
        Object::Member(_) | Object::Room(_) => None,
    });
    Changes {
        room: ROOM,
        epoch: Epoch("e".into()),
        from,
        to,
        head: to,
        more: false,
        messages: messages.collect(),
        members: Vec::new(),
        state: None,
    }
}

fn cursor(after: Seq) -> Cursor {
    Cursor { epoch: None, after }
}

fn numbers(out: &[Arc<Recent>]) -> Vec<Seq> {
    out.iter().map(|recent| recent.seq()).collect()
}

#[test]
fn an_early_event_waits_and_follows_its_predecessor() {
    let (mut state, mut out) = (state(10), Vec::new());
    state.apply(event(12), &mut out);
    assert!(out.is_empty() && state.has_gap());
    state.apply(event(11), &mut out);
    assert_eq!(numbers(&out), [11, 12]);
    assert!(!state.has_gap());
}

#[test]
fn what_was_heard_while_the_room_was_opened_is_not_lost() {
    let early = [event(9), event(11), event(12), event(14)].into_iter().map(|recent| (recent.seq(), recent)).collect();
    let state = RoomState::new(snapshot(10, "e"), early, &HubSettings::default());
    assert_eq!(state.log().head, 12);
    assert!(state.has_gap(), "13 is missing");
}

#[test]
fn a_gap_read_from_the_record_lets_early_events_follow() {
    let mut state = state(10);
    state.apply(event(13), &mut Vec::new());
    assert!(state.absorb(changes(10, 12)));
    assert_eq!(state.log().head, 13);
    let Missed::Things(entries, log) = state.missed(ANN, &Epoch("e".into()), 10) else { panic!("the ring covers it") };
    assert_eq!((entries.len(), log.head), (3, 13));
}

#[test]
fn a_reading_that_events_overtook_changes_nothing() {
    let mut state = state(10);
    (11..=15).for_each(|seq| state.apply(event(seq), &mut Vec::new()));
    assert!(!state.absorb(changes(10, 13)));
    assert_eq!(state.log().head, 15);
    assert_eq!(state.reload(snapshot(12, "e"), 12, &HubSettings::default()), Reloaded::Overtaken);
    assert_eq!(state.log().head, 15);
}

#[test]
fn membership_follows_the_log() {
    let mut state = state(10);
    assert_eq!(state.gone(BOB), None);
    state.apply(removal(11), &mut Vec::new());
    assert!(state.gone(BOB).is_some());
    assert_eq!(state.start(BOB, None), Err(Refusal::NotFound));
    assert_eq!(state.need(BOB, None), Need::Head, "the record must agree before anybody is refused");
    assert!(matches!(state.missed(BOB, &Epoch("e".into()), 10), Missed::Membership(_)));
    assert_eq!(state.start(ANN, None), Ok(Start::Live));
}

#[test]
fn a_subscription_begins_where_its_cursor_can_be_served() {
    let mut state = state(10);
    state.apply(event(11), &mut Vec::new());
    state.raise_floor(4);
    let start = |after| state.start(ANN, Some(&cursor(after))).unwrap();
    assert_eq!(start(11), Start::Live);
    assert_eq!(start(10), Start::CatchUp);
    assert_eq!(start(4), Start::CatchUp);
    assert_eq!(start(3), Start::Reset(ResetReason::Purged));
    assert_eq!(start(12), Start::Reset(ResetReason::Ahead));
    assert_eq!(state.need(ANN, Some(&cursor(10))), Need::Nothing, "the ring covers it");
    assert_eq!(state.need(ANN, Some(&cursor(7))), Need::Past(7));
    assert_eq!(state.need(ANN, Some(&cursor(12))), Need::Head);
    state.learn_too_far(6);
    assert_eq!(state.start(ANN, Some(&cursor(6))), Ok(Start::Reset(ResetReason::TooFar)));
    assert_eq!(state.start(ANN, Some(&cursor(7))), Ok(Start::CatchUp));
}

#[test]
fn another_history_voids_every_cursor() {
    let mut state = state(10);
    state.apply(event(12), &mut Vec::new());
    assert_eq!(state.reload(snapshot(5, "other"), 5, &HubSettings::default()), Reloaded::OtherHistory);
    assert_eq!(state.log().head, 5);
    assert!(!state.has_gap(), "early events belonged to the old one");
    let old = Cursor { epoch: Some(Epoch("e".into())), after: 5 };
    assert_eq!(state.start(ANN, Some(&old)), Ok(Start::Reset(ResetReason::Epoch)));
    assert!(matches!(state.missed(ANN, &Epoch("e".into()), 5), Missed::Reset(ResetReason::Epoch, _)));
}

#[test]
fn events_that_wait_are_bounded() {
    let mut state = state(10);
    (0..5_000).for_each(|n| state.apply(event(5_000 - n + 20), &mut Vec::new()));
    assert!(state.early.len() <= MAX_EARLY);
    assert_eq!(state.early.first_key_value().map(|(seq, _)| *seq), Some(21), "the nearest are kept");
}

proptest! {
    #[test]
    fn whatever_the_bus_does_events_come_once_and_in_order(
        order in prop::collection::vec(1_u64..30, 0..120),
        repairs in prop::collection::vec(0_usize..120, 0..4),
    ) {
        let mut state = state(0);
        let mut expected = 0;
        for (step, seq) in order.into_iter().enumerate() {
            if repairs.contains(&step) {
                // The record is at the newest number anybody could have heard.
                let head = state.log().head;
                state.absorb(changes(head, 30));
                prop_assert_eq!(state.log().head, 30);
                expected = 30;
            }
            let mut out = Vec::new();
            state.apply(event(seq), &mut out);
            for recent in out {
                expected += 1;
                prop_assert_eq!(recent.seq(), expected);
            }
            prop_assert_eq!(state.log().head, expected);
            prop_assert_eq!(state.has_gap(), state.early.keys().any(|seq| *seq > expected));
        }
    }
}
