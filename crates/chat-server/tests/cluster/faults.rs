//! What nodes do while the record or Redis is away, and that they recover by themselves.

use std::time::Duration;

use serde_json::json;

use crate::{
    harness::{App, Reply, Request, eventually, nonce},
    nodes::nodes,
};

async fn ready(node: &App) -> u16 {
    Request::new("GET", "/readyz").send(node.address()).await.status
}

#[tokio::test]
async fn a_record_that_is_away_is_said_so_and_found_again() {
    let cluster = nodes(1).with_own_postgres().set("STORE__WRITE_TIMEOUT_MS", 2_000).start().await;
    let node = &cluster.nodes[0];
    let alice = node.user("alice").await;
    let room = alice.creates_private_room("away", &[]).await;
    assert_eq!(ready(node).await, 200);
    cluster.postgres().pause().unwrap();
    eventually("not ready", || async { ready(node).await == 503 }).await;
    assert_eq!(Request::new("GET", "/healthz").send(node.address()).await.status, 200, "alive all the same");
    let body = json!({"text": "kept for later", "nonce": "asked-before"});
    let refused: Reply = alice.post(&format!("/rooms/{room}/messages"), body.clone()).await;
    refused.refuses(503, "unavailable");
    cluster.postgres().resume().unwrap();
    eventually("ready again", || async { ready(node).await == 200 }).await;
    // What was refused may have been committed after all: the nonce finds out.
    let reply = alice.post(&format!("/rooms/{room}/messages"), body).await;
    assert!(reply.status == 200 || reply.status == 201, "{}", reply.status);
    cluster.postgres().restart_immediate().unwrap();
    eventually("sends again", || async { alice.tries_to_post(&room, "after a restart").await.status == 201 }).await;
    let said: Vec<_> = alice.history(&room).await.into_iter().map(|message| message["text"].clone()).collect();
    assert_eq!(said[0], "kept for later");
    assert_eq!(said.iter().filter(|text| *text == "kept for later").count(), 1);
}

#[tokio::test]
async fn a_redis_that_is_away_leaves_nodes_ready_and_whole() {
    let cluster = nodes(2).with_own_redis().start().await;
    let (alice, bob) = (cluster.nodes[0].user("alice").await, cluster.nodes[1].user("bob").await);
    let room = alice.creates_private_room("degraded", &[&bob]).await;
    let mut his = bob.connects().await;
    his.subscribes(&room).await;
    alice.posts(&room, "with redis").await;
    his.sees("with redis").await;
    let healthy = |node: usize| cluster.nodes[node].metric("chat_bus_healthy", &[]);
    eventually("healthy", || async { healthy(0).await == 1.0 && healthy(1).await == 1.0 }).await;
    cluster.redis().kill().unwrap();
    eventually("degraded, and seen", || async { healthy(0).await == 0.0 && healthy(1).await == 0.0 }).await;
    for node in &cluster.nodes {
        assert_eq!(ready(node).await, 200);
    }
    alice.posts(&room, "without redis").await;
    let heard = his.wait(Duration::from_secs(5), "the message", |frame| {
        frame["data"]["text"] == "without redis" || frame["messages"][0]["text"] == "without redis"
    });
    heard.await;
    cluster.redis().restart().unwrap();
    eventually("healthy again", || async { healthy(0).await == 1.0 && healthy(1).await == 1.0 }).await;
    alice.posts(&room, "with redis again").await;
    his.sees("with redis again").await;
    for node in &cluster.nodes {
        let log = node.log();
        let said = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        assert!(log.len() < 20_000, "an outage fills no disk: {} bytes", log.len());
        assert!(said("WARN") + said("warn") > 0, "an outage is said: {log}");
    }
}

