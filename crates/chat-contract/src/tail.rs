//! Clauses of the tail of logs: a cache that may forget, and never says what was not.

use std::{sync::Arc, time::Duration};

use chat_domain::{
    event::{Event, Object},
    ids::{RoomId, Seq, UserId},
    objects::{Epoch, LogHead, Member, Message, Reaction, Role, Room, RoomKind},
    ports::Tail,
    timestamp::Timestamp,
    words::{Emoji, Nonce, RoomName, Text},
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Two nodes that share a tail, and how long it may take until one reads what the other keeps.
pub struct TwoTails {
    pub one: Arc<dyn Tail>,
    pub other: Arc<dyn Tail>,
    pub patience: Duration,
}

const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const ELSEWHERE: RoomId = RoomId(Uuid::from_u128(2));
const ANN: UserId = UserId(Uuid::from_u128(3));
const EVERYTHING: usize = 1_000;

fn epoch(name: &str) -> Epoch {
    Epoch(name.into())
}

fn head(head: Seq) -> LogHead {
    LogHead { epoch: epoch("first"), head, floor: 0 }
}

fn message(room: RoomId, seq: Seq) -> Message {
    Message {
        room,
        seq,
        rev: seq,
        author: ANN,
        at: Timestamp::from_millis(1_769_851_800_007),
        text: Some(Text::parse(&format!("number {seq}"), 100).unwrap()),
        reply_to: None,
        mentions: Vec::new(),
        mentions_room: false,
        reactions: Vec::new(),
        edited_at: None,
        deleted: false,
        nonce: None,
    }
}

fn event(room: RoomId, seq: Seq) -> Arc<Event> {
    Event { room, seq, by: ANN, object: Object::Message(message(room, seq).into()) }.into()
}

fn events(seqs: impl IntoIterator<Item = Seq>) -> Vec<Arc<Event>> {
    seqs.into_iter().map(|seq| event(ROOM, seq)).collect()
}

impl TwoTails {
    /// One node keeps them, and the other will have found the last of them.
    async fn keep(&self, events: &[Arc<Event>]) {
        self.one.keep(&epoch("first"), events);
        let last = events.last().unwrap();
        let since = Instant::now();
        while self.other.recent(last.room, &head(last.seq), 1).await.unwrap().is_empty() {
            assert!(since.elapsed() < self.patience, "this tail keeps nothing");
            sleep(self.patience / 100).await;
        }
    }

    /// The numbers that lead to this one.
    async fn leading_to(&self, seq: Seq, limit: usize) -> Vec<Seq> {
        let run = self.other.recent(ROOM, &head(seq), limit).await.unwrap();
        run.iter().map(|event| event.seq).collect()
    }
}

pub async fn what_one_node_keeps_another_reads_as_it_was_committed(tails: &TwoTails) {
    let full = Message {
        text: Some(Text::parse("Grüße, \"мир\" \\ \u{1F469}\u{200D}\u{1F680}\nзавтра", 100).unwrap()),
        reply_to: Some(1),
        mentions: vec![ANN],
        mentions_room: true,
        reactions: vec![Reaction { emoji: Emoji::parse("👍").unwrap(), count: 2, me: false }],
        edited_at: Some(Timestamp::from_millis(1_769_851_800_008)),
        nonce: Some(Nonce::parse("nonce-of-ann").unwrap()),
        ..message(ROOM, 2)
    };
    let tombstone = Message { seq: 1, rev: 3, text: None, deleted: true, ..message(ROOM, 1) };
    let member = Member {
        room: ROOM,
        user: ANN,
        rev: 4,
        role: Role::Owner,
        is_in: true,
        muted_until: Some(Timestamp::from_millis(5)),
        banned: false,
        joined_at: Some(Timestamp::from_millis(4)),
    };
    let room = Room {
        id: ROOM,
        rev: 5,
        kind: RoomKind::Private,
        name: Some(RoomName::parse("Küche").unwrap()),
        topic: None,
        slow_mode_s: 7,
        created_at: Timestamp::from_millis(1),
        pins: vec![2, 1],
        archived: true,
    };
    let objects = [
        Object::Message(message(ROOM, 1).into()),
        Object::Message(full.into()),
        Object::Message(tombstone.into()),
        Object::Member(member.into()),
        Object::Room(room.into()),
    ];
    let kept: Vec<_> =
        objects.into_iter().zip(1..).map(|(object, seq)| Event { room: ROOM, seq, by: ANN, object }.into()).collect();
    tails.keep(&kept).await;
    assert_eq!(tails.other.recent(ROOM, &head(5), EVERYTHING).await.unwrap(), kept);
    assert_eq!(tails.one.recent(ROOM, &head(5), EVERYTHING).await.unwrap(), kept);
}

pub async fn what_is_not_kept_is_not_there(tails: &TwoTails) {
    assert_eq!(tails.leading_to(0, EVERYTHING).await, [0; 0]);
    assert_eq!(tails.leading_to(3, EVERYTHING).await, [0; 0]);
    tails.keep(&events(1..=3)).await;
    assert_eq!(tails.other.recent(ELSEWHERE, &head(3), EVERYTHING).await.unwrap(), []);
}

pub async fn a_run_ends_exactly_at_the_head(tails: &TwoTails) {
    tails.keep(&events(1..=5)).await;
    assert_eq!(tails.leading_to(5, EVERYTHING).await, [1, 2, 3, 4, 5]);
    assert_eq!(tails.leading_to(3, EVERYTHING).await, [1, 2, 3], "newer ones are left out");
    assert_eq!(tails.leading_to(6, EVERYTHING).await, [0; 0], "the event at the head is missing");
    assert_eq!(tails.leading_to(0, EVERYTHING).await, [0; 0]);
}

pub async fn a_run_has_no_hole(tails: &TwoTails) {
    tails.keep(&events([1, 2, 4, 5, 8])).await;
    assert_eq!(tails.leading_to(5, EVERYTHING).await, [4, 5]);
    assert_eq!(tails.leading_to(8, EVERYTHING).await, [8]);
    assert_eq!(tails.leading_to(7, EVERYTHING).await, [0; 0]);
    tails.keep(&events([3])).await;
    assert_eq!(tails.leading_to(5, EVERYTHING).await, [1, 2, 3, 4, 5]);
}

pub async fn a_run_is_the_newest_that_the_limit_allows(tails: &TwoTails) {
    tails.keep(&events(1..=5)).await;
    assert_eq!(tails.leading_to(5, 3).await, [3, 4, 5]);
    assert_eq!(tails.leading_to(4, 1).await, [4]);
    assert_eq!(tails.leading_to(4, 0).await, [0; 0]);
}

pub async fn what_is_kept_twice_or_late_stands_once_in_its_place(tails: &TwoTails) {
    tails.keep(&events([2, 3])).await;
    tails.keep(&events([3, 1, 2])).await;
    tails.keep(&events([1])).await;
    assert_eq!(tails.leading_to(3, EVERYTHING).await, [1, 2, 3]);
}

pub async fn another_history_is_another_tail(tails: &TwoTails) {
    tails.keep(&events(1..=3)).await;
    let restored = LogHead { epoch: epoch("second"), head: 3, floor: 0 };
    assert_eq!(tails.other.recent(ROOM, &restored, EVERYTHING).await.unwrap(), []);
    tails.one.keep(&epoch("second"), &[event(ROOM, 4)]);
    tails.keep(&events([5])).await;
    assert_eq!(tails.leading_to(5, EVERYTHING).await, [5]);
}

pub async fn a_long_tail_keeps_its_end(tails: &TwoTails) {
    for seqs in [1..=400, 401..=800, 801..=1_200] {
        tails.keep(&events(seqs)).await;
    }
    let run = tails.leading_to(1_200, 100).await;
    assert_eq!(run, (1_101..=1_200).collect::<Vec<_>>());
}
