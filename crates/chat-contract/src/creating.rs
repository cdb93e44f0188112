//! Clauses of making rooms: replays by nonce, one room per pair.

use chat_domain::{
    command::{Action, NewRoom, Outcome, Reply, RoomPatch},
    ids::{RoomId, UserId},
    objects::{Role, Room, RoomKind},
    refusal::Refusal,
    words::RoomName,
};

use crate::{World, everything, nonce, refused};

fn lobby(name: &str, members: &[UserId]) -> NewRoom {
    NewRoom {
        kind: RoomKind::Private,
        name: Some(RoomName::parse(name).unwrap()),
        topic: None,
        members: members.to_vec(),
        nonce: Some(nonce("make")),
    }
}

fn pair(other: UserId) -> NewRoom {
    NewRoom { kind: RoomKind::Direct, name: None, topic: None, members: vec![other], nonce: None }
}

async fn makes(w: &World, by: UserId, new: NewRoom) -> Outcome {
    w.ok(by, RoomId(w.id()), Action::Create(new)).await
}

fn made(outcome: &Outcome) -> (&Room, bool) {
    match &outcome.reply {
        Reply::Room { room, changed } => (room, *changed),
        other => panic!("{other:?}"),
    }
}

pub async fn asking_again_under_a_nonce_makes_no_second_room(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let first = makes(w, ann, lobby("lobby", &[bob, eve])).await;
    let again = makes(w, ann, lobby("lobby", &[eve, bob])).await;
    assert_eq!(made(&first).0, made(&again).0);
    assert_eq!((made(&first).1, made(&again).1), (true, false));
    assert!(again.events.is_empty() && again.hints.is_empty());
    assert_eq!(w.stores.rooms.rooms_of(ann, everything()).await.unwrap().items.len(), 1);
}

pub async fn a_replay_returns_the_room_as_it_is_now(w: &World) {
    let ann = w.user("ann").await;
    let first = makes(w, ann, lobby("lobby", &[])).await;
    let room = made(&first).0.id;
    let patch = RoomPatch { name: Some(Some(RoomName::parse("hall").unwrap())), ..RoomPatch::default() };
    let new = RoomId(w.id());
    let outcomes =
        w.batch(vec![(ann, room, Action::Update(patch)), (ann, new, Action::Create(lobby("lobby", &[])))]).await;
    let (found, changed) = made(outcomes[1].as_ref().unwrap());
    assert_eq!((found.id, found.rev, changed), (room, 3, false), "also what the same batch did to it");
    assert_eq!(found.name.as_ref().unwrap().as_str(), "hall");
}

pub async fn other_content_under_a_rooms_nonce_is_a_conflict(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    makes(w, ann, lobby("lobby", &[])).await;
    for other in [lobby("other", &[]), lobby("lobby", &[bob])] {
        refused!(w.does(ann, RoomId(w.id()), Action::Create(other)).await, Refusal::NonceConflict);
    }
    assert!(made(&makes(w, bob, lobby("lobby", &[])).await).1, "somebody else's nonce is another");
}

pub async fn two_creations_under_one_nonce_in_one_batch_make_one_room(w: &World) {
    let ann = w.user("ann").await;
    let (one, two) = (RoomId(w.id()), RoomId(w.id()));
    let outcomes = w
        .batch(vec![(ann, one, Action::Create(lobby("lobby", &[]))), (ann, two, Action::Create(lobby("lobby", &[])))])
        .await;
    assert_eq!(made(outcomes[1].as_ref().unwrap()).0.id, one);
    assert_eq!(w.stores.log.live(two).await.unwrap(), None);
}

