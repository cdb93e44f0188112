//! Clauses of invites: by code into a room.

use chat_domain::{
    command::{Action, Outcome, Reply, RoomPatch},
    ids::{InviteId, RoomId, UserId},
    objects::{Invite, Role},
    pages::PageOf,
    refusal::Refusal,
};

use crate::{World, digest, everything, refused};

async fn den(w: &World) -> (UserId, UserId, UserId, RoomId) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    let room = w.private("den", &[ann]).await;
    (ann, bob, eve, room)
}

async fn invites(w: &World, ann: UserId, room: RoomId) -> Vec<Invite> {
    w.stores.rooms.invites(ann, room, everything()).await.unwrap().items
}

fn redeemed(outcome: &Outcome) -> (RoomId, UserId, bool) {
    match &outcome.reply {
        Reply::Redeemed { room, member } => (room.id, member.user, member.is_in),
        other => panic!("{other:?}"),
    }
}

pub async fn a_code_lets_into_a_private_room(w: &World) {
    let (ann, bob, _, room) = den(w).await;
    let invite = w.invite(ann, room);
    w.stores.rooms.invite(invite.clone(), digest(1)).await.unwrap();
    assert_eq!(invites(w, ann, room).await, [invite]);
    assert_eq!(w.stores.rooms.invited_to(digest(1)).await.unwrap(), Some(room));
    let outcome = w.ok(bob, room, Action::Redeem(digest(1))).await;
    assert_eq!(redeemed(&outcome), (room, bob, true));
    assert_eq!((outcome.events.len(), outcome.hints.len()), (1, 1));
    assert_eq!(w.line(bob, room).await.unwrap().read, outcome.events[0].seq);
    assert_eq!(invites(w, ann, room).await[0].uses, 1);
}

pub async fn who_is_in_already_uses_nothing_up(w: &World) {
    let (ann, _, _, room) = den(w).await;
    w.stores.rooms.invite(w.invite(ann, room), digest(1)).await.unwrap();
    let outcome = w.ok(ann, room, Action::Redeem(digest(1))).await;
    assert!(outcome.events.is_empty() && redeemed(&outcome).2);
    assert_eq!(invites(w, ann, room).await[0].uses, 0);
}

pub async fn a_spent_invite_is_gone_and_still_listed(w: &World) {
    let (ann, bob, eve, room) = den(w).await;
    let invite = Invite { max_uses: Some(1), ..w.invite(ann, room) };
    w.stores.rooms.invite(invite, digest(1)).await.unwrap();
    let redeem = || Action::Redeem(digest(1));
    let outcomes = w.batch(vec![(bob, room, redeem()), (eve, room, redeem()), (bob, room, redeem())]).await;
    assert_eq!(redeemed(outcomes[0].as_ref().unwrap()).1, bob);
    refused!(&outcomes[1], Refusal::Gone(_));
    assert!(outcomes[2].as_ref().unwrap().events.is_empty(), "in already");
    refused!(w.does(eve, room, redeem()).await, Refusal::Gone(_));
    assert_eq!(invites(w, ann, room).await[0].uses, 1);
    assert_eq!(w.stores.rooms.invited_to(digest(1)).await.unwrap(), Some(room));
}

pub async fn an_expired_invite_is_gone(w: &World) {
    let (ann, bob, eve, room) = den(w).await;
    let invite = Invite { expires_at: Some(w.now().plus_millis(1_000)), ..w.invite(ann, room) };
    w.stores.rooms.invite(invite, digest(1)).await.unwrap();
    w.ok(bob, room, Action::Redeem(digest(1))).await;
    w.passes(1_000);
    refused!(w.does(eve, room, Action::Redeem(digest(1))).await, Refusal::Gone(_));
}

pub async fn a_withdrawn_code_is_unknown(w: &World) {
    let (ann, bob, _, room) = den(w).await;
    let (invite, other) = (w.invite(ann, room), w.private("other", &[ann]).await);
    let id = invite.id;
    w.stores.rooms.invite(invite, digest(1)).await.unwrap();
    refused!(w.stores.rooms.withdraw(ann, other, id).await, Refusal::NotFound);
    refused!(w.stores.rooms.withdraw(ann, room, InviteId(w.id())).await, Refusal::NotFound);
    w.stores.rooms.withdraw(ann, room, id).await.unwrap();
    refused!(w.stores.rooms.withdraw(ann, room, id).await, Refusal::NotFound);
    assert_eq!(w.stores.rooms.invited_to(digest(1)).await.unwrap(), None);
    refused!(w.does(bob, room, Action::Redeem(digest(1))).await, Refusal::NotFound);
    assert!(invites(w, ann, room).await.is_empty());
}

pub async fn a_code_opens_no_other_room(w: &World) {
    let (ann, bob, _, room) = den(w).await;
    let other = w.private("other", &[ann]).await;
    w.stores.rooms.invite(w.invite(ann, room), digest(1)).await.unwrap();
    refused!(w.does(bob, other, Action::Redeem(digest(1))).await, Refusal::NotFound);
    refused!(w.does(bob, room, Action::Redeem(digest(2))).await, Refusal::NotFound);
    assert_eq!(w.stores.rooms.invited_to(digest(2)).await.unwrap(), None);
}

pub async fn a_code_lifts_no_ban(w: &World) {
    let (ann, bob, eve, room) = den(w).await;
    let public = w.room("lobby", &[ann]).await;
    for (room, code) in [(room, 1), (public, 2)] {
        w.stores.rooms.invite(w.invite(ann, room), digest(code)).await.unwrap();
        w.ok(ann, room, Action::Ban(bob)).await;
    }
    refused!(w.does(bob, room, Action::Redeem(digest(1))).await, Refusal::NotFound);
    refused!(w.does(bob, public, Action::Redeem(digest(2))).await, Refusal::Forbidden(_));
    w.ok(eve, public, Action::Redeem(digest(2))).await;
}

pub async fn nobody_comes_into_an_archived_room_by_a_code(w: &World) {
    let (ann, bob, _, room) = den(w).await;
    w.stores.rooms.invite(w.invite(ann, room), digest(1)).await.unwrap();
    let archive = RoomPatch { archived: Some(true), ..RoomPatch::default() };
    w.ok(ann, room, Action::Update(archive)).await;
    refused!(w.does(bob, room, Action::Redeem(digest(1))).await, Refusal::Forbidden(_));
    assert_eq!(invites(w, ann, room).await[0].uses, 0);
}

pub async fn invites_are_listed_by_id_in_pages(w: &World) {
    let (ann, bob, _, room) = den(w).await;
    w.gives(ann, room, bob, Role::Admin).await;
    let mut made = Vec::new();
    for code in 0..5 {
        let at = w.now();
        let invite = Invite { expires_at: Some(at), max_uses: Some(7), ..w.invite(bob, room) };
        w.stores.rooms.invite(invite.clone(), digest(code)).await.unwrap();
        made.push(invite);
    }
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = w.stores.rooms.invites(ann, room, PageOf { after, limit: 2 }).await.unwrap();
        assert!(page.items.len() <= 2);
        listed.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, made);
}
