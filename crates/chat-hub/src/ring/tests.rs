//! The ring against a plain list of everything that ever happened.

use std::collections::BTreeMap;

use chat_domain::{
    ids::RoomId,
    objects::{Member, Message, Role},
    timestamp::Timestamp,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn message(seq: Seq, rev: Seq) -> Object {
    Object::Message(Arc::new(Message {
        room: RoomId(Uuid::nil()),
        seq,
        rev,
        author: UserId(Uuid::nil()),
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

fn revs(entries: &[Arc<Entry>]) -> Vec<Seq> {
    entries.iter().map(|entry| entry.object.rev()).collect()
}

/// What the record would say changed after `after`: each thing in its newest state, by revision.
fn newest(log: &[Object], after: Seq) -> Vec<Object> {
    let mut things = BTreeMap::new();
    for object in log {
        let Object::Message(message) = object else { panic!("messages only") };
        things.insert(message.seq, object.clone());
    }
    let mut changed: Vec<_> = things.into_values().filter(|object| object.rev() > after).collect();
    changed.sort_by_key(Object::rev);
    changed
}

#[test]
fn the_oldest_go_first_and_the_ring_says_so() {
    let mut ring = Ring::new(10, 3, 1 << 20);
    (11..=15).for_each(|rev| ring.push(message(rev, rev)));
    assert!(ring.covers(12) && !ring.covers(11));
    assert_eq!(revs(&ring.since(13)), [14, 15]);
    let heavy = Ring::new(0, 1_000, 3 * ENTRY_BYTES);
    let mut heavy = heavy;
    (1..=5).for_each(|rev| heavy.push(message(rev, rev)));
    assert!(heavy.covers(2) && !heavy.covers(1));
}

#[test]
fn why_somebody_is_gone_is_what_their_latest_membership_says() {
    let mut ring = Ring::new(0, 10, 1 << 20);
    let user = UserId(Uuid::from_u128(7));
    let room = RoomId(Uuid::nil());
    let gone = |rev, banned| {
        let (role, joined_at) = (Role::Member, None);
        Object::Member(Arc::new(Member { room, user, rev, role, is_in: false, muted_until: None, banned, joined_at }))
    };
    assert_eq!(ring.why_gone(user), Eviction::Kicked);
    ring.push(gone(1, true));
    assert_eq!(ring.why_gone(user), Eviction::Banned);
    ring.push(gone(2, false));
    assert_eq!(ring.why_gone(user), Eviction::Kicked);
}

proptest! {
    #[test]
    fn what_the_ring_covers_it_tells_as_the_record_does(
        edits in prop::collection::vec(0_u64..8, 1..80),
        capacity in 1_usize..40,
        back in 0_u64..80,
    ) {
        let mut log = Vec::new();
        let mut ring = Ring::new(0, capacity, 1 << 20);
        // Each step posts a message, or edits an earlier one.
        for (rev, step) in (1..).zip(edits) {
            let seq = if step == 0 || step >= rev { rev } else { rev - step };
            let seq = if log.iter().any(|object| matches!(object, Object::Message(m) if m.seq == seq)) { seq } else { rev };
            log.push(message(seq, rev));
            ring.push(message(seq, rev));
        }
        let head = log.len() as Seq;
        // Half of the time somebody asked for the past.
        if back.is_multiple_of(2) {
            let after = back.min(head);
            ring.extend_back(after, head, newest(&log, after));
        }
        prop_assert!(ring.entries.len() <= capacity);
        for after in 0..=head {
            if ring.covers(after) {
                let expected: Vec<_> = newest(&log, after).iter().map(Object::rev).collect();
                prop_assert_eq!(revs(&ring.since(after)), expected, "after {}", after);
            }
        }
        prop_assert_eq!(ring.weight, ring.entries.iter().map(|entry| entry.weight()).sum::<usize>());
    }
}
