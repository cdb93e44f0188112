//! How a node of a cluster starts: what it must be told, and what it waits for.

use crate::{
    harness::{App, Request, SECRET},
    record::{self, runs},
};

#[tokio::test]
async fn a_cluster_must_be_told_its_keys() {
    let refused = runs(&["serve"], &[("CHAT_STORE__URL", &record::database())]).await;
    assert_eq!(refused.status.code(), Some(2));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("auth.secret"), "{why}");
}

#[tokio::test]
async fn a_redis_without_a_shared_record_is_refused() {
    let settings = [("CHAT_STORE__URL", "memory:"), ("REDIS_URL", "redis://127.0.0.1:1")];
    let refused = runs(&["serve"], &settings).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("redis.url"));
}

#[tokio::test]
async fn l2_a_server_that_is_not_there_is_named_without_its_password() {
    let url = "postgres://chat:hunter2@127.0.0.1:1/chat";
    let refused = runs(&["serve"], &[("DATABASE_URL", url), ("CHAT_AUTH__SECRET", SECRET)]).await;
    assert_ne!(refused.status.code(), Some(0));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("127.0.0.1:1") && !why.contains("hunter2"), "{why}");
    let shown = runs(&["config"], &[("DATABASE_URL", url), ("CHAT_AUTH__SECRET", SECRET)]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("postgres://chat:[redacted]@127.0.0.1:1/chat") && !shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn many_nodes_may_start_at_once_on_an_empty_database() {
    let name = format!("chat_{}", uuid::Uuid::now_v7().simple());
    record::postgres().create_database(&name, None).unwrap();
    let url = record::postgres().url(&name);
    let start = |n: usize| App::usual().set("STORE__URL", &url).set("NODE__NAME", format!("n{n}")).spawn();
    let (one, two, three) = tokio::join!(start(1), start(2), start(3));
    let alice = one.user("alice").await;
    for node in [&two, &three] {
        alice.at(node).get("/me").await.is(200);
    }
}

#[tokio::test]
async fn a_node_starts_without_redis_and_finds_it_later() {
    let redis = chat_testbed::Redis::start().unwrap();
    redis.kill().unwrap();
    let node = App::usual().set("REDIS__URL", redis.url()).spawn().await;
    assert_eq!(Request::new("GET", "/readyz").send(node.address()).await.status, 200);
    assert_eq!(node.metric("chat_bus_healthy", &[]).await, 0.0);
    redis.restart().unwrap();
    let found = || async { node.metric("chat_bus_healthy", &[]).await == 1.0 };
    crate::harness::eventually("Redis is found", found).await;
}
