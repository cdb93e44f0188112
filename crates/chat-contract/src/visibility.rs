//! Clauses of who may see what: a hidden room is not found, a known one is forbidden.

use chat_domain::{
    command::Action,
    ids::{RoomId, UserId},
    pages::{Cursor, Window},
    ports::Reader,
    refusal::Refusal,
};

use crate::{World, everything, refused};

/// Every question of a member about a room.
async fn questions(w: &World, reader: UserId, room: RoomId) -> Vec<Result<(), Refusal>> {
    let (rooms, log) = (&w.stores.rooms, &w.stores.log);
    let cursor = Cursor { epoch: None, after: 0 };
    vec![
        rooms.members(reader, room, everything()).await.map(drop),
        log.history(reader, room, Window::Latest, 10).await.map(drop),
        log.message(reader, room, 4).await.map(drop),
        log.reactions(reader, room, 4, None, everything()).await.map(drop),
        log.changes(Reader::User(reader), room, cursor, 10).await.map(drop),
    ]
}

/// Every question of an admin about a room.
async fn managing(w: &World, reader: UserId, room: RoomId) -> Vec<Result<(), Refusal>> {
    let invite = w.invite(reader, room);
    vec![
        w.stores.rooms.bans(reader, room, everything()).await.map(drop),
        w.stores.rooms.invites(reader, room, everything()).await.map(drop),
        w.stores.rooms.withdraw(reader, room, invite.id).await,
        w.stores.rooms.invite(invite, crate::digest(w.id().as_u64_pair().1)).await,
    ]
}

pub async fn a_member_reads_and_may_not_manage(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.private("den", &[ann, bob]).await;
    w.posts(ann, room, "hi").await;
    for answer in questions(w, bob, room).await {
        assert_eq!(answer, Ok(()));
    }
    for answer in managing(w, bob, room).await {
        refused!(answer, Refusal::Forbidden(_));
    }
    let view = w.stores.rooms.room(bob, room).await.unwrap();
    assert_eq!((view.room, view.log), (w.state(room).await, w.log(room).await));
    assert_eq!(view.member, w.member(room, bob).await);
}

pub async fn a_hidden_room_is_not_found_by_strangers_leavers_and_the_banned(w: &World) {
    let [ann, bob, eve, zed] = w.users(["ann", "bob", "eve", "zed"]).await;
    let room = w.private("den", &[ann, bob, eve]).await;
    w.posts(ann, room, "hi").await;
    w.ok(bob, room, Action::Remove(bob)).await;
    w.ok(ann, room, Action::Ban(eve)).await;
    for reader in [bob, eve, zed] {
        refused!(w.stores.rooms.room(reader, room).await, Refusal::NotFound);
        for answer in questions(w, reader, room).await.into_iter().chain(managing(w, reader, room).await) {
            refused!(answer, Refusal::NotFound);
        }
        refused!(w.does(reader, room, Action::Join).await, Refusal::NotFound);
    }
}

pub async fn a_public_room_is_known_to_strangers_and_read_by_members(w: &World) {
    let [ann, bob, zed] = w.users(["ann", "bob", "zed"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.posts(ann, room, "hi").await;
    w.ok(bob, room, Action::Remove(bob)).await;
    for reader in [bob, zed] {
        for answer in questions(w, reader, room).await.into_iter().chain(managing(w, reader, room).await) {
            refused!(answer, Refusal::Forbidden(_));
        }
    }
    let view = w.stores.rooms.room(zed, room).await.unwrap();
    assert_eq!((view.room.id, view.member), (room, None));
    let left = w.stores.rooms.room(bob, room).await.unwrap().member.unwrap();
    assert_eq!((left.user, left.is_in), (bob, false));
}

pub async fn the_banned_may_not_even_look_at_a_public_room(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.posts(ann, room, "hi").await;
    w.ok(ann, room, Action::Ban(bob)).await;
    refused!(w.stores.rooms.room(bob, room).await, Refusal::Forbidden(_));
    for answer in questions(w, bob, room).await.into_iter().chain(managing(w, bob, room).await) {
        refused!(answer, Refusal::Forbidden(_));
    }
}

pub async fn a_room_that_never_was_is_not_found(w: &World) {
    let ann = w.user("ann").await;
    let room = RoomId(w.id());
    refused!(w.stores.rooms.room(ann, room).await, Refusal::NotFound);
    for answer in questions(w, ann, room).await.into_iter().chain(managing(w, ann, room).await) {
        refused!(answer, Refusal::NotFound);
    }
}
