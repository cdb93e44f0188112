//! A cluster whose record was restored, or whose operator says so: every node resets every client.

use std::time::Duration;

use serde_json::Value;

use crate::{
    harness::{SECRET, Socket, User, eventually},
    nodes::{Cluster, nodes},
    record::{self, runs},
};

const SOON: Duration = Duration::from_secs(6);

async fn cursor(user: &User, room: &str) -> (Value, u64) {
    let page = user.get(&format!("/rooms/{room}/messages?limit=1")).await.is(200);
    (page["epoch"].clone(), page["head"].as_u64().unwrap())
}

fn sql(cluster: &Cluster, statements: &str) -> String {
    record::postgres().run_sql(cluster.url.rsplit('/').next().unwrap(), statements).unwrap()
}

/// A listener on each node.
async fn listeners(cluster: &Cluster, user: &User, room: &str) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for node in &cluster.nodes {
        let mut socket = user.at(node).connects().await;
        socket.subscribes(room).await;
        sockets.push(socket);
    }
    sockets
}

async fn new_epoch_while_nodes_run(cluster: Cluster) {
    let alice = cluster.nodes[0].user("alice").await;
    let room = alice.creates_private_room("told", &[]).await;
    alice.posts(&room, "said").await;
    let old = cursor(&alice, &room).await;
    let mut sockets = listeners(&cluster, &alice, &room).await;
    let settings = [("DATABASE_URL", cluster.url.as_str()), ("CHAT_AUTH__SECRET", SECRET)];
    let begun = runs(&["new-epoch"], &settings).await;
    assert!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
    let epoch: Value = String::from_utf8(begun.stdout).unwrap().trim().into();
    for socket in &mut sockets {
        let reset = socket.wait(SOON, "a reset", |frame| frame["type"] == "reset").await;
        assert_eq!((&reset["reason"], &reset["epoch"]), (&"epoch".into(), &epoch));
    }
    // What is said from now on belongs to the new history, on whichever node, also for those who come back by the tail.
    for node in &cluster.nodes {
        alice.at(node).posts(&room, "goes on").await;
    }
    for (node, mut socket) in cluster.nodes.iter().zip(sockets) {
        assert_eq!(socket.resumes(&room, &old.0, old.1).await["status"], "reset");
        assert_eq!(socket.resumes(&room, &epoch, old.1).await["status"], "catchup");
        assert_eq!(socket.hears("batch").await["to"], old.1 + 2);
        let path = format!("/rooms/{room}/changes?epoch={}&after={}", old.0.as_str().unwrap(), old.1);
        alice.at(node).get(&path).await.refuses(410, "reset_required");
    }
}

#[tokio::test]
async fn new_epoch_resets_who_listens_on_every_node() {
    new_epoch_while_nodes_run(nodes(2).start().await).await;
}

#[tokio::test]
async fn new_epoch_resets_who_listens_on_every_node_without_redis() {
    new_epoch_while_nodes_run(nodes(2).without_redis().start().await).await;
}

#[tokio::test]
async fn a_record_that_came_out_of_a_dump_resets_clients_though_its_numbers_have_caught_up() {
    let mut cluster = nodes(2).start().await;
    let alice = cluster.nodes[0].user("alice").await;
    let room = alice.creates_private_room("restored", &[]).await;
    for n in 0..5 {
        alice.at(&cluster.nodes[n % 2]).posts(&room, &format!("lost {n}")).await;
    }
    let lost = cursor(&alice, &room).await;
    for node in &mut cluster.nodes {
        node.kill().await;
    }
    // What a restore leaves behind: three messages are missing, and every row was written by somebody else. The tail in Redis
    // still holds what was lost.
    sql(
        &cluster,
        "DELETE FROM search_waiting; DELETE FROM search; DELETE FROM messages WHERE text IN ('lost 2', 'lost 3', 'lost 4');
         UPDATE rooms SET head = head - 3; UPDATE searching SET filled = FALSE;
         CREATE TEMPORARY TABLE dumped AS SELECT * FROM home; TRUNCATE home; INSERT INTO home SELECT * FROM dumped",
    );
    for node in &mut cluster.nodes {
        node.start_again().await;
    }
    for n in 0..6 {
        alice.at(&cluster.nodes[n % 2]).posts(&room, &format!("instead {n}")).await;
    }
    let (here, there) = (alice.at(&cluster.nodes[0]), alice.at(&cluster.nodes[1]));
    let now = cursor(&here, &room).await;
    assert_eq!(now.1, lost.1 + 3);
    for user in [&here, &there] {
        assert_eq!(cursor(user, &room).await, now, "both have one history");
        let answer = user.connects().await.resumes(&room, &lost.0, lost.1).await;
        assert_eq!((&answer["status"], &answer["reason"]), (&"reset".into(), &"epoch".into()), "{answer}");
        // The whole of the new history, by the tail or by the record.
        let mut socket = user.connects().await;
        assert_eq!(socket.resumes(&room, &now.0, now.1 - 7).await["status"], "catchup");
        let texts: Vec<Value> = socket.hears("batch").await["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["text"].clone())
            .collect();
        assert_eq!(texts.first().unwrap(), "lost 1");
        assert_eq!(texts.last().unwrap(), "instead 5");
        assert!(!texts.iter().any(|text| text == "lost 2"), "{texts:?}");
    }
    let told = cluster.nodes.iter().filter(|node| node.log().contains("restored or moved")).count();
    assert_eq!(told, 1, "one node begins it, and says so");
}

#[tokio::test]
async fn nodes_that_run_through_a_failover_reset_their_clients() {
    let cluster = nodes(2).start().await;
    let alice = cluster.nodes[0].user("alice").await;
    let room = alice.creates_private_room("failover", &[]).await;
    alice.posts(&room, "said").await;
    let old = cursor(&alice, &room).await;
    let mut sockets = listeners(&cluster, &alice, &room).await;
    sql(&cluster, "UPDATE home SET timeline = 'FFFFFFFF', written = pg_current_xact_id()::xid::text");
    for socket in &mut sockets {
        // A look at where the record is, then one at the heads.
        let reset = socket.wait(2 * SOON, "a reset", |frame| frame["type"] == "reset").await;
        assert_eq!(reset["reason"], "epoch");
    }
    assert_ne!(cursor(&alice, &room).await.0, old.0);
    eventually("the place is taken down", async || sql(&cluster, "SELECT timeline FROM home").trim() == "00000001")
        .await;
}
