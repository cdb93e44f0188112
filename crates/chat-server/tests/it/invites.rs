//! Invites: codes that are shown once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{has, names, spawn_app};

#[tokio::test]
async fn an_invite_lets_in_whoever_has_the_code() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("by invitation", &[]).await;
    let path = format!("/rooms/{room}/invites");
    let invite = alice.post(&path, json!({})).await.is(201);
    let code = invite["code"].as_str().unwrap().to_owned();
    assert!(code.len() >= 22, "128 random bits: {code}");
    let listed = alice.get(&path).await.is(200);
    assert_eq!(listed["items"][0]["id"], invite["id"]);
    assert!(!listed.to_string().contains(&code), "the code is shown once");
    let answer = bob.posts_nothing(&format!("/invites/{code}")).await.is(200);
    assert_eq!(names(&answer), "member room");
    has(&answer["room"], json!({"id": room, "name": "by invitation"}));
    has(&answer["member"], json!({"user": bob.id, "in": true, "role": "member"}));
    // Again: one is in already.
    bob.posts_nothing(&format!("/invites/{code}")).await.is(200);
    bob.posts(&room, "I am in").await;
    bob.post(&path, json!({})).await.refuses(403, "forbidden");
    bob.get(&path).await.refuses(403, "forbidden");
}

#[tokio::test]
async fn an_invite_ends_by_use_by_time_and_by_hand() {
    let app = spawn_app().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let room = alice.creates_private_room("ends", &[]).await;
    let path = format!("/rooms/{room}/invites");
    let make = async |body: Value| {
        let invite = alice.post(&path, body).await.is(201);
        (invite["id"].as_str().unwrap().to_owned(), format!("/invites/{}", invite["code"].as_str().unwrap()))
    };
    let (_, once) = make(json!({"max_uses": 1})).await;
    bob.posts_nothing(&once).await.is(200);
    carol.posts_nothing(&once).await.refuses(410, "gone");
    let (_, brief) = make(json!({"expires_in": 1})).await;
    let (id, revoked) = make(json!({"expires_in": 3600, "max_uses": 5})).await;
    alice.delete(&format!("{path}/{id}")).await.is(204);
    alice.delete(&format!("{path}/{id}")).await.refuses(404, "not_found");
    let reply = carol.posts_nothing(&revoked).await;
    assert!([404, 410].contains(&reply.status), "{}", reply.text());
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    carol.posts_nothing(&brief).await.refuses(410, "gone");
    carol.posts_nothing("/invites/no-such-code").await.refuses(404, "not_found");
    for body in [json!({"max_uses": 0}), json!({"max_uses": -1}), json!({"expires_in": 0}), json!({"max_uses": "x"})] {
        alice.post(&path, body).await.refuses(422, "invalid_field");
    }
}

#[tokio::test]
async fn an_invite_for_one_admits_one_of_many_who_come_at_once() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_private_room("one seat", &[]).await;
    let invite = alice.post(&format!("/rooms/{room}/invites"), json!({"max_uses": 1})).await.is(201);
    let path = format!("/invites/{}", invite["code"].as_str().unwrap());
    let mut users = Vec::new();
    for _ in 0..6 {
        users.push(app.user("crowd").await);
    }
    let replies = futures_util::future::join_all(users.iter().map(|user| user.posts_nothing(&path))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.status == 410).count(), 5);
}
