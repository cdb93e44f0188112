//! Clauses of coming in, going out, being put out, promoted, muted.

use chat_domain::{
    command::{Action, MemberPatch, Outcome, Reply},
    event::{Eviction, HintAbout},
    ids::{RoomId, UserId},
    objects::{Member, Role},
    refusal::Refusal,
};

use crate::{World, draft, everything, refused};

fn member(outcome: &Outcome) -> (&Member, bool) {
    match &outcome.reply {
        Reply::Member { member, came_in } => (member, *came_in),
        other => panic!("{other:?}"),
    }
}

async fn add(w: &World, by: UserId, room: RoomId, user: UserId) -> Result<Outcome, Refusal> {
    w.does(by, room, Action::SetMember(MemberPatch { user, role: None, muted_until: None })).await
}

async fn lobby(w: &World) -> (UserId, UserId, UserId, RoomId) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    (ann, bob, eve, room)
}

pub async fn who_joins_is_a_plain_member_who_has_read_everything(w: &World) {
    let (ann, _, eve, room) = lobby(w).await;
    w.posts(ann, room, "before").await;
    let outcome = w.ok(eve, room, Action::Join).await;
    let (joined, came_in) = member(&outcome);
    assert!(came_in && joined.is_in && joined.joined_at.is_some());
    assert_eq!((joined.role, joined.rev), (Role::Member, 5));
    assert!(matches!(&outcome.hints[0].about, HintAbout::Rooms { room: of, .. } if *of == room));
    let line = w.line(eve, room).await.unwrap();
    assert_eq!((line.read, line.unread), (5, 0));
    assert!(!member(&w.ok(eve, room, Action::Join).await).1);
}

pub async fn who_comes_back_is_a_plain_member(w: &World) {
    let (ann, bob, _, room) = lobby(w).await;
    w.gives(ann, room, bob, Role::Admin).await;
    let first = w.member(room, bob).await.unwrap().joined_at;
    w.passes(1_000);
    w.ok(bob, room, Action::Remove(bob)).await;
    w.posts(ann, room, "meanwhile").await;
    let outcome = w.ok(bob, room, Action::Join).await;
    let (back, came_in) = member(&outcome);
    assert!(came_in && back.joined_at > first);
    assert_eq!(back.role, Role::Member);
    assert_eq!(w.line(bob, room).await.unwrap().read, back.rev);
}

pub async fn a_mute_survives_leaving_and_coming_back(w: &World) {
    let (ann, bob, _, room) = lobby(w).await;
    w.mutes(ann, room, bob, 60_000).await;
    w.ok(bob, room, Action::Remove(bob)).await;
    w.ok(bob, room, Action::Join).await;
    refused!(w.does(bob, room, Action::Post(draft("hi"))).await, Refusal::Muted { .. });
    w.passes(60_000);
    w.posts(bob, room, "at last").await;
}

pub async fn a_mute_survives_a_ban(w: &World) {
    let (ann, bob, _, room) = lobby(w).await;
    w.mutes(ann, room, bob, 60_000).await;
    w.ok(ann, room, Action::Ban(bob)).await;
    w.ok(ann, room, Action::Unban(bob)).await;
    w.ok(bob, room, Action::Join).await;
    refused!(w.does(bob, room, Action::Post(draft("hi"))).await, Refusal::Muted { .. });
}

pub async fn a_mute_is_lifted(w: &World) {
    let (ann, bob, _, room) = lobby(w).await;
    w.mutes(ann, room, bob, 60_000).await;
    let patch = MemberPatch { user: bob, role: None, muted_until: Some(None) };
    w.ok(ann, room, Action::SetMember(patch)).await;
    w.posts(bob, room, "hi").await;
}

pub async fn who_leaves_is_out_and_told(w: &World) {
    let (ann, bob, _, room) = lobby(w).await;
    let outcome = w.ok(bob, room, Action::Remove(bob)).await;
    assert_eq!(outcome.events[0].evicts(), Some((bob, Eviction::Left)));
    assert_eq!(outcome.hints[0].user, bob);
    assert_eq!(w.member(room, bob).await, None);
    refused!(w.does(bob, room, Action::Post(draft("hi"))).await, Refusal::Forbidden(_));
    refused!(w.does(bob, room, Action::Remove(bob)).await, Refusal::NotFound);
    assert!(w.stores.rooms.rooms_of(bob, everything()).await.unwrap().items.is_empty());
    refused!(w.does(ann, room, Action::Remove(bob)).await, Refusal::NotFound);
}

