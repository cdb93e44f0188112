//! Clauses of a room's own settings.

use chat_domain::{
    command::{Action, Reply, RoomPatch},
    objects::{Role, Room},
    refusal::Refusal,
    words::{RoomName, Topic},
};

use crate::{World, draft, everything, refused};

pub async fn a_patch_changes_what_it_names(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let (name, topic) = (RoomName::parse("Halle ☕").unwrap(), Topic::parse("Kaffee & Tee").unwrap());
    let patch = RoomPatch { name: Some(Some(name.clone())), topic: Some(Some(topic.clone())), ..RoomPatch::default() };
    refused!(w.does(bob, room, Action::Update(patch.clone())).await, Refusal::Forbidden(_));
    let Reply::Room { room: changed, changed: true } = w.ok(ann, room, Action::Update(patch)).await.reply else {
        panic!()
    };
    assert_eq!((&changed.name, &changed.topic, changed.rev), (&Some(name.clone()), &Some(topic), 4));
    assert_eq!(w.state(room).await, *changed);
    let clear = RoomPatch { topic: Some(None), slow_mode_s: Some(5), ..RoomPatch::default() };
    w.ok(ann, room, Action::Update(clear)).await;
    let Room { name: kept, topic, slow_mode_s, rev, .. } = w.state(room).await;
    assert_eq!((kept, topic, slow_mode_s, rev), (Some(name), None, 5, 5));
}

pub async fn a_stale_patch_is_refused(w: &World) {
    let ann = w.user("ann").await;
    let room = w.room("lobby", &[ann]).await;
    let patch =
        |if_match, slow| RoomPatch { slow_mode_s: Some(slow), if_match: Some(if_match), ..RoomPatch::default() };
    w.ok(ann, room, Action::Update(patch(1, 5))).await;
    refused!(w.does(ann, room, Action::Update(patch(1, 6))).await, Refusal::PreconditionFailed { rev: 3 });
    w.ok(ann, room, Action::Update(patch(3, 6))).await;
}

pub async fn an_archived_room_is_read_only_until_it_is_opened_again(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let said = w.posts(bob, room, "hi").await;
    let archive = |archived| Action::Update(RoomPatch { archived: Some(archived), ..RoomPatch::default() });
    w.ok(ann, room, archive(true)).await;
    for (by, action) in [
        (bob, Action::Post(draft("x"))),
        (bob, Action::Edit { seq: said.seq, text: crate::text("x"), if_match: None }),
        (bob, Action::Delete { seq: said.seq, if_match: None }),
        (bob, Action::React { seq: said.seq, emoji: crate::emoji("👍"), on: true }),
        (ann, Action::Pin { seq: said.seq, on: true }),
        (eve, Action::Join),
        (ann, Action::Update(RoomPatch { slow_mode_s: Some(9), ..RoomPatch::default() })),
    ] {
        refused!(w.does(by, room, action).await, Refusal::Forbidden(_));
    }
    refused!(w.stores.rooms.invite(w.invite(ann, room), crate::digest(1)).await, Refusal::Forbidden(_));
    assert_eq!(w.message(bob, room, said.seq).await.seq, said.seq, "it can be read");
    w.ok(bob, room, Action::Read(999)).await;
    assert!(w.stores.rooms.directory(eve, "", everything()).await.unwrap().items.is_empty());
    w.ok(ann, room, archive(false)).await;
    w.posts(bob, room, "again").await;
    assert_eq!(w.member(room, ann).await.unwrap().role, Role::Owner);
}
