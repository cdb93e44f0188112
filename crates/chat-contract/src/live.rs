//! Clauses of what a node needs to hold rooms live.

use chat_domain::{
    command::Action,
    ids::{RoomId, UserId},
};

use crate::World;

pub async fn a_live_snapshot_is_the_room_its_log_and_who_is_in(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann, bob, eve]).await;
    w.ok(bob, room, Action::Remove(bob)).await;
    w.fixture().raise_floor(room, 2).await;
    let live = w.stores.log.live(room).await.unwrap().unwrap();
    let mut present: Vec<UserId> = live.members.iter().map(|member| member.user).collect();
    present.sort();
    assert_eq!(present, [ann, eve]);
    assert_eq!((live.room.id, live.log.head, live.log.floor), (room, 5, 2));
    let view = w.stores.rooms.room(ann, room).await.unwrap();
    assert_eq!((live.room, live.log), (view.room, view.log));
    assert_eq!(w.stores.log.live(RoomId(w.id())).await.unwrap(), None);
}

pub async fn heads_are_told_of_the_rooms_that_are(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let (one, two) = (w.room("one", &[ann, bob]).await, w.room("two", &[ann]).await);
    let gone = w.room("gone", &[ann]).await;
    w.ok(ann, gone, Action::Close { if_match: None }).await;
    w.posts(bob, one, "hi").await;
    let mut heads = w.stores.log.heads(&[two, gone, RoomId(w.id()), one, two]).await.unwrap();
    heads.sort_by_key(|(room, _)| *room);
    assert_eq!(heads, [(one, w.log(one).await), (two, w.log(two).await)]);
    assert_eq!(heads.iter().map(|(_, log)| log.head).collect::<Vec<_>>(), [4, 2]);
    assert!(w.stores.log.heads(&[]).await.unwrap().is_empty());
}

pub async fn acquaintances_share_a_room_now(w: &World) {
    let [ann, bob, eve, zed, kim] = w.users(["ann", "bob", "eve", "zed", "kim"]).await;
    let room = w.room("lobby", &[ann, bob, eve]).await;
    w.room("two", &[ann, bob]).await;
    w.direct(ann, kim).await;
    w.room("foreign", &[zed, bob]).await;
    w.ok(eve, room, Action::Remove(eve)).await;
    let mut known = w.stores.log.acquaintances(ann, &[zed, kim, bob, eve, bob, UserId(w.id())]).await.unwrap();
    known.sort();
    assert_eq!(known, [bob, kim]);
    assert!(w.stores.log.acquaintances(eve, &[ann, bob]).await.unwrap().is_empty());
    assert!(w.stores.log.acquaintances(ann, &[]).await.unwrap().is_empty());
}

pub async fn a_store_that_can_serve_says_so(w: &World) {
    w.stores.log.ping().await.unwrap();
}
