//! Clauses of the commit: numbers, batches, hints.

use chat_domain::{
    command::{Action, NewRoom, Outcome, Reply},
    ids::{RoomId, UserId},
    objects::{Role, RoomKind},
    refusal::Refusal,
    words::RoomName,
};

use crate::{World, draft, emoji, named, refused};

fn post(words: &str) -> Action {
    Action::Post(draft(words))
}

fn numbers(outcomes: &[Result<Outcome, Refusal>]) -> Vec<u64> {
    outcomes.iter().flatten().flat_map(|outcome| outcome.events.iter().map(|event| event.seq)).collect()
}

pub async fn a_room_begins_with_itself_and_its_people_at_one(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = RoomId(w.id());
    let new = NewRoom {
        kind: RoomKind::Public,
        name: Some(RoomName::parse("lobby").unwrap()),
        topic: None,
        members: vec![bob],
        nonce: None,
    };
    let outcome = w.ok(ann, room, Action::Create(new)).await;
    assert_eq!(outcome.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(outcome.events.iter().all(|event| event.seq == event.object.rev() && event.by == ann));
    let log = w.log(room).await;
    assert_eq!((log.head, log.floor), (3, 0));
    assert_eq!(w.member(room, ann).await.unwrap().role, Role::Owner);
    assert_eq!(w.member(room, bob).await.unwrap().role, Role::Member);
}

pub async fn numbers_of_a_room_have_no_holes(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let (one, two) = (w.room("one", &[ann, bob]).await, w.room("two", &[bob, ann]).await);
    let outcomes = w
        .batch(vec![
            (ann, one, post("a")),
            (bob, two, post("b")),
            (bob, one, Action::React { seq: 4, emoji: emoji("👍"), on: true }),
            (ann, two, post("c")),
            (ann, one, Action::Edit { seq: 4, text: crate::text("a!"), if_match: None }),
        ])
        .await;
    let of = |room| {
        let events = outcomes.iter().flatten().flat_map(|outcome| outcome.events.clone());
        events.filter(|event| event.room == room).map(|event| event.seq).collect::<Vec<_>>()
    };
    assert_eq!((of(one), of(two)), (vec![4, 5, 6], vec![4, 5]));
    assert_eq!((w.head(one).await, w.head(two).await), (6, 5));
    assert_eq!(w.posts(bob, one, "d").await.seq, 7);
}

pub async fn answers_stand_in_the_places_of_their_commands(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let (one, two) = (w.room("one", &[ann]).await, w.room("two", &[bob]).await);
    let outcomes = w.batch(vec![(bob, two, post("b")), (bob, one, post("x")), (ann, one, post("a"))]).await;
    let said = |outcome: &Result<Outcome, Refusal>| match &outcome.as_ref().unwrap().reply {
        Reply::Posted { message, .. } => message.text.clone().unwrap().to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!((said(&outcomes[0]).as_str(), said(&outcomes[2]).as_str()), ("b", "a"));
    refused!(&outcomes[1], Refusal::Forbidden(_));
}

pub async fn an_empty_batch_is_answered(w: &World) {
    assert!(w.batch(Vec::new()).await.is_empty());
}

pub async fn a_refused_command_changes_nothing_and_spoils_no_other(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let nowhere = RoomId(w.id());
    let outcomes = w
        .batch(vec![
            (ann, room, post("one")),
            (eve, room, post("not in")),
            (bob, room, Action::Remove(ann)),
            (bob, nowhere, post("nowhere")),
            (bob, room, Action::React { seq: 999, emoji: emoji("👍"), on: true }),
            (bob, room, post("two")),
        ])
        .await;
    assert_eq!(numbers(&outcomes), [4, 5]);
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, false, false, true]);
    refused!(&outcomes[3], Refusal::NotFound);
    assert_eq!(w.head(room).await, 5);
    assert!(w.member(room, ann).await.is_some());
}

