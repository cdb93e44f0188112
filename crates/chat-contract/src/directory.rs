//! Clauses of the lists of rooms and of those in them: no item twice, none missing, no piece longer than asked.

use std::fmt::Debug;

use chat_domain::{
    command::{Action, RoomPatch},
    ids::RoomId,
    pages::{Page, PageOf},
    words::{RoomName, Topic},
};

use crate::{World, everything};

/// A whole list, read in pieces of every size from 1 to 4; each must give the same.
async fn whole<T: Clone + Debug + PartialEq, K: Clone>(ask: impl AsyncFn(PageOf<K>) -> Page<T, K>) -> Vec<T> {
    let mut lists = Vec::new();
    for limit in 1..=4 {
        let (mut after, mut list) = (None, Vec::new());
        loop {
            let page = ask(PageOf { after, limit }).await;
            assert!(page.items.len() <= limit, "{} items of {limit}", page.items.len());
            assert!(page.next.is_none() || page.items.len() == limit, "a short piece is the last one");
            list.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        lists.push(list);
    }
    assert!(lists.windows(2).all(|two| two[0] == two[1]), "{lists:?}");
    lists.remove(0)
}

pub async fn ones_rooms_are_listed_by_id(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let mut rooms = Vec::new();
    for name in ["one", "two", "three", "four", "five"] {
        rooms.push(w.room(name, &[ann]).await);
        w.room("foreign", &[bob]).await;
    }
    rooms.push(w.direct(bob, ann).await);
    let list = whole(async |page| w.stores.rooms.rooms_of(ann, page).await.unwrap()).await;
    assert_eq!(list.iter().map(|room| room.id).collect::<Vec<_>>(), rooms);
    assert_eq!(list[0], w.state(rooms[0]).await);
}

pub async fn members_are_listed_by_id_while_they_are_in(w: &World) {
    let [ann, bob, eve, zed, kim] = w.users(["ann", "bob", "eve", "zed", "kim"]).await;
    let room = w.room("lobby", &[zed, kim, ann, eve, bob]).await;
    w.ok(eve, room, Action::Remove(eve)).await;
    w.ok(zed, room, Action::Ban(kim)).await;
    let list = whole(async |page| w.stores.rooms.members(ann, room, page).await.unwrap()).await;
    assert_eq!(list.iter().map(|member| member.user).collect::<Vec<_>>(), [ann, bob, zed]);
    assert!(list.iter().all(|member| member.is_in && member.room == room));
}

pub async fn bans_are_listed_by_id(w: &World) {
    let [ann, bob, eve, zed, kim] = w.users(["ann", "bob", "eve", "zed", "kim"]).await;
    let room = w.room("lobby", &[zed, kim, ann]).await;
    for user in [kim, bob, eve] {
        w.ok(zed, room, Action::Ban(user)).await;
    }
    let list = whole(async |page| w.stores.rooms.bans(zed, room, page).await.unwrap()).await;
    assert_eq!(list.iter().map(|member| member.user).collect::<Vec<_>>(), [bob, eve, kim]);
}

pub async fn the_directory_lists_public_rooms_by_id(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let mut open: Vec<RoomId> = Vec::new();
    for name in ["one", "two", "three", "four", "five"] {
        open.push(w.room(name, &[ann]).await);
        w.private(name, &[ann]).await;
    }
    w.direct(ann, bob).await;
    for user in [ann, bob] {
        let list = whole(async |page| w.stores.rooms.directory(user, "", page).await.unwrap()).await;
        assert_eq!(list.iter().map(|room| room.id).collect::<Vec<_>>(), open);
    }
    w.ok(ann, open[1], Action::Ban(bob)).await;
    let archive = RoomPatch { archived: Some(true), ..RoomPatch::default() };
    w.ok(ann, open[2], Action::Update(archive)).await;
    let list = whole(async |page| w.stores.rooms.directory(bob, "", page).await.unwrap()).await;
    assert_eq!(list.iter().map(|room| room.id).collect::<Vec<_>>(), [open[0], open[3], open[4]]);
}

pub async fn the_directory_finds_parts_of_names_and_topics_without_case(w: &World) {
    let ann = w.user("ann").await;
    let (one, two) = (w.room("Кофе и Чай 100%", &[ann]).await, w.room("Tea_Room", &[ann]).await);
    let patch = RoomPatch {
        name: Some(Some(RoomName::parse("Tea_Room").unwrap())),
        topic: Some(Some(Topic::parse("Where LEAVES are \\ brewed").unwrap())),
        ..RoomPatch::default()
    };
    w.ok(ann, two, Action::Update(patch)).await;
    let found = async |query: &str| {
        let page = w.stores.rooms.directory(ann, query, everything()).await.unwrap();
        page.items.iter().map(|room| room.id).collect::<Vec<_>>()
    };
    assert_eq!(found("кофе").await, [one]);
    assert_eq!(found("ЧАЙ").await, [one]);
    assert_eq!(found("a_r").await, [two]);
    assert_eq!(found("leaves ARE").await, [two]);
    assert_eq!(found("%").await, [one], "no character means others");
    assert_eq!(found("_").await, [two]);
    assert_eq!(found("\\").await, [two]);
    assert_eq!(found("e_l").await, []);
    assert_eq!(found("coffee").await, []);
}
