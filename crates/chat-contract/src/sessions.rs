//! Clauses of the port for sessions: the chain of refresh tokens (RFC 9700 §4.14.2; security R1, R2).

use chat_domain::{
    ids::{SessionId, UserId},
    pages::PageOf,
    ports::{NewSession, PasswordHash, Rotation},
    refusal::Refusal,
    words::Device,
};

use crate::{World, digest, everything, refused};

/// Presents `token` and stores `successor` for another hour.
async fn presents(w: &World, token: u64, successor: u64) -> Rotation {
    let at = w.now();
    w.stores.sessions.rotate(digest(token), digest(successor), at, at.plus_millis(3_600_000)).await.unwrap()
}

fn rotated(rotation: &Rotation) -> bool {
    matches!(rotation, Rotation::Rotated { .. })
}

pub async fn a_sign_in_is_listed_with_its_times_and_device(w: &World) {
    let ann = w.user("ann").await;
    let (id, at) = (SessionId(w.id()), w.now());
    let (device, expires_at) = (Some(Device::parse("Ann's phone").unwrap()), at.plus_millis(1_000));
    let password = w.hash(ann).await;
    let new = NewSession { id, user: ann, password, device: device.clone(), refresh: digest(1), at, expires_at };
    w.stores.sessions.open(new).await.unwrap();
    let page = w.stores.sessions.list(ann, w.now(), everything()).await.unwrap();
    let session = &page.items[0];
    assert_eq!((session.id, &session.device, session.current), (id, &device, false));
    assert_eq!((session.created_at, session.refreshed_at, session.expires_at), (at, at, expires_at));
    let later = w.stores.sessions.list(ann, expires_at, everything()).await.unwrap();
    assert!(later.items.is_empty(), "expired at that very moment");
}

pub async fn nobody_signs_in_to_a_deleted_account(w: &World) {
    let ann = w.user("ann").await;
    w.stores.accounts.delete(ann, w.now()).await.unwrap();
    let at = w.now();
    for user in [ann, UserId(w.id())] {
        let (id, password) = (SessionId(w.id()), w.hash(user).await);
        let new = NewSession { id, user, password, device: None, refresh: digest(1), at, expires_at: at };
        refused!(w.stores.sessions.open(new).await, Refusal::NotFound);
    }
}

pub async fn nobody_signs_in_by_a_password_that_was_replaced_meanwhile(w: &World) {
    let ann = w.user("ann").await;
    let (kept, old, at) = (w.signs_in(ann, 1).await, w.hash(ann).await, w.now());
    let new = PasswordHash("of the new one".to_owned());
    w.stores.accounts.set_password(ann, new.clone(), kept, at).await.unwrap();
    let open = |password: PasswordHash, token: u64| {
        let expires_at = at.plus_millis(1_000);
        let refresh = digest(token);
        NewSession { id: SessionId(w.id()), user: ann, password, device: None, refresh, at, expires_at }
    };
    refused!(w.stores.sessions.open(open(old, 2)).await, Refusal::NotFound);
    w.stores.sessions.open(open(new, 3)).await.unwrap();
    assert_eq!(w.stores.sessions.list(ann, at, everything()).await.unwrap().items.len(), 2);
}