pub async fn admins_kick_members_and_only_owners_touch_admins(w: &World) {
    let (ann, bob, eve, room) = lobby(w).await;
    add(w, ann, room, eve).await.unwrap();
    refused!(w.does(bob, room, Action::Remove(eve)).await, Refusal::Forbidden(_));
    w.gives(ann, room, bob, Role::Admin).await;
    let outcome = w.ok(bob, room, Action::Remove(eve)).await;
    assert_eq!(outcome.events[0].evicts(), Some((eve, Eviction::Kicked)));
    add(w, bob, room, eve).await.unwrap();
    refused!(w.does(bob, room, Action::Remove(ann)).await, Refusal::Forbidden(_));
    refused!(w.does(bob, room, Action::Ban(ann)).await, Refusal::Forbidden(_));
    let promote = MemberPatch { user: eve, role: Some(Role::Admin), muted_until: None };
    refused!(w.does(bob, room, Action::SetMember(promote)).await, Refusal::Forbidden(_));
    w.ok(ann, room, Action::Remove(bob)).await;
}

pub async fn a_new_role_is_told_to_its_holder(w: &World) {
    let (ann, bob, _, room) = lobby(w).await;
    let before = w.hints(bob).await;
    let outcome = w.gives(ann, room, bob, Role::Admin).await;
    assert_eq!((outcome.hints[0].user, outcome.hints[0].seq), (bob, before + 1));
    assert!(w.mutes(ann, room, bob, 1_000).await.hints.is_empty(), "a mute is no change of place");
}

pub async fn a_ban_removes_and_keeps_out(w: &World) {
    let (ann, bob, eve, room) = lobby(w).await;
    let outcome = w.ok(ann, room, Action::Ban(bob)).await;
    assert_eq!(outcome.events[0].evicts(), Some((bob, Eviction::Banned)));
    refused!(w.does(bob, room, Action::Join).await, Refusal::Forbidden(_));
    refused!(add(w, ann, room, bob).await, Refusal::Conflict(_));
    let again = w.ok(ann, room, Action::Ban(bob)).await;
    assert!(again.events.is_empty());
    let stranger = w.ok(ann, room, Action::Ban(eve)).await;
    assert_eq!(member(&stranger).0.joined_at, None);
    assert!(stranger.hints.is_empty(), "a stranger's world did not change");
    let banned = w.stores.rooms.bans(ann, room, everything()).await.unwrap();
    assert_eq!(banned.items.iter().map(|member| member.user).collect::<Vec<_>>(), [bob, eve]);
    assert!(banned.items.iter().all(|member| member.banned && !member.is_in));
}

pub async fn a_lifted_ban_lets_in_again(w: &World) {
    let (ann, bob, eve, room) = lobby(w).await;
    w.ok(ann, room, Action::Ban(bob)).await;
    w.ok(ann, room, Action::Unban(bob)).await;
    assert!(w.ok(ann, room, Action::Unban(bob)).await.events.is_empty());
    refused!(w.does(ann, room, Action::Unban(eve)).await, Refusal::NotFound);
    assert!(w.stores.rooms.bans(ann, room, everything()).await.unwrap().items.is_empty());
    assert!(member(&w.ok(bob, room, Action::Join).await).1);
}

pub async fn the_last_owner_stays_while_others_are_in(w: &World) {
    let (ann, bob, _, room) = lobby(w).await;
    refused!(w.does(ann, room, Action::Remove(ann)).await, Refusal::Conflict(_));
    let demote = MemberPatch { user: ann, role: Some(Role::Member), muted_until: None };
    refused!(w.does(ann, room, Action::SetMember(demote.clone())).await, Refusal::Conflict(_));
    w.gives(ann, room, bob, Role::Owner).await;
    w.ok(ann, room, Action::SetMember(demote)).await;
    refused!(w.does(bob, room, Action::Remove(bob)).await, Refusal::Conflict(_));
    w.ok(ann, room, Action::Remove(ann)).await;
    w.ok(bob, room, Action::Remove(bob)).await;
    assert!(w.stores.log.live(room).await.unwrap().unwrap().members.is_empty());
}

pub async fn a_direct_room_has_nothing_to_manage(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.direct(ann, bob).await;
    refused!(w.does(ann, room, Action::Remove(bob)).await, Refusal::Conflict(_));
    refused!(w.does(ann, room, Action::Remove(ann)).await, Refusal::Conflict(_));
    refused!(w.does(ann, room, Action::Ban(bob)).await, Refusal::Conflict(_));
    refused!(add(w, ann, room, eve).await, Refusal::Conflict(_));
    refused!(w.stores.rooms.bans(ann, room, everything()).await, Refusal::Conflict(_));
    refused!(w.stores.rooms.invite(w.invite(ann, room), crate::digest(1)).await, Refusal::Conflict(_));
    refused!(w.stores.rooms.invites(ann, room, everything()).await, Refusal::Conflict(_));
}