pub async fn a_pair_has_one_direct_room(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let first = makes(w, ann, pair(bob)).await;
    let second = makes(w, bob, pair(ann)).await;
    assert_eq!((made(&first).0.id, made(&second).1), (made(&second).0.id, false));
    let named = NewRoom { nonce: Some(nonce("pair")), ..pair(bob) };
    assert_eq!(made(&makes(w, ann, named).await).0.id, made(&first).0.id);
    assert!(made(&makes(w, ann, pair(eve)).await).1);
    let (one, two) = (RoomId(w.id()), RoomId(w.id()));
    let outcomes = w.batch(vec![(bob, one, Action::Create(pair(eve))), (eve, two, Action::Create(pair(bob)))]).await;
    assert_eq!(made(outcomes[1].as_ref().unwrap()).0.id, one, "in one batch as well");
}

pub async fn a_pairs_members_are_equal(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.direct(ann, bob).await;
    for user in [ann, bob] {
        assert_eq!(w.member(room, user).await.unwrap().role, Role::Member);
    }
}

pub async fn a_nonce_is_looked_up_before_the_pair(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let first = makes(w, ann, lobby("lobby", &[])).await;
    let named = NewRoom { nonce: Some(nonce("make")), ..pair(bob) };
    refused!(w.does(ann, RoomId(w.id()), Action::Create(named)).await, Refusal::NonceConflict);
    assert!(made(&first).1);
}

pub async fn closing_frees_the_nonce(w: &World) {
    let ann = w.user("ann").await;
    let first = made(&makes(w, ann, lobby("lobby", &[])).await).0.id;
    w.ok(ann, first, Action::Close { if_match: None }).await;
    let second = makes(w, ann, lobby("other", &[])).await;
    assert!(made(&second).1);
    let third = RoomId(w.id());
    let outcomes = w
        .batch(vec![
            (ann, made(&second).0.id, Action::Close { if_match: None }),
            (ann, third, Action::Create(lobby("third", &[]))),
        ])
        .await;
    assert_eq!(made(outcomes[1].as_ref().unwrap()).0.id, third, "in one batch as well");
}

pub async fn nobody_makes_a_room_with_people_who_are_not(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let nobody = UserId(w.id());
    let room = RoomId(w.id());
    refused!(w.does(ann, room, Action::Create(lobby("lobby", &[bob, nobody]))).await, Refusal::InvalidField { .. });
    refused!(w.does(nobody, room, Action::Create(lobby("lobby", &[]))).await, Refusal::Unauthenticated);
    assert_eq!(w.stores.log.live(room).await.unwrap(), None);
}

pub async fn a_closed_room_is_nowhere_any_more(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.posts(ann, room, "last words").await;
    let code = crate::digest(1);
    w.stores.rooms.invite(w.invite(ann, room), code).await.unwrap();
    let (anns, bobs) = (w.hints(ann).await, w.hints(bob).await);
    refused!(w.does(bob, room, Action::Close { if_match: None }).await, Refusal::Forbidden(_));
    let outcome = w.ok(ann, room, Action::Close { if_match: None }).await;
    assert!(outcome.closed && outcome.events.is_empty());
    let mut told: Vec<_> = outcome.hints.iter().map(|hint| (hint.user, hint.seq)).collect();
    told.sort();
    assert_eq!(told, [(ann, anns + 1), (bob, bobs + 1)]);
    for user in [ann, bob] {
        refused!(w.stores.rooms.room(user, room).await, Refusal::NotFound);
        refused!(w.stores.log.message(user, room, 4).await, Refusal::NotFound);
        refused!(w.does(user, room, Action::Read(1)).await, Refusal::NotFound);
        assert!(w.stores.rooms.rooms_of(user, everything()).await.unwrap().items.is_empty());
        assert_eq!(w.line(user, room).await, None);
        assert!(w.stores.rooms.directory(user, "", everything()).await.unwrap().items.is_empty());
    }
    assert!(w.stores.log.heads(&[room]).await.unwrap().is_empty());
    assert_eq!(w.stores.rooms.invited_to(code).await.unwrap(), None);
    assert!(w.stores.log.acquaintances(ann, &[bob]).await.unwrap().is_empty());
    let departure = w.stores.accounts.delete(bob, w.now()).await.unwrap();
    assert!(departure.outcomes.is_empty());
}
