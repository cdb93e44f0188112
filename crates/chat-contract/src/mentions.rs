//! Clauses of mentions: who is named by a text.

use chat_domain::{
    command::Action,
    objects::{Message, Role},
};

use crate::{World, text};

pub async fn members_are_mentioned_and_others_are_not(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let said = w.posts(ann, room, "hi @bob. and @Ann, @eve and @nobody; not mail@bob.example").await;
    assert_eq!(said.mentions, [ann, bob]);
    assert_eq!(w.message(bob, room, said.seq).await.mentions, [ann, bob]);
    w.ok(eve, room, Action::Join).await;
    assert_eq!(w.posts(ann, room, "hi @eve").await.mentions, [eve]);
    w.ok(eve, room, Action::Remove(eve)).await;
    assert!(w.posts(ann, room, "hi @eve").await.mentions.is_empty());
}

pub async fn admins_mention_the_room(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    assert!(w.posts(ann, room, "all of you, @room!").await.mentions_room);
    assert!(!w.posts(bob, room, "@room").await.mentions_room);
    w.gives(ann, room, bob, Role::Admin).await;
    let said = w.posts(bob, room, "@room").await;
    assert!(w.message(ann, room, said.seq).await.mentions_room);
}

pub async fn an_edit_replaces_the_mentions(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann, bob, eve]).await;
    let said = w.posts(ann, room, "hi @bob @room").await;
    w.ok(ann, room, Action::Edit { seq: said.seq, text: text("hi @eve"), if_match: None }).await;
    let Message { mentions, mentions_room, .. } = w.message(bob, room, said.seq).await;
    assert_eq!((mentions, mentions_room), (vec![eve], false));
    assert_eq!(w.line(bob, room).await.unwrap().mentions, 0);
    assert_eq!(w.line(eve, room).await.unwrap().mentions, 1);
}

pub async fn a_deleted_users_name_is_mentioned_no_more(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.stores.accounts.delete(bob, w.now()).await.unwrap();
    assert!(w.posts(ann, room, "where is @bob").await.mentions.is_empty());
}
