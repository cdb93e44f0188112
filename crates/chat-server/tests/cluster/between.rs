//! People on different nodes talk as if there were one: with Redis, without it, and while a node dies.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    harness::{App, Replica, Socket, User, nonce},
    nodes::{Cluster, nodes},
};

/// What a node without a bus may take to notice (protocol §5).
const POLL: Duration = Duration::from_secs(5);

/// Somebody at each node, all in one room.
async fn people(cluster: &Cluster) -> (Vec<User>, String) {
    let mut people = Vec::new();
    for node in &cluster.nodes {
        people.push(node.user("between").await);
    }
    let others: Vec<&User> = people[1..].iter().collect();
    let room = people[0].creates_private_room("between", &others).await;
    (people, room)
}

async fn listens(user: &User, room: &str) -> (Socket, Replica) {
    let mut socket = user.connects().await;
    let head = socket.subscribes(room).await["head"].as_u64().unwrap();
    (socket, Replica::at(head))
}

async fn follows(socket: &mut Socket, room: &str, replica: &mut Replica, end: u64) {
    while replica.cursor < end {
        let what = format!("{} of {end}", replica.cursor);
        let frame = socket
            .wait(POLL * 2, &what, |frame| {
                frame["room"] == room && (frame["type"] == "event" || frame["type"] == "batch")
            })
            .await;
        replica.apply(&frame);
    }
}

#[tokio::test]
async fn all_nodes_see_one_order() {
    let cluster = nodes(3).start().await;
    let (people, room) = people(&cluster).await;
    let mut ends = Vec::new();
    for user in &people {
        ends.push(listens(user, &room).await);
    }
    for n in 0..20 {
        for ((socket, _), user) in ends.iter_mut().zip(&people) {
            socket.begins(json!({"type": "send", "room": room, "nonce": nonce(), "text": format!("{n} of {}", user.username)})).await;
        }
    }
    let start = ends[0].1.cursor;
    let mut replicas = Vec::new();
    for (mut socket, mut replica) in ends {
        follows(&mut socket, &room, &mut replica, start + 60).await;
        replicas.push(replica);
    }
    assert_eq!(replicas[0].messages.len(), 60);
    assert!(replicas.iter().all(|replica| *replica == replicas[0]));
}