#[tokio::test]
async fn a_redis_that_hangs_or_forgets_loses_nothing() {
    let cluster = nodes(2).with_own_redis().start().await;
    let (alice, bob) = (cluster.nodes[0].user("alice").await, cluster.nodes[1].user("bob").await);
    let room = alice.creates_private_room("hangs", &[&bob]).await;
    let mut his = bob.connects().await;
    let mut cursor = his.subscribes(&room).await["head"].as_u64().unwrap();
    let mut hear = async |end: u64| {
        while cursor < end {
            let change = |frame: &serde_json::Value| {
                frame["room"] == *room && (frame["type"] == "event" || frame["type"] == "batch")
            };
            let frame = his.wait(Duration::from_secs(8), "what was said", change).await;
            let from = frame["from"].as_u64().or(frame["seq"].as_u64().map(|seq| seq - 1)).unwrap();
            assert_eq!(from, cursor, "{frame}");
            cursor = frame["to"].as_u64().or(frame["seq"].as_u64()).unwrap();
        }
    };
    let say = async || {
        alice.post(&format!("/rooms/{room}/messages"), json!({"text": "said", "nonce": nonce()})).await.is(201)["seq"]
            .as_u64()
            .unwrap()
    };
    hear(say().await).await;
    cluster.redis().pause().unwrap();
    for _ in 0..5 {
        hear(say().await).await;
    }
    cluster.redis().resume().unwrap();
    hear(say().await).await;
    cluster.redis().flush().unwrap();
    for _ in 0..5 {
        hear(say().await).await;
    }
}

#[tokio::test]
async fn f1_a_record_that_can_only_be_read_is_read_and_recovers() {
    let cluster = nodes(1).with_own_postgres().start().await;
    let node = &cluster.nodes[0];
    let alice = node.user("alice").await;
    let room = alice.creates_private_room("frozen", &[]).await;
    alice.posts(&room, "before").await;
    let set = |value: &str| {
        let postgres = cluster.postgres();
        postgres.run_sql("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).unwrap();
        postgres.run_sql("postgres", "SELECT pg_reload_conf()").unwrap();
    };
    set("on");
    eventually("frozen", || async { alice.tries_to_post(&room, "frozen out").await.status == 503 }).await;
    alice.tries_to_post(&room, "frozen out").await.refuses(503, "unavailable");
    assert_eq!(alice.history(&room).await[0]["text"], "before");
    alice.get("/sync").await.is(200);
    set("off");
    eventually("thawed", || async { alice.tries_to_post(&room, "after").await.status == 201 }).await;
    assert_eq!(alice.history(&room).await.last().unwrap()["text"], "after");
}

#[tokio::test]
async fn f1_a_record_that_is_gone_is_unavailable_and_recovers() {
    let cluster = nodes(1).with_own_postgres().start().await;
    let node = &cluster.nodes[0];
    let alice = node.user("alice").await;
    let room = alice.creates_private_room("gone", &[]).await;
    let mut socket = alice.connects().await;
    socket.subscribes(&room).await;
    cluster.postgres().restart_immediate().unwrap();
    eventually("sends again", || async { alice.tries_to_post(&room, "after").await.status == 201 }).await;
    // The socket has lived through it.
    socket.sees("after").await;
    socket.posts(&room, "by the same socket").await;
    socket.sees("by the same socket").await;
}

#[tokio::test]
async fn a_log_that_was_rewound_behind_our_backs_is_reset() {
    let cluster = nodes(2).start().await;
    let (alice, bob) = (cluster.nodes[0].user("alice").await, cluster.nodes[1].user("bob").await);
    let room = alice.creates_private_room("rewound", &[&bob]).await;
    let mut his = bob.connects().await;
    his.subscribes(&room).await;
    for n in 0..10 {
        alice.posts(&room, &format!("said {n}")).await;
        his.sees(&format!("said {n}")).await;
    }
    let head = alice.head(&room).await;
    // As a careless restore does: the last five are gone, and the epoch is the same.
    let database = cluster.url.rsplit('/').next().unwrap();
    let forget = format!(
        "BEGIN; DELETE FROM messages WHERE room = '{room}' AND seq > {0}; UPDATE rooms SET head = {0} WHERE id = '{room}'; COMMIT",
        head - 5
    );
    crate::record::postgres().run_sql(database, &forget).unwrap();
    let reset = his.hears("reset").await;
    assert_eq!((&reset["reason"], &reset["head"]), (&json!("ahead"), &json!(head - 5)));
    let epoch = reset["epoch"].clone();
    let answer = his.resumes(&room, &epoch, head).await;
    assert_eq!((&answer["status"], &answer["head"]), (&json!("reset"), &json!(head - 5)), "{answer}");
    assert_eq!(his.resumes(&room, &epoch, head - 5).await["status"], "live");
    assert_eq!(alice.posts(&room, "on").await["seq"], head - 4);
    his.sees("on").await;
}
