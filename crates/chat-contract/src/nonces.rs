//! Clauses of nonces: a retry never posts twice, whatever became of message, author and room since.

use std::sync::Arc;

use chat_domain::{
    command::{Action, Draft, Reply, RoomPatch},
    ids::{RoomId, UserId},
    objects::Message,
    refusal::Refusal,
};

use crate::{World, draft, emoji, named, nonce, refused, text};

/// Ann owns a room where Bob has posted "hello" under a nonce.
async fn posted(w: &World) -> (UserId, UserId, RoomId, Arc<Message>) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let Reply::Posted { message, duplicate: false } = w.ok(bob, room, named("one", "hello")).await.reply else {
        panic!()
    };
    (ann, bob, room, message)
}

/// Bob tries again and gets the message as it is now; nothing is posted.
async fn replays(w: &World, bob: UserId, room: RoomId) -> Arc<Message> {
    let head = w.head(room).await;
    let outcome = w.ok(bob, room, named("one", "hello")).await;
    let Reply::Posted { message, duplicate: true } = outcome.reply else { panic!("{:?}", outcome.reply) };
    assert!(outcome.events.is_empty() && outcome.hints.is_empty());
    assert_eq!(w.head(room).await, head);
    assert_eq!(message.nonce, Some(nonce("one")));
    message
}

pub async fn a_retry_returns_the_first_result(w: &World) {
    let (_, bob, room, message) = posted(w).await;
    assert_eq!(replays(w, bob, room).await, message);
    assert_eq!(replays(w, bob, room).await, message);
}

pub async fn n2_one_nonce_in_one_batch_posts_once(w: &World) {
    let (_, bob, room, _) = posted(w).await;
    let outcomes = w.batch((0..50).map(|_| (bob, room, named("two", "same"))).collect()).await;
    let mut seqs = outcomes.iter().map(|outcome| match &outcome.as_ref().unwrap().reply {
        Reply::Posted { message, .. } => message.seq,
        other => panic!("{other:?}"),
    });
    assert!(seqs.all(|seq| seq == 5));
    assert_eq!(w.head(room).await, 5);
}

pub async fn n2_one_nonce_in_parallel_posts_once(w: &World) {
    let (_, bob, room, _) = posted(w).await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (rooms, command) = (w.stores.rooms.clone(), w.command(bob, room, named("two", "same")));
        tries.spawn(async move { rooms.commit(vec![command]).await.unwrap().pop().unwrap().unwrap() });
    }
    let mut fresh = 0;
    while let Some(outcome) = tries.join_next().await {
        let Reply::Posted { message, duplicate } = outcome.unwrap().reply else { panic!() };
        assert_eq!(message.seq, 5);
        fresh += usize::from(!duplicate);
    }
    assert_eq!((fresh, w.head(room).await), (1, 5));
}

pub async fn a_retry_is_answered_to_the_muted(w: &World) {
    let (ann, bob, room, message) = posted(w).await;
    w.mutes(ann, room, bob, 60_000).await;
    refused!(w.does(bob, room, named("two", "new")).await, Refusal::Muted { .. });
    assert_eq!(replays(w, bob, room).await, message);
}

pub async fn a_retry_is_answered_in_slow_mode(w: &World) {
    let (ann, bob, room, _) = posted(w).await;
    let slow = RoomPatch { slow_mode_s: Some(60), ..RoomPatch::default() };
    w.ok(ann, room, Action::Update(slow)).await;
    w.ok(bob, room, named("two", "new")).await;
    refused!(w.does(bob, room, named("three", "newer")).await, Refusal::SlowMode { .. });
    replays(w, bob, room).await;
}

pub async fn a_retry_is_answered_to_the_kicked(w: &World) {
    let (ann, bob, room, message) = posted(w).await;
    w.ok(ann, room, Action::Remove(bob)).await;
    refused!(w.does(bob, room, named("two", "new")).await, Refusal::Forbidden(_));
    assert_eq!(replays(w, bob, room).await, message);
}

pub async fn a_retry_is_answered_to_the_banned(w: &World) {
    let (ann, bob, room, message) = posted(w).await;
    w.ok(ann, room, Action::Ban(bob)).await;
    refused!(w.does(bob, room, named("two", "new")).await, Refusal::Forbidden(_));
    assert_eq!(replays(w, bob, room).await, message);
}

pub async fn a_retry_is_answered_in_an_archived_room(w: &World) {
    let (ann, bob, room, message) = posted(w).await;
    let archive = RoomPatch { archived: Some(true), ..RoomPatch::default() };
    w.ok(ann, room, Action::Update(archive)).await;
    refused!(w.does(bob, room, named("two", "new")).await, Refusal::Forbidden(_));
    assert_eq!(replays(w, bob, room).await, message);
}

pub async fn a_retry_after_an_edit_returns_the_edited(w: &World) {
    let (_, bob, room, message) = posted(w).await;
    w.ok(bob, room, Action::Edit { seq: message.seq, text: text("hello!"), if_match: None }).await;
    let again = replays(w, bob, room).await;
    assert_eq!((again.seq, again.text.clone()), (message.seq, Some(text("hello!"))));
    refused!(w.does(bob, room, named("one", "hello!")).await, Refusal::NonceConflict);
}

pub async fn a_retry_after_a_deletion_returns_the_tombstone(w: &World) {
    let (ann, bob, room, message) = posted(w).await;
    w.ok(ann, room, Action::React { seq: message.seq, emoji: emoji("👍"), on: true }).await;
    w.ok(ann, room, Action::Delete { seq: message.seq, if_match: None }).await;
    let again = replays(w, bob, room).await;
    assert!(again.deleted && again.text.is_none());
    assert_eq!(again.seq, message.seq);
}

pub async fn a_retry_in_a_closed_room_is_not_found(w: &World) {
    let (ann, bob, room, _) = posted(w).await;
    w.ok(ann, room, Action::Close { if_match: None }).await;
    refused!(w.does(bob, room, named("one", "hello")).await, Refusal::NotFound);
}

pub async fn n3_other_content_under_a_nonce_is_a_conflict(w: &World) {
    let (_, bob, room, message) = posted(w).await;
    refused!(w.does(bob, room, named("one", "other")).await, Refusal::NonceConflict);
    let answer = Draft { nonce: Some(nonce("one")), reply_to: Some(message.seq), ..draft("hello") };
    refused!(w.does(bob, room, Action::Post(answer)).await, Refusal::NonceConflict);
    replays(w, bob, room).await;
}

pub async fn a_nonce_belongs_to_its_author_and_room(w: &World) {
    let (ann, bob, room, _) = posted(w).await;
    let other = w.room("other", &[ann, bob]).await;
    for (by, room, seq) in [(ann, room, 5), (bob, other, 4)] {
        let Reply::Posted { message, duplicate } = w.ok(by, room, named("one", "hello")).await.reply else { panic!() };
        assert_eq!((message.seq, duplicate), (seq, false));
    }
}

pub async fn without_a_nonce_the_same_text_is_posted_again(w: &World) {
    let (ann, _, room, _) = posted(w).await;
    assert_eq!((w.posts(ann, room, "same").await.seq, w.posts(ann, room, "same").await.seq), (5, 6));
    assert_eq!(w.message(ann, room, 5).await.nonce, None);
}
