//! Clauses of messages: answers, edits, tombstones, pins, slow mode.

use chat_domain::{
    command::{Action, Draft, Reply, RoomPatch},
    objects::{Message, Role},
    refusal::Refusal,
};

use crate::{World, draft, emoji, named, refused, text};

pub async fn an_answer_names_a_message_of_the_room(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let (room, other) = (w.room("lobby", &[ann, bob]).await, w.room("other", &[ann]).await);
    let said = w.posts(ann, room, "question").await;
    w.posts(ann, other, "one").await;
    w.posts(ann, other, "two").await;
    let answer = |seq| Action::Post(Draft { reply_to: Some(seq), ..draft("answer") });
    let Reply::Posted { message, .. } = w.ok(bob, room, answer(said.seq)).await.reply else { panic!() };
    assert_eq!(message.reply_to, Some(said.seq));
    refused!(w.does(ann, other, answer(999)).await, Refusal::NotFound);
    refused!(w.does(ann, room, answer(1)).await, Refusal::NotFound);
    w.ok(ann, room, Action::Delete { seq: said.seq, if_match: None }).await;
    w.ok(bob, room, answer(said.seq)).await;
}

pub async fn s5_a_number_of_another_room_names_nothing_here(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let (long, short) = (w.room("long", &[ann]).await, w.room("short", &[bob]).await);
    for words in ["one", "two", "three"] {
        w.posts(ann, long, words).await;
    }
    for action in [
        Action::Post(Draft { reply_to: Some(4), ..draft("answer") }),
        Action::React { seq: 4, emoji: emoji("👍"), on: true },
        Action::Pin { seq: 4, on: true },
        Action::Edit { seq: 4, text: text("x"), if_match: None },
        Action::Delete { seq: 4, if_match: None },
    ] {
        refused!(w.does(bob, short, action).await, Refusal::NotFound);
    }
    refused!(w.stores.log.message(bob, short, 4).await, Refusal::NotFound);
}

pub async fn only_the_author_edits(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let said = w.posts(bob, room, "hey").await;
    let edit = |words: &str, if_match| Action::Edit { seq: said.seq, text: text(words), if_match };
    refused!(w.does(ann, room, edit("mine", None)).await, Refusal::Forbidden(_));
    refused!(w.does(bob, room, edit("hello", Some(1))).await, Refusal::PreconditionFailed { rev: 4 });
    let Reply::Message { message, changed: true } = w.ok(bob, room, edit("hello", Some(4))).await.reply else {
        panic!()
    };
    assert_eq!((message.seq, message.rev, message.at), (said.seq, 5, said.at));
    assert_eq!(message.text, Some(text("hello")));
    assert!(message.edited_at > Some(said.at));
    assert_eq!(w.message(bob, room, said.seq).await, *message);
}

pub async fn a_tombstone_keeps_its_number_and_forgets_what_was_said(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann, bob, eve]).await;
    let said = w.posts(bob, room, "secret for @ann").await;
    w.ok(eve, room, Action::React { seq: said.seq, emoji: emoji("👍"), on: true }).await;
    let delete = Action::Delete { seq: said.seq, if_match: None };
    refused!(w.does(eve, room, delete.clone()).await, Refusal::Forbidden(_));
    let stale = Action::Delete { seq: said.seq, if_match: Some(said.rev) };
    refused!(w.does(bob, room, stale).await, Refusal::PreconditionFailed { .. });
    w.ok(bob, room, delete.clone()).await;
    let Message { seq, rev, text: left, mentions, reactions, deleted, .. } = w.message(eve, room, said.seq).await;
    assert_eq!(
        (seq, rev, left, mentions, reactions, deleted),
        (said.seq, w.head(room).await, None, vec![], vec![], true)
    );
    assert!(w.ok(ann, room, delete).await.events.is_empty(), "deleting the deleted changes nothing");
    for action in [
        Action::Edit { seq: said.seq, text: text("x"), if_match: None },
        Action::Pin { seq: said.seq, on: true },
        Action::React { seq: said.seq, emoji: emoji("👍"), on: true },
        Action::React { seq: said.seq, emoji: emoji("👍"), on: false },
    ] {
        let by = if matches!(action, Action::Pin { .. }) { ann } else { bob };
        refused!(w.does(by, room, action).await, Refusal::Gone(_));
    }
}

pub async fn admins_delete_what_others_said(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let said = w.posts(bob, room, "hi").await;
    let outcome = w.ok(ann, room, Action::Delete { seq: said.seq, if_match: None }).await;
    assert_eq!(outcome.events[0].by, ann);
    assert_eq!(w.message(ann, room, said.seq).await.author, bob);
}

pub async fn a_room_has_fifty_pins_in_order(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let posts = w.batch((0..51).map(|_| (bob, room, Action::Post(draft("x")))).collect()).await;
    assert_eq!(posts.len(), 51);
    let pin = |seq, on| Action::Pin { seq, on };
    refused!(w.does(bob, room, pin(4, true)).await, Refusal::Forbidden(_));
    let mut expected: Vec<u64> = (4..54).rev().collect();
    w.batch(expected.iter().map(|seq| (ann, room, pin(*seq, true))).collect()).await;
    assert_eq!(w.state(room).await.pins, expected);
    refused!(w.does(ann, room, pin(54, true)).await, Refusal::Conflict(_));
    assert!(w.ok(ann, room, pin(10, true)).await.events.is_empty());
    w.ok(ann, room, pin(10, false)).await;
    w.ok(ann, room, pin(54, true)).await;
    expected.retain(|seq| *seq != 10);
    expected.push(54);
    assert_eq!(w.state(room).await.pins, expected);
}

pub async fn deleting_a_pinned_message_unpins_it(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.direct(ann, bob).await;
    let said = w.posts(ann, room, "hi").await;
    w.ok(bob, room, Action::Pin { seq: said.seq, on: true }).await;
    let outcome = w.ok(ann, room, Action::Delete { seq: said.seq, if_match: None }).await;
    assert_eq!(outcome.events.len(), 2);
    let state = w.state(room).await;
    assert_eq!((state.pins, state.rev), (vec![], w.head(room).await));
}

pub async fn slow_mode_spaces_the_posts_of_plain_members(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann, bob, eve]).await;
    w.gives(ann, room, eve, Role::Admin).await;
    w.posts(bob, room, "before slow mode").await;
    let slow = RoomPatch { slow_mode_s: Some(10), ..RoomPatch::default() };
    w.ok(ann, room, Action::Update(slow)).await;
    w.posts(bob, room, "one").await;
    w.posts(eve, room, "admins").await;
    w.posts(eve, room, "may").await;
    let Err(Refusal::SlowMode { retry_ms }) = w.does(bob, room, named("two", "two")).await else { panic!() };
    assert!((9_000..=10_000).contains(&retry_ms), "{retry_ms}");
    w.ok(bob, room, Action::Remove(bob)).await;
    w.ok(bob, room, Action::Join).await;
    refused!(w.does(bob, room, named("two", "two")).await, Refusal::SlowMode { .. });
    w.passes(i64::try_from(retry_ms).unwrap());
    w.ok(bob, room, named("two", "two")).await;
}
