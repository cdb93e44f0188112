//! What ends on one node ends on all, within five seconds, whether Redis is there or not.

use std::time::Duration;

use serde_json::json;

use crate::{
    harness::{Socket, User, eventually},
    nodes::{Cluster, nodes},
};

const SOON: Duration = Duration::from_secs(5);

/// Two nodes with a Redis that the test may take away.
async fn two(with_redis: bool) -> Cluster {
    let cluster = nodes(2).with_own_redis().start().await;
    if !with_redis {
        cluster.redis().kill().unwrap();
    }
    cluster
}

async fn evicted(socket: &mut Socket, room: &str) -> serde_json::Value {
    socket.wait(SOON, "an eviction", |frame| frame["type"] == "evicted" && frame["room"] == room).await["reason"]
        .clone()
}

async fn s4_on_two_nodes(with_redis: bool) {
    let cluster = two(with_redis).await;
    let (alice, bob) = (cluster.nodes[0].user("alice").await, cluster.nodes[1].user("bob").await);
    for (ban, reason) in [(false, "kicked"), (true, "banned")] {
        let room = alice.creates_private_room("ends", &[&bob]).await;
        let mut his = bob.connects().await;
        his.subscribes(&room).await;
        if ban {
            alice.bans(&room, &bob).await
        } else {
            alice.kicks(&room, &bob).await
        }
        let removal = alice.head(&room).await;
        for n in 0..10 {
            alice.posts(&room, &format!("secret {n}")).await;
        }
        assert_eq!(evicted(&mut his, &room).await, reason);
        alice.posts(&room, "secret, later").await;
        let above = |frame: &serde_json::Value| {
            frame["room"] == *room && (frame["seq"].as_u64() > Some(removal) || frame["to"].as_u64() > Some(removal))
        };
        his.never(Duration::from_secs(2), "nothing above the removal", above).await;
        his.refused(
            json!({"type": "send", "room": room, "nonce": "after-the-end", "text": "still here?"}),
            "not_found",
        )
        .await;
    }
}

#[tokio::test]
async fn s4_a_kick_on_one_node_ends_delivery_on_another() {
    s4_on_two_nodes(true).await;
}

#[tokio::test]
async fn s4_a_kick_on_one_node_ends_delivery_on_another_without_redis() {
    s4_on_two_nodes(false).await;
}

/// Each way in which a session of bob's ends, at the first node.
async fn s2_on_two_nodes(with_redis: bool) {
    let cluster = two(with_redis).await;
    let bob = cluster.nodes[0].user("bob").await;
    let there = |user: &User| user.at(&cluster.nodes[1]);
    // Signed out from another session.
    let (victim, actor) = (bob.again().await, bob.again().await);
    let mut socket = there(&victim).connects().await;
    actor.delete(&format!("/sessions/{}", victim.session)).await.is(204);
    assert_eq!(socket.closed_within(SOON).await, 4403);
    closed_to(&there(&victim)).await;
    // A new password.
    let victim = bob.again().await;
    let mut socket = there(&victim).connects().await;
    actor.put("/me/password", json!({"current": actor.password, "new": "another horse, correct"})).await.is(204);
    assert_eq!(socket.closed_within(SOON).await, 4403);
    closed_to(&there(&victim)).await;
    there(&actor).get("/me").await.is(200);
    // The account is deleted.
    let mut socket = there(&actor).connects().await;
    actor.request("DELETE", "/me").json(&json!({"password": "another horse, correct"})).send(actor.to).await.is(204);
    assert_eq!(socket.closed_within(SOON).await, 4403);
    closed_to(&there(&actor)).await;
}

/// The access token opens no door here any more.
async fn closed_to(user: &User) {
    eventually("the end of a session", || async { user.get("/me").await.status == 401 }).await;
}

#[tokio::test]
async fn s2_a_session_that_ends_on_one_node_ends_on_another() {
    s2_on_two_nodes(true).await;
}

#[tokio::test]
async fn s2_a_session_that_ends_on_one_node_ends_on_another_without_redis() {
    s2_on_two_nodes(false).await;
}

#[tokio::test]
async fn r2_a_token_that_was_stolen_ends_the_session_on_every_node() {
    let cluster = two(true).await;
    let bob = cluster.nodes[0].user("bob").await;
    let mut socket = bob.at(&cluster.nodes[1]).connects().await;
    let refresh = |token: String, node: usize| {
        cluster.nodes[node].anonymous("POST", "/sessions/refresh", Some(json!({"refresh_token": token})))
    };
    let second = refresh(bob.refresh.clone(), 0).await.is(200)["refresh_token"].as_str().unwrap().to_owned();
    refresh(second, 1).await.is(200);
    refresh(bob.refresh.clone(), 0).await.refuses(401, "session_revoked");
    assert_eq!(socket.closed_within(SOON).await, 4403);
}
