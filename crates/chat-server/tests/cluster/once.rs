//! What must happen once happens once, on whichever nodes it is asked for.

use futures_util::future::join_all;
use serde_json::json;

use crate::{harness::User, nodes::nodes};

#[tokio::test]
async fn n2_one_nonce_fifty_times_over_two_nodes_posts_once() {
    let cluster = nodes(2).start().await;
    let alice = cluster.nodes[0].user("alice").await;
    let room = alice.creates_private_room("once", &[]).await;
    let there: Vec<User> = cluster.nodes.iter().map(|node| alice.at(node)).collect();
    let body = json!({"text": "once", "nonce": "the-only-one"});
    let path = format!("/rooms/{room}/messages");
    let replies = join_all((0..50).map(|n| there[n % 2].post(&path, body.clone()))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    let mut messages: Vec<_> = replies.into_iter().map(|reply| reply.json()).collect();
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(alice.history(&room).await.len(), 1);
}

#[tokio::test]
async fn n2_after_a_killed_acknowledgement_the_other_node_tells_the_first_result() {
    let mut cluster = nodes(2).start().await;
    let alice = cluster.nodes[0].user("alice").await;
    let room = alice.creates_private_room("killed", &[]).await;
    for round in 0..5 {
        let nonce = format!("killed-nonce-{round}");
        let mut socket = alice.at(&cluster.nodes[0]).connects().await;
        socket.begins(json!({"type": "send", "room": room, "nonce": nonce, "text": "said once"})).await;
        // Whether it was committed, nobody who asked has heard.
        tokio::time::sleep(std::time::Duration::from_millis(round * 2)).await;
        cluster.nodes[0].kill().await;
        drop(socket);
        let elsewhere = alice.at(&cluster.nodes[1]);
        let body = json!({"text": "said once", "nonce": nonce});
        let first = elsewhere.post(&format!("/rooms/{room}/messages"), body.clone()).await.json();
        let again = elsewhere.post(&format!("/rooms/{room}/messages"), body).await.is(200);
        assert_eq!(first["seq"], again["seq"]);
        cluster.nodes[0].start_again().await;
    }
    let seqs: Vec<_> = alice.at(&cluster.nodes[1]).history(&room).await;
    assert_eq!(seqs.len(), 5);
}

#[tokio::test]
async fn a_pair_has_one_room_however_many_nodes_are_asked_at_once() {
    let cluster = nodes(2).start().await;
    let (alice, bob) = (cluster.nodes[0].user("alice").await, cluster.nodes[1].user("bob").await);
    let asks = (0..10).map(|n| {
        let (one, other) = if n % 2 == 0 { (&alice, &bob) } else { (&bob, &alice) };
        let body = json!({"kind": "direct", "members": [other.id]});
        async move { one.post("/rooms", body).await }
    });
    let replies = join_all(asks).await;
    let mut rooms: Vec<String> = replies.iter().map(|reply| reply.json()["id"].as_str().unwrap().to_owned()).collect();
    rooms.dedup();
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
}

#[tokio::test]
async fn a_username_is_given_out_once_by_all_nodes_together() {
    let cluster = nodes(2).start().await;
    let body = json!({"username": "wanted", "password": "correct horse"});
    let asks = (0..10).map(|n| cluster.nodes[n % 2].anonymous("POST", "/accounts", Some(body.clone())));
    let replies = join_all(asks).await;
    let count = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(201), count(409)), (1, 9));
}

#[tokio::test]
async fn numbers_have_no_holes_when_two_nodes_write_at_once() {
    let cluster = nodes(2).start().await;
    let (alice, bob) = (cluster.nodes[0].user("alice").await, cluster.nodes[1].user("bob").await);
    let room = alice.creates_private_room("busy", &[&bob]).await;
    let first = alice.head(&room).await;
    let posts = (0..40).map(|n| {
        let (who, room) = (if n % 2 == 0 { &alice } else { &bob }, &room);
        async move { who.posts(room, &format!("{n}")).await["seq"].as_u64().unwrap() }
    });
    let mut seqs = join_all(posts).await;
    seqs.sort_unstable();
    assert_eq!(seqs, (first + 1..=first + 40).collect::<Vec<_>>());
}
