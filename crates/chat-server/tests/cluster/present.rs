//! Presence over nodes: leases that run out when a node dies, and no ghosts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    harness::{Socket, User},
    nodes::nodes,
};

async fn told(socket: &mut Socket, user: &User, status: &str, wait: Duration) {
    let (id, what) = (user.id.clone(), format!("{status} of {}", user.username));
    let is = move |frame: &Value| frame["type"] == "presence" && frame["user"] == id && frame["status"] == status;
    socket.wait(wait, &what, is).await;
}

#[tokio::test]
async fn presence_crosses_nodes() {
    let cluster = nodes(2).set("HUB__OFFLINE_SECONDS", 1).start().await;
    let (alice, bob) = (cluster.nodes[0].user("alice").await, cluster.nodes[1].user("bob").await);
    alice.creates_private_room("seen", &[&bob]).await;
    let mut hers = alice.connects().await;
    hers.done(json!({"type": "watch", "users": [bob.id]})).await;
    told(&mut hers, &bob, "offline", Duration::from_secs(2)).await;
    let mut his = bob.connects().await;
    told(&mut hers, &bob, "online", Duration::from_secs(5)).await;
    his.says(json!({"type": "presence", "status": "away"}).to_string()).await;
    told(&mut hers, &bob, "away", Duration::from_secs(5)).await;
    // Somebody at two nodes is there until both are left.
    let second = bob.at(&cluster.nodes[0]).connects().await;
    told(&mut hers, &bob, "online", Duration::from_secs(5)).await;
    second.leaves().await;
    told(&mut hers, &bob, "away", Duration::from_secs(5)).await;
    his.leaves().await;
    told(&mut hers, &bob, "offline", Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_users_of_a_killed_node_are_offline_within_two_leases() {
    const LEASE: u64 = 3;
    let mut cluster = nodes(2).set("HUB__PRESENCE_SECONDS", LEASE).start().await;
    let (alice, bob) = (cluster.nodes[0].user("alice").await, cluster.nodes[1].user("bob").await);
    let carol = cluster.nodes[1].user("carol").await;
    alice.creates_private_room("ghosts", &[&bob, &carol]).await;
    let mut hers = alice.connects().await;
    hers.done(json!({"type": "watch", "users": [bob.id, carol.id]})).await;
    told(&mut hers, &bob, "offline", Duration::from_secs(2)).await;
    told(&mut hers, &carol, "offline", Duration::from_secs(2)).await;
    let (_his, _third) = (bob.connects().await, carol.connects().await);
    told(&mut hers, &bob, "online", Duration::from_secs(5)).await;
    told(&mut hers, &carol, "online", Duration::from_secs(5)).await;
    // Renewed, not only leased once.
    let never = |frame: &Value| frame["type"] == "presence" && frame["status"] == "offline";
    hers.never(Duration::from_secs(2 * LEASE), "they are there", never).await;
    let killed = Instant::now();
    cluster.nodes[1].kill().await;
    // One of them finds another node: that is no ghost.
    let _moved = carol.at(&cluster.nodes[0]).connects().await;
    told(&mut hers, &bob, "offline", Duration::from_secs(2 * LEASE + 1)).await;
    assert!(killed.elapsed() < Duration::from_secs(2 * LEASE + 1));
    hers.never(Duration::from_secs(LEASE), "who moved is there", |frame| frame["user"] == carol.id && never(frame))
        .await;
}
