//! Clauses of read markers and of the first paint, whose counts are derived from them and the log.

use chat_domain::{
    command::{Action, Reply},
    event::HintAbout,
    ids::{RoomId, Seq, UserId},
    refusal::Refusal,
};

use crate::{World, draft, refused};

async fn reads(w: &World, by: UserId, room: RoomId, seq: Seq) -> (Seq, usize) {
    let outcome = w.ok(by, room, Action::Read(seq)).await;
    assert!(outcome.events.is_empty(), "a marker takes no number of the room");
    match outcome.reply {
        Reply::Read { seq } => (seq, outcome.hints.len()),
        other => panic!("{other:?}"),
    }
}

pub async fn a_marker_only_moves_forward_and_never_beyond_the_head(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    for words in ["one", "two", "three"] {
        w.posts(ann, room, words).await;
    }
    assert_eq!(reads(w, bob, room, 5).await, (5, 1));
    assert_eq!(reads(w, bob, room, 4).await, (5, 0));
    assert_eq!(reads(w, bob, room, 5).await, (5, 0));
    assert_eq!(reads(w, bob, room, 999).await, (6, 1));
    assert_eq!(w.line(bob, room).await.unwrap().read, 6);
    assert_eq!(w.line(ann, room).await.unwrap().read, 3, "the markers of others stay");
}

pub async fn a_moved_marker_is_told_to_its_user(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.posts(ann, room, "one").await;
    let before = w.hints(bob).await;
    let outcome = w.ok(bob, room, Action::Read(4)).await;
    assert_eq!((outcome.hints[0].user, outcome.hints[0].seq), (bob, before + 1));
    assert_eq!(outcome.hints[0].about, HintAbout::Read { room, seq: 4 });
}

pub async fn strangers_have_no_marker(w: &World) {
    let [ann, eve] = w.users(["ann", "eve"]).await;
    let (room, hidden) = (w.room("lobby", &[ann]).await, w.private("den", &[ann]).await);
    refused!(w.does(eve, room, Action::Read(1)).await, Refusal::Forbidden(_));
    refused!(w.does(eve, hidden, Action::Read(1)).await, Refusal::NotFound);
}

pub async fn unread_counts_messages_of_others_after_the_marker(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let first = w.posts(ann, room, "one @bob").await;
    w.posts(ann, room, "two @room and @bob").await;
    w.posts(bob, room, "mine @bob").await;
    w.posts(ann, room, "three").await;
    let counts = async |user| {
        let line = w.line(user, room).await.unwrap();
        (line.unread, line.mentions)
    };
    assert_eq!(counts(bob).await, (3, 2));
    assert_eq!(counts(ann).await, (1, 0));
    w.ok(ann, room, Action::Delete { seq: first.seq, if_match: None }).await;
    assert_eq!(counts(bob).await, (2, 1));
    reads(w, bob, room, 5).await;
    assert_eq!(counts(bob).await, (1, 0));
    reads(w, bob, room, 999).await;
    assert_eq!(counts(bob).await, (0, 0));
}

pub async fn counts_stop_at_a_hundred(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let post = |words: &str| (ann, room, Action::Post(draft(words)));
    w.batch((0..99).map(|_| post("hi @bob")).collect()).await;
    let line = w.line(bob, room).await.unwrap();
    assert_eq!((line.unread, line.mentions), (99, 99));
    w.batch((0..20).map(|_| post("hi")).chain([post("@bob"), post("@bob")]).collect()).await;
    let line = w.line(bob, room).await.unwrap();
    assert_eq!((line.unread, line.mentions), (100, 100), "mentions are of all that is unread");
}

pub async fn the_first_paint_is_every_room_of_the_user_by_id(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let rooms = [w.room("one", &[ann]).await, w.private("two", &[ann, bob]).await, w.direct(ann, bob).await];
    let left = w.room("left", &[bob, ann]).await;
    w.ok(ann, left, Action::Remove(ann)).await;
    w.room("foreign", &[bob]).await;
    let paint = w.stores.rooms.sync(ann, w.now()).await.unwrap();
    assert_eq!(paint.rooms.iter().map(|line| line.room.id).collect::<Vec<_>>(), rooms);
    assert_eq!((paint.user.id, paint.seq), (ann, w.hints(ann).await));
    for line in &paint.rooms {
        let live = w.stores.log.live(line.room.id).await.unwrap().unwrap();
        assert_eq!((&line.room, &line.log), (&live.room, &live.log));
        assert_eq!(Some(&line.member), live.members.iter().find(|member| member.user == ann));
        assert_eq!((line.unread, line.mentions, &line.last), (0, 0, &None));
        assert_eq!(
            line.peer,
            (line.room.id == rooms[2]).then_some(bob),
            "a direct room names the other one, no other room does"
        );
    }
    refused!(w.stores.rooms.sync(UserId(w.id()), w.now()).await, Refusal::NotFound);
}

pub async fn the_last_message_is_the_newest_that_is_not_deleted(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.ok(ann, room, crate::named("first", "first")).await;
    let second = w.posts(bob, room, "second").await;
    assert_eq!(w.line(ann, room).await.unwrap().last.unwrap().seq, second.seq);
    w.ok(bob, room, Action::Delete { seq: second.seq, if_match: None }).await;
    let (mine, theirs) =
        (w.line(ann, room).await.unwrap().last.unwrap(), w.line(bob, room).await.unwrap().last.unwrap());
    assert_eq!((mine.seq, mine.nonce.is_some(), theirs.nonce), (4, true, None));
}
