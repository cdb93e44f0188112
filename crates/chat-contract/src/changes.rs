//! Clauses of catching up: all that changed after a cursor, or why it can't be told.

use chat_domain::{
    command::{Action, RoomPatch},
    ids::{RoomId, Seq, UserId},
    objects::Epoch,
    pages::{Changes, Cursor},
    ports::{MAX_CHANGES, Reader},
    refusal::{Refusal, ResetReason},
};

use crate::{World, draft, emoji, named, refused, text};

fn after(seq: Seq) -> Cursor {
    Cursor { epoch: None, after: seq }
}

async fn changes(w: &World, reader: Reader, room: RoomId, from: Seq, limit: usize) -> Changes {
    w.stores.log.changes(reader, room, after(from), limit).await.unwrap()
}

/// The revisions in a piece, in order of kind.
fn revs(changes: &Changes) -> (Vec<Seq>, Vec<Seq>, Option<Seq>) {
    (
        changes.messages.iter().map(|message| message.rev).collect(),
        changes.members.iter().map(|member| member.rev).collect(),
        changes.state.as_ref().map(|room| room.rev),
    )
}

async fn lobby(w: &World) -> (UserId, UserId, RoomId) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    (ann, bob, w.room("lobby", &[ann, bob]).await)
}

pub async fn from_nothing_everything_is_a_change(w: &World) {
    let (ann, bob, room) = lobby(w).await;
    w.posts(bob, room, "hi").await;
    let all = changes(w, Reader::User(ann), room, 0, 100).await;
    assert_eq!(revs(&all), (vec![4], vec![2, 3], Some(1)));
    let log = w.log(room).await;
    assert_eq!((all.room, all.epoch, all.from, all.to, all.head, all.more), (room, log.epoch, 0, 4, 4, false));
    assert_eq!(*all.state.unwrap(), w.state(room).await);
    assert_eq!(*all.members[1], w.member(room, bob).await.unwrap());
    assert_eq!(*all.messages[0], w.message(ann, room, 4).await);
}

pub async fn at_the_head_nothing_is(w: &World) {
    let (ann, _, room) = lobby(w).await;
    let none = changes(w, Reader::User(ann), room, 3, 100).await;
    assert_eq!((revs(&none), none.from, none.to, none.more), ((vec![], vec![], None), 3, 3, false));
}

pub async fn several_changes_of_one_thing_collapse_into_the_latest(w: &World) {
    let (ann, bob, room) = lobby(w).await;
    let (one, two) = (w.posts(ann, room, "one").await.seq, w.posts(bob, room, "two").await.seq);
    w.ok(ann, room, Action::Edit { seq: one, text: text("one!"), if_match: None }).await;
    w.ok(bob, room, Action::React { seq: one, emoji: emoji("👍"), on: true }).await;
    w.mutes(ann, room, bob, 1_000).await;
    w.mutes(ann, room, bob, 2_000).await;
    for slow_mode_s in [1, 2] {
        let patch = RoomPatch { slow_mode_s: Some(slow_mode_s), ..RoomPatch::default() };
        w.ok(ann, room, Action::Update(patch)).await;
    }
    let all = changes(w, Reader::User(bob), room, 0, 100).await;
    assert_eq!(revs(&all), (vec![two, 7], vec![2, 9], Some(11)));
    assert_eq!(all.messages[1].seq, one);
    assert!(all.messages[1].reactions[0].me);
    let tail = changes(w, Reader::User(bob), room, 6, 100).await;
    assert_eq!((revs(&tail), tail.from, tail.to), ((vec![7], vec![9], Some(11)), 6, 11));
}

pub async fn who_left_and_what_was_deleted_are_changes(w: &World) {
    let (ann, bob, room) = lobby(w).await;
    w.posts(bob, room, "oops").await;
    w.ok(bob, room, Action::Delete { seq: 4, if_match: None }).await;
    w.ok(bob, room, Action::Remove(bob)).await;
    let tail = changes(w, Reader::User(ann), room, 4, 100).await;
    assert_eq!(revs(&tail), (vec![5], vec![6], None));
    assert!(tail.messages[0].deleted && !tail.members[0].is_in);
}

pub async fn pieces_join_without_gap_or_overlap(w: &World) {
    let (ann, bob, room) = lobby(w).await;
    for _ in 0..5 {
        let seq = w.posts(ann, room, "words").await.seq;
        w.ok(bob, room, Action::React { seq, emoji: emoji("👍"), on: true }).await;
        w.mutes(ann, room, bob, -1).await;
    }
    let whole = changes(w, Reader::User(ann), room, 0, 1_000).await;
    assert!(!whole.more);
    for limit in 1..=5 {
        let (mut from, mut messages, mut members, mut states) = (0, Vec::new(), Vec::new(), 0);
        loop {
            let piece = changes(w, Reader::User(ann), room, from, limit).await;
            let (of_messages, of_members, state) = revs(&piece);
            let count = of_messages.len() + of_members.len() + usize::from(state.is_some());
            let highest = of_messages.iter().chain(&of_members).chain(&state).max().copied();
            assert!(count <= limit && piece.from == from);
            assert_eq!(piece.to, if piece.more { highest.unwrap() } else { piece.head });
            messages.extend(piece.messages);
            members.extend(piece.members);
            states += usize::from(state.is_some());
            from = piece.to;
            if !piece.more {
                break;
            }
        }
        assert_eq!((&messages, &members, states), (&whole.messages, &whole.members, 1), "in pieces of {limit}");
        assert_eq!(from, whole.head);
    }
}

