//! Rates that all nodes count together.

use std::time::Duration;

use serde_json::json;

use crate::nodes::nodes;

/// Nodes tell each other what they counted within this.
const SHARED_WITHIN: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a7_guesses_are_counted_by_all_nodes_together() {
    let cluster = nodes(2).set("LIMITS__SIGN_IN_PER_NAME_PER_MINUTE", 5).start().await;
    let known = cluster.nodes[0].user("known").await;
    let guess = |node: usize| {
        let body = json!({"username": known.username, "password": "not the password"});
        cluster.nodes[node].anonymous("POST", "/sessions", Some(body))
    };
    for n in 0..4 {
        guess(n % 2).await.refuses(401, "bad_credentials");
        tokio::time::sleep(SHARED_WITHIN).await;
    }
    // The sign-in that made `known` was forgiven, so this is the fifth of five.
    guess(0).await.refuses(401, "bad_credentials");
    tokio::time::sleep(SHARED_WITHIN).await;
    for node in [0, 1] {
        let refused = guess(node).await;
        assert!(refused.header("retry-after").is_some());
        refused.refuses(429, "rate_limited");
    }
}

#[tokio::test]
async fn sends_of_one_user_are_counted_by_all_nodes_together() {
    let cluster =
        nodes(2).set("LIMITS__SENDS_PER_USER_BURST", 6).set("LIMITS__SENDS_PER_USER_PER_SECOND", 1).start().await;
    let alice = cluster.nodes[0].user("alice").await;
    let room = alice.creates_private_room("rated", &[]).await;
    let mut accepted = 0;
    for n in 0..12 {
        let reply = alice.at(&cluster.nodes[n % 2]).tries_to_post(&room, "again").await;
        accepted += usize::from(reply.status == 201);
        tokio::time::sleep(SHARED_WITHIN / 3).await;
    }
    // One a second refills meanwhile; two nodes that count alone would let all twelve in.
    assert!((6..=9).contains(&accepted), "{accepted}");
}

#[tokio::test]
async fn without_redis_every_node_counts_by_itself() {
    let cluster = nodes(2)
        .with_own_redis()
        .set("LIMITS__SENDS_PER_USER_BURST", 6)
        .set("LIMITS__SENDS_PER_USER_PER_SECOND", 1)
        .start()
        .await;
    let alice = cluster.nodes[0].user("alice").await;
    let room = alice.creates_private_room("alone", &[]).await;
    cluster.redis().kill().unwrap();
    let degraded = || async { cluster.nodes[0].metric("chat_bus_healthy", &[]).await == 0.0 };
    crate::harness::eventually("degraded", degraded).await;
    let mut refused = 0;
    for _ in 0..12 {
        refused += usize::from(alice.tries_to_post(&room, "again").await.status == 429);
    }
    assert!(refused >= 4, "a limit holds without Redis, too: {refused}");
}