pub async fn a_command_sees_what_those_before_it_in_the_batch_did(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann]).await;
    let outcomes = w
        .batch(vec![
            (bob, room, post("too early")),
            (bob, room, Action::Join),
            (bob, room, named("hello-it-is-me", "hello @ann and @eve")),
            (eve, room, Action::Join),
            (ann, room, Action::React { seq: 4, emoji: emoji("👋"), on: true }),
            (bob, room, named("hello-it-is-me", "hello @ann and @eve")),
            (ann, room, post("welcome @bob and @eve")),
            (ann, room, Action::Remove(bob)),
            (bob, room, post("too late")),
            (ann, room, post("bye @bob")),
        ])
        .await;
    assert_eq!(numbers(&outcomes), [3, 4, 5, 6, 7, 8, 9]);
    let mentions = |place: usize| match &outcomes[place].as_ref().unwrap().reply {
        Reply::Posted { message, duplicate } => (message.mentions.clone(), message.seq, *duplicate),
        other => panic!("{other:?}"),
    };
    assert_eq!(mentions(2), (vec![ann], 4, false));
    assert_eq!(mentions(5), (vec![ann], 4, true));
    assert_eq!(mentions(6), (vec![bob, eve], 7, false), "who came in just before is mentioned");
    assert_eq!(mentions(9), (vec![], 9, false), "who was put out just before is not");
    refused!(&outcomes[0], Refusal::Forbidden(_));
    refused!(&outcomes[8], Refusal::Forbidden(_));
}

pub async fn one_batch_makes_a_room_and_talks_in_it_and_closes_it(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = RoomId(w.id());
    let new = NewRoom { kind: RoomKind::Private, name: None, topic: None, members: vec![bob], nonce: None };
    let outcomes = w
        .batch(vec![
            (ann, room, Action::Create(new)),
            (bob, room, post("hi @ann")),
            (bob, room, Action::Read(4)),
            (ann, room, Action::Close { if_match: None }),
            (bob, room, post("hello?")),
        ])
        .await;
    assert_eq!(numbers(&outcomes), [1, 2, 3, 4]);
    assert!(outcomes[3].as_ref().unwrap().closed);
    refused!(&outcomes[4], Refusal::NotFound);
    assert_eq!(w.stores.log.live(room).await.unwrap(), None);
}

pub async fn a_change_that_changes_nothing_takes_no_number(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let said = w.posts(bob, room, "hi").await;
    w.ok(bob, room, Action::React { seq: said.seq, emoji: emoji("👍"), on: true }).await;
    let head = w.head(room).await;
    for (by, action) in [
        (bob, Action::Join),
        (bob, Action::Edit { seq: said.seq, text: crate::text("hi"), if_match: None }),
        (bob, Action::React { seq: said.seq, emoji: emoji("👍"), on: true }),
        (ann, Action::React { seq: said.seq, emoji: emoji("👍"), on: false }),
        (ann, Action::Pin { seq: said.seq, on: false }),
        (ann, Action::Update(chat_domain::command::RoomPatch::default())),
        (ann, Action::Read(head)),
    ] {
        assert_eq!(w.ok(by, room, action.clone()).await.events, [], "{action:?}");
    }
    assert_eq!(w.head(room).await, head);
}

pub async fn hints_are_numbered_per_user_without_holes(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let rooms = [w.room("one", &[ann, bob]).await, w.room("two", &[ann]).await];
    assert_eq!((w.hints(ann).await, w.hints(bob).await), (2, 1));
    w.posts(ann, rooms[0], "one").await;
    let outcomes = w
        .batch(vec![
            (bob, rooms[1], Action::Join),
            (bob, rooms[0], Action::Read(4)),
            (bob, rooms[0], Action::Remove(ann)),
            (ann, rooms[0], Action::Remove(bob)),
            (ann, rooms[1], Action::Remove(bob)),
        ])
        .await;
    let of = |user: UserId| {
        let hints = outcomes.iter().flatten().flat_map(|outcome| outcome.hints.clone());
        hints.filter(|hint| hint.user == user).map(|hint| hint.seq).collect::<Vec<_>>()
    };
    assert_eq!((of(ann), of(bob)), (vec![], vec![2, 3, 4, 5]));
    assert_eq!(w.hints(bob).await, 5);
    let paint = w.stores.rooms.sync(bob, w.now()).await.unwrap();
    assert_eq!(paint.seq, 5);
}

pub async fn the_outcome_of_a_change_is_what_readers_find(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let said = w.posts(ann, room, "hi @bob, see\n\t«this» 👋 — и это").await;
    assert_eq!(w.message(ann, room, said.seq).await, *said);
    let outcome = w.mutes(ann, room, bob, 60_000).await;
    let Reply::Member { member, came_in: false } = outcome.reply else { panic!() };
    assert_eq!(w.member(room, bob).await.unwrap(), *member);
}