pub async fn the_house_reads_every_nonce_and_no_me(w: &World) {
    let (ann, bob, room) = lobby(w).await;
    w.ok(ann, room, named("secret", "hi")).await;
    w.ok(bob, room, Action::React { seq: 4, emoji: emoji("👍"), on: true }).await;
    let house = changes(w, Reader::House, room, 3, 10).await;
    assert!(house.messages[0].nonce.is_some() && !house.messages[0].reactions[0].me);
    let bobs = changes(w, Reader::User(bob), room, 3, 10).await;
    assert!(bobs.messages[0].nonce.is_none() && bobs.messages[0].reactions[0].me);
    let nowhere = w.stores.log.changes(Reader::House, RoomId(w.id()), after(0), 10).await;
    refused!(nowhere, Refusal::NotFound);
}

pub async fn resets_are_told_in_their_order(w: &World) {
    let (ann, bob, room) = lobby(w).await;
    let posts = |count| (0..count).map(|_| (bob, room, Action::Post(draft("x")))).collect::<Vec<_>>();
    w.batch(posts(MAX_CHANGES + 7)).await;
    w.fixture().raise_floor(room, 5).await;
    let log = w.log(room).await;
    assert_eq!((log.floor, log.head), (5, MAX_CHANGES as u64 + 10));
    let other = Some(Epoch("another".into()));
    let asks = async |epoch: &Option<Epoch>, after| {
        let cursor = Cursor { epoch: epoch.clone(), after };
        match w.stores.log.changes(Reader::User(ann), room, cursor, 500).await {
            Ok(_) => None,
            Err(Refusal::ResetRequired { reason, log: stands }) => {
                assert_eq!(stands, log);
                Some(reason)
            }
            Err(other) => panic!("{other:?}"),
        }
    };
    for after in [0, log.head, log.head + 1] {
        assert_eq!(asks(&other, after).await, Some(ResetReason::Epoch));
    }
    let present = Some(log.epoch.clone());
    for epoch in [None, present] {
        assert_eq!(asks(&epoch, log.head + 1).await, Some(ResetReason::Ahead));
        assert_eq!(asks(&epoch, 4).await, Some(ResetReason::Purged));
        assert_eq!(asks(&epoch, 5).await, Some(ResetReason::TooFar));
        assert_eq!(asks(&epoch, 9).await, Some(ResetReason::TooFar));
        assert_eq!(asks(&epoch, 10).await, None, "exactly as many as are worth sending");
        assert_eq!(asks(&epoch, log.head).await, None);
    }
}

pub async fn too_far_counts_things_and_not_their_changes(w: &World) {
    let (ann, bob, room) = lobby(w).await;
    w.posts(bob, room, "x").await;
    let react = |on| (ann, room, Action::React { seq: 4, emoji: emoji("👍"), on });
    w.batch((0..MAX_CHANGES + 10).map(|turn| react(turn % 2 == 0)).collect()).await;
    let tail = changes(w, Reader::User(ann), room, 4, 10).await;
    assert_eq!((tail.messages.len(), tail.to, tail.more), (1, MAX_CHANGES as u64 + 14, false));
}

pub async fn a_new_epoch_voids_every_cursor(w: &World) {
    let (ann, _, room) = lobby(w).await;
    let before = w.log(room).await.epoch;
    w.fixture().new_epoch().await;
    let now = w.log(room).await;
    assert_ne!(now.epoch, before);
    let cursor = Cursor { epoch: Some(before), after: now.head };
    let answer = w.stores.log.changes(Reader::User(ann), room, cursor, 10).await;
    refused!(answer, Refusal::ResetRequired { reason: ResetReason::Epoch, .. });
    assert_eq!(w.stores.log.heads(&[room]).await.unwrap(), [(room, now.clone())]);
    let next = w.room("next", &[ann]).await;
    assert_eq!(w.log(next).await.epoch, now.epoch);
}

pub async fn a_stranger_is_refused_before_the_cursor_is_looked_at(w: &World) {
    let (ann, bob, room) = lobby(w).await;
    let hidden = w.private("den", &[ann]).await;
    w.ok(bob, room, Action::Remove(bob)).await;
    for (room, hidden) in [(room, false), (hidden, true)] {
        match w.stores.log.changes(Reader::User(bob), room, after(999), 10).await {
            Err(Refusal::NotFound) if hidden => {}
            Err(Refusal::Forbidden(_)) if !hidden => {}
            other => panic!("{other:?}"),
        }
    }
}