pub async fn sessions_are_listed_oldest_first_in_pages(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let mut opened = Vec::new();
    for token in 0..5 {
        opened.push(w.signs_in(ann, token).await);
        w.signs_in(bob, 100 + token).await;
    }
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = w.stores.sessions.list(ann, w.now(), PageOf { after, limit: 2 }).await.unwrap();
        assert!(page.items.len() <= 2);
        listed.extend(page.items.iter().map(|session| session.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, opened);
}

pub async fn a_refresh_token_leads_to_its_user_and_session(w: &World) {
    let ann = w.user("ann").await;
    let session = w.signs_in(ann, 1).await;
    let Rotation::Rotated { user, session: of } = presents(w, 1, 2).await else { panic!() };
    assert_eq!((user.id, of), (ann, session));
    assert!(user.username.is_some());
    assert!(rotated(&presents(w, 2, 3).await) && rotated(&presents(w, 3, 4).await));
}

pub async fn a_rotation_moves_the_end_of_the_session(w: &World) {
    let ann = w.user("ann").await;
    w.signs_in(ann, 1).await;
    let at = w.now().plus_millis(3_000_000);
    let expires_at = at.plus_millis(3_600_000);
    w.stores.sessions.rotate(digest(1), digest(2), at, expires_at).await.unwrap();
    let page = w.stores.sessions.list(ann, at.plus_millis(3_500_000), everything()).await.unwrap();
    assert_eq!((page.items[0].refreshed_at, page.items[0].expires_at), (at, expires_at));
}

pub async fn an_unknown_token_is_unknown(w: &World) {
    w.user("ann").await;
    assert_eq!(presents(w, 99, 100).await, Rotation::Unknown);
    assert_eq!(presents(w, 100, 101).await, Rotation::Unknown, "nothing was stored for it");
}

pub async fn an_expired_token_is_unknown(w: &World) {
    let ann = w.user("ann").await;
    w.signs_in(ann, 1).await;
    w.passes(3_600_000);
    assert_eq!(presents(w, 1, 2).await, Rotation::Unknown);
}

pub async fn r1_the_old_token_again_drops_the_unused_successor(w: &World) {
    let ann = w.user("ann").await;
    w.signs_in(ann, 1).await;
    assert!(rotated(&presents(w, 1, 2).await));
    assert!(rotated(&presents(w, 1, 3).await));
    assert!(rotated(&presents(w, 1, 4).await), "again and again");
    assert_eq!(presents(w, 2, 50).await, Rotation::Unknown, "dropped, and no reason to end the session");
    assert_eq!(presents(w, 3, 51).await, Rotation::Unknown);
    assert!(rotated(&presents(w, 4, 5).await), "the newest successor is good");
}

pub async fn r2_a_token_whose_successor_was_used_ends_the_session(w: &World) {
    let ann = w.user("ann").await;
    let session = w.signs_in(ann, 1).await;
    let other = w.signs_in(ann, 10).await;
    assert!(rotated(&presents(w, 1, 2).await) && rotated(&presents(w, 2, 3).await));
    let before = w.now();
    assert_eq!(presents(w, 1, 50).await, Rotation::Reused { user: ann, session });
    assert_eq!(presents(w, 3, 51).await, Rotation::Ended, "the whole family is gone");
    assert_eq!(presents(w, 2, 52).await, Rotation::Ended);
    assert_eq!(presents(w, 1, 53).await, Rotation::Ended, "told once");
    assert_eq!(presents(w, 50, 54).await, Rotation::Unknown, "no successor was stored");
    let ended = w.stores.sessions.ended_since(before).await.unwrap();
    assert_eq!(ended.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [session]);
    let left = w.stores.sessions.list(ann, w.now(), everything()).await.unwrap();
    assert_eq!(left.items.iter().map(|session| session.id).collect::<Vec<_>>(), [other]);
}

pub async fn r2_holds_however_long_the_chain_has_grown(w: &World) {
    let ann = w.user("ann").await;
    let session = w.signs_in(ann, 0).await;
    for token in 0..20 {
        assert!(rotated(&presents(w, token, token + 1).await));
    }
    assert!(rotated(&presents(w, 19, 21).await), "the previous one is no spent one");
    assert_eq!(presents(w, 20, 50).await, Rotation::Unknown);
    assert_eq!(presents(w, 7, 50).await, Rotation::Reused { user: ann, session });
}

pub async fn a_session_ends_once_and_only_by_its_user(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let session = w.signs_in(ann, 1).await;
    refused!(w.stores.sessions.end(bob, session, w.now()).await, Refusal::NotFound);
    w.stores.sessions.end(ann, session, w.now()).await.unwrap();
    refused!(w.stores.sessions.end(ann, session, w.now()).await, Refusal::NotFound);
    refused!(w.stores.sessions.end(ann, SessionId(w.id()), w.now()).await, Refusal::NotFound);
    assert_eq!(presents(w, 1, 2).await, Rotation::Ended);
    assert!(w.stores.sessions.list(ann, w.now(), everything()).await.unwrap().items.is_empty());
    let expired = w.signs_in(ann, 5).await;
    w.passes(3_600_000);
    refused!(w.stores.sessions.end(ann, expired, w.now()).await, Refusal::NotFound);
}

pub async fn all_but_one_session_of_a_user_end(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let (kept, other, third) = (w.signs_in(ann, 1).await, w.signs_in(ann, 2).await, w.signs_in(ann, 3).await);
    w.signs_in(bob, 4).await;
    let mut ended = w.stores.sessions.end_others(ann, kept, w.now()).await.unwrap();
    ended.sort();
    assert_eq!(ended, [other, third]);
    assert!(w.stores.sessions.end_others(ann, kept, w.now()).await.unwrap().is_empty());
    assert!(rotated(&presents(w, 1, 11).await) && rotated(&presents(w, 4, 14).await));
    assert_eq!(presents(w, 2, 12).await, Rotation::Ended);
}

pub async fn ended_sessions_are_told_from_that_moment_on(w: &World) {
    let ann = w.user("ann").await;
    let (first, second) = (w.signs_in(ann, 1).await, w.signs_in(ann, 2).await);
    w.signs_in(ann, 3).await;
    let (early, late) = (w.now(), w.now().plus_millis(10_000));
    w.stores.sessions.end(ann, first, early).await.unwrap();
    w.stores.sessions.end(ann, second, late).await.unwrap();
    let since = async |at| {
        let mut ended = w.stores.sessions.ended_since(at).await.unwrap();
        ended.sort();
        ended
    };
    assert_eq!(since(early).await, [(first, early), (second, late)]);
    assert_eq!(since(early.plus_millis(1)).await, [(second, late)]);
    assert_eq!(since(late).await, [(second, late)]);
    assert_eq!(since(late.plus_millis(1)).await, []);
}
