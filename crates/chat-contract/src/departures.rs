//! Clauses of the deletion of an account.

use chat_domain::{
    command::{Action, Reply},
    event::{HintAbout, Object},
    objects::Role,
    ports::Rotation,
    refusal::Refusal,
    words::DisplayName,
};

use crate::{World, digest, everything, named, refused};

pub async fn a_deleted_user_loses_names_and_keeps_the_id(w: &World) {
    let ann = w.user("ann").await;
    w.stores.accounts.delete(ann, w.now()).await.unwrap();
    let (user, _) = w.stores.accounts.users(&[ann]).await.unwrap().pop().unwrap();
    assert_eq!((user.id, user.username, user.display_name, user.deleted), (ann, None, None, true));
    assert_eq!(w.stores.accounts.password(ann).await.unwrap(), None);
    let name = w.account("ann").username;
    assert_eq!(w.stores.accounts.credentials(&name).await.unwrap(), None);
    refused!(w.stores.accounts.delete(ann, w.now()).await, Refusal::NotFound);
    refused!(w.stores.accounts.rename(ann, DisplayName::parse("x").unwrap()).await, Refusal::NotFound);
    refused!(w.stores.rooms.sync(ann, w.now()).await, Refusal::NotFound);
}

pub async fn a_deleted_users_sessions_end(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let (one, other) = (w.signs_in(ann, 1).await, w.signs_in(ann, 2).await);
    w.signs_in(bob, 3).await;
    let at = w.now();
    let mut ended = w.stores.accounts.delete(ann, at).await.unwrap().sessions;
    ended.sort();
    assert_eq!(ended, [one, other]);
    let mut told = w.stores.sessions.ended_since(at).await.unwrap();
    told.sort();
    assert_eq!(told, [(one, at), (other, at)]);
    let rotated = w.stores.sessions.rotate(digest(1), digest(9), w.now(), w.now().plus_millis(1_000)).await.unwrap();
    assert_eq!(rotated, Rotation::Ended);
}

pub async fn a_deleted_user_leaves_every_room_with_a_member_change(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let rooms = [w.room("one", &[ann, bob]).await, w.private("two", &[bob, ann]).await, w.direct(ann, bob).await];
    let left = w.room("left", &[bob, ann]).await;
    w.ok(ann, left, Action::Remove(ann)).await;
    let said = w.posts(ann, rooms[0], "I was here").await;
    let departure = w.stores.accounts.delete(ann, w.now()).await.unwrap();
    let mut told: Vec<_> = departure.outcomes.iter().map(|outcome| outcome.events[0].room).collect();
    told.sort();
    assert_eq!(told, rooms);
    for outcome in &departure.outcomes {
        let Object::Member(gone) = &outcome.events[0].object else { panic!("{outcome:?}") };
        assert_eq!((gone.user, gone.is_in, gone.role, gone.rev), (ann, false, Role::Member, outcome.events[0].seq));
        assert_eq!(outcome.events[0].by, ann);
        let last = outcome.events.last().unwrap();
        assert_eq!(w.head(last.room).await, last.seq);
        assert_eq!(w.member(last.room, ann).await, None);
    }
    assert_eq!(w.message(bob, rooms[0], said.seq).await.author, ann, "messages stay");
}

pub async fn the_senior_admin_inherits_an_owners_room(w: &World) {
    let [ann, bob, eve, zed] = w.users(["ann", "bob", "eve", "zed"]).await;
    let room = w.room("lobby", &[ann]).await;
    for user in [bob, zed, eve] {
        w.passes(1_000);
        w.ok(user, room, Action::Join).await;
    }
    w.gives(ann, room, eve, Role::Admin).await;
    w.gives(ann, room, zed, Role::Admin).await;
    let before = w.hints(zed).await;
    let departure = w.stores.accounts.delete(ann, w.now()).await.unwrap();
    assert_eq!(w.member(room, zed).await.unwrap().role, Role::Owner);
    assert_eq!(w.member(room, eve).await.unwrap().role, Role::Admin);
    let outcome = &departure.outcomes[0];
    assert_eq!(outcome.events.len(), 2);
    assert_eq!((outcome.hints[0].user, outcome.hints[0].seq), (zed, before + 1));
    assert!(matches!(&outcome.hints[0].about, HintAbout::Rooms { member, .. } if member.role == Role::Owner));
}

pub async fn without_admins_the_senior_member_inherits(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann]).await;
    w.ok(eve, room, Action::Join).await;
    w.passes(1_000);
    w.ok(bob, room, Action::Join).await;
    w.stores.accounts.delete(ann, w.now()).await.unwrap();
    assert_eq!(w.member(room, eve).await.unwrap().role, Role::Owner);
    assert_eq!(w.member(room, bob).await.unwrap().role, Role::Member);
}

pub async fn a_deleted_user_may_do_nothing_any_more(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[bob, ann]).await;
    w.ok(ann, room, named("hi", "hi")).await;
    w.stores.accounts.delete(ann, w.now()).await.unwrap();
    refused!(w.does(ann, room, named("again", "again")).await, Refusal::Forbidden(_));
    refused!(w.stores.log.message(ann, room, 4).await, Refusal::Forbidden(_));
    let page = w.stores.rooms.rooms_of(ann, everything()).await.unwrap();
    assert!(page.items.is_empty());
}

pub async fn nobody_adds_or_bans_a_deleted_user(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.stores.accounts.delete(bob, w.now()).await.unwrap();
    let patch = chat_domain::command::MemberPatch { user: bob, role: None, muted_until: None };
    refused!(w.does(ann, room, Action::SetMember(patch)).await, Refusal::NotFound);
    refused!(w.does(ann, room, Action::Ban(bob)).await, Refusal::NotFound);
    let new = chat_domain::command::NewRoom {
        kind: chat_domain::objects::RoomKind::Direct,
        name: None,
        topic: None,
        members: vec![bob],
        nonce: None,
    };
    let id = chat_domain::ids::RoomId(w.id());
    refused!(w.does(ann, id, Action::Create(new)).await, Refusal::InvalidField { .. });
}

pub async fn a_pair_keeps_its_room_when_one_of_it_is_deleted(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.direct(ann, bob).await;
    w.stores.accounts.delete(bob, w.now()).await.unwrap();
    let said = w.ok(ann, room, named("alone", "anybody there?")).await;
    assert!(matches!(said.reply, Reply::Posted { duplicate: false, .. }));
    let live = w.stores.log.live(room).await.unwrap().unwrap();
    assert_eq!(live.members.iter().map(|member| member.user).collect::<Vec<_>>(), [ann]);
}