#[tokio::test]
async fn with_redis_a_message_takes_no_poll() {
    let cluster = nodes(2).set("HUB__POLL_SECONDS", 60).start().await;
    let (people, room) = people(&cluster).await;
    let (mut socket, _) = listens(&people[1], &room).await;
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        let said = Instant::now();
        people[0].posts(&room, &format!("quick {n}")).await;
        socket.sees(&format!("quick {n}")).await;
        slowest = slowest.max(said.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

#[tokio::test]
async fn on_postgres_alone_nodes_find_out_by_looking() {
    let cluster = nodes(2).without_redis().start().await;
    let (people, room) = people(&cluster).await;
    let (mut socket, mut replica) = listens(&people[1], &room).await;
    for n in 0..3 {
        let seq = people[0].posts(&room, &format!("slow {n}")).await["seq"].as_u64().unwrap();
        let said = Instant::now();
        follows(&mut socket, &room, &mut replica, seq).await;
        assert!(said.elapsed() < POLL, "{:?}", said.elapsed());
    }
    // One's own world: a hint from another node shows by its number.
    let before = socket.ready["seq"].as_u64().unwrap();
    people[0].creates_private_room("another", &[&people[1]]).await;
    let heartbeat =
        socket.wait(POLL, "a heartbeat", |frame| frame["type"] == "heartbeat" && frame["seq"].as_u64() > Some(before));
    heartbeat.await;
}

#[tokio::test]
async fn whoever_sat_on_a_dead_node_resumes_anywhere() {
    let mut cluster = nodes(3).start().await;
    let (people, room) = people(&cluster).await;
    let (mut socket, mut replica) = listens(&people[2], &room).await;
    let epoch = people[2].get(&format!("/rooms/{room}/messages?limit=1")).await.is(200)["epoch"].clone();
    let seq = people[0].posts(&room, "before").await["seq"].as_u64().unwrap();
    follows(&mut socket, &room, &mut replica, seq).await;
    cluster.nodes[2].kill().await;
    for n in 0..50 {
        people[n % 2].posts(&room, &format!("meanwhile {n}")).await;
    }
    for node in [0, 1] {
        let mut elsewhere = people[2].at(&cluster.nodes[node]).connects().await;
        assert_eq!(elsewhere.resumes(&room, &epoch, seq).await["status"], "catchup");
        let mut replica = replica.clone();
        follows(&mut elsewhere, &room, &mut replica, seq + 50).await;
        assert_eq!(replica.messages.len(), 51);
    }
}

#[tokio::test]
async fn those_who_come_back_from_a_dead_node_cost_the_record_next_to_nothing() {
    const CLIENTS: usize = 40;
    let mut cluster = nodes(2).set("LIMITS__SOCKETS_PER_USER", 100).start().await;
    let (people, room) = people(&cluster).await;
    let epoch = people[1].get(&format!("/rooms/{room}/messages?limit=1")).await.is(200)["epoch"].clone();
    let (_keeps, _) = listens(&people[0], &room).await;
    let head = people[0].head(&room).await;
    for n in 0..30 {
        people[0].posts(&room, &format!("said {n}")).await;
    }
    // The other node never heard of this room: it begins with the tail.
    let newcomer = &cluster.nodes[1];
    let asked = |node: &App| {
        let address = node.metrics_address();
        async move {
            let text = crate::harness::Request::new("GET", "/metrics").send(address).await.text();
            let changes = text.lines().filter(|line| line.starts_with("chat_store_queries_total{op=\"log.changes\"}"));
            changes.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>()
        }
    };
    let before = asked(newcomer).await;
    for _ in 0..CLIENTS {
        let mut socket = people[1].at(newcomer).connects().await;
        assert_eq!(socket.resumes(&room, &epoch, head).await["status"], "catchup");
        let mut replica = Replica::at(head);
        follows(&mut socket, &room, &mut replica, head + 30).await;
        assert_eq!(replica.messages.len(), 30);
    }
    let queries = asked(newcomer).await - before;
    assert!(queries == 0.0, "{queries} questions to the record, though the tail knows all");
    cluster.nodes[0].kill().await;
}

#[tokio::test]
async fn typing_crosses_nodes() {
    let cluster = nodes(2).start().await;
    let (people, room) = people(&cluster).await;
    let (mut hers, _) = listens(&people[0], &room).await;
    let (mut his, _) = listens(&people[1], &room).await;
    // A subscription takes a moment.
    people[0].posts(&room, "hello").await;
    his.sees("hello").await;
    hers.says(json!({"type": "typing", "room": room, "on": true}).to_string()).await;
    assert_eq!(his.hears("typing").await["user"], people[0].id);
}

#[tokio::test]
async fn a_copied_database_is_another_chat_even_on_the_same_redis() {
    let original = nodes(1).set("REDIS__PREFIX", "same").start().await;
    let (people, room) = people(&original).await;
    let alice = &people[0];
    alice.posts(&room, "before the copy").await;
    let (mut socket, _) = listens(alice, &room).await;
    let clone = format!("clone_{}", uuid::Uuid::now_v7().simple());
    let database = original.url.rsplit('/').next().unwrap();
    // A template may have no connections.
    let postgres = crate::record::postgres();
    let copy = |name: &str| {
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
        postgres.run_sql("postgres", &cut).unwrap();
        postgres.create_database(name, Some(database))
    };
    let mut tries = 0;
    while let Err(error) = copy(&clone) {
        tries += 1;
        assert!(tries < 50, "{error}");
    }
    let other = App::usual().set("STORE__URL", postgres.url(&clone)).set("REDIS__PREFIX", "same").spawn().await;
    alice.at(&other).posts(&room, "said in the copy").await;
    let strange = |frame: &serde_json::Value| frame.to_string().contains("said in the copy");
    socket.never(Duration::from_secs(1), "the copy is not heard", strange).await;
    crate::harness::eventually("the pool recovers", || async {
        alice.tries_to_post(&room, "said in the original").await.status == 201
    })
    .await;
    socket.sees("said in the original").await;
}
