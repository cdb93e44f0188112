//! `GET /sync`: unread, mentions, markers, the newest message; all derived, never counted.

use serde_json::{Value, json};

use crate::harness::{has, names, spawn_app};

#[tokio::test]
async fn the_first_paint_holds_everything_a_client_needs() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("painted", &[&bob]).await;
    alice.posts(&room, "hello").await;
    let last = alice.posts(&room, &format!("for @{}!", bob.username)).await;
    assert_eq!(last["mentions"], json!([bob.id]), "the name ends at its last letter or digit");
    let sync = bob.get("/sync").await.is(200);
    assert_eq!(names(&sync), "rooms seq user");
    assert_eq!(sync["user"]["id"], bob.id);
    assert!(sync["seq"].is_u64());
    let entry = bob.syncs(&room).await.unwrap();
    assert_eq!(names(&entry), "epoch floor head last member mentions read room unread");
    let page = bob.get(&format!("/rooms/{room}/messages")).await.is(200);
    has(&entry, json!({"epoch": page["epoch"], "head": page["head"], "floor": 0, "unread": 2, "mentions": 1}));
    has(&entry["room"], json!({"id": room, "name": "painted"}));
    has(&entry["member"], json!({"user": bob.id, "in": true}));
    has(&entry["last"], json!({"seq": last["seq"], "text": last["text"]}));
    // One's own messages are never unread.
    has(&alice.syncs(&room).await.unwrap(), json!({"unread": 0, "mentions": 0}));
    // The cursor of the first paint can be subscribed with.
    let mut socket = bob.connects().await;
    let answer = socket.resumes(&room, &entry["epoch"], entry["head"].as_u64().unwrap()).await;
    assert_eq!(answer["status"], "live");
    assert_eq!(socket.ready["seq"], sync["seq"]);
}

#[tokio::test]
async fn the_marker_only_moves_forward_and_is_cut_to_the_head() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("markers", &[&bob]).await;
    let mut seqs = Vec::new();
    for n in 0..4 {
        seqs.push(alice.posts(&room, &format!("message {n}")).await["seq"].as_u64().unwrap());
    }
    let state = async || {
        let entry = bob.syncs(&room).await.unwrap();
        (entry["read"].as_u64().unwrap(), entry["unread"].as_u64().unwrap())
    };
    assert_eq!(state().await.1, 4);
    bob.reads(&room, seqs[1]).await;
    assert_eq!(state().await, (seqs[1], 2));
    bob.reads(&room, seqs[0]).await;
    assert_eq!(state().await, (seqs[1], 2));
    bob.reads(&room, 1_000_000).await;
    assert_eq!(state().await, (seqs[3], 0));
    let head = alice.head(&room).await;
    bob.reads(&room, seqs[3]).await;
    assert_eq!(alice.head(&room).await, head, "markers take no number");
    bob.put(&format!("/rooms/{room}/read"), json!({"seq": "x"})).await.refuses(422, "invalid_field");
    bob.put(&format!("/rooms/{room}/read"), json!({"seq": -1})).await.refuses(422, "invalid_field");
    let mut socket = bob.connects().await;
    alice.posts(&room, "one more").await;
    socket.done(json!({"type": "read", "room": room, "seq": head + 1})).await;
    assert_eq!(state().await, (head + 1, 0));
}

#[tokio::test]
async fn deleted_messages_are_neither_unread_nor_last() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("gone", &[&bob]).await;
    let kept = alice.posts(&room, "kept").await;
    let gone = alice.posts(&room, &format!("@{} gone", bob.username)).await;
    has(&bob.syncs(&room).await.unwrap(), json!({"unread": 2, "mentions": 1}));
    alice.delete(&format!("/rooms/{room}/messages/{}", gone["seq"])).await.is(204);
    let entry = bob.syncs(&room).await.unwrap();
    has(&entry, json!({"unread": 1, "mentions": 0}));
    assert_eq!(entry["last"]["seq"], kept["seq"]);
    // An edit moves mentions as well.
    let path = format!("/rooms/{room}/messages/{}", kept["seq"]);
    let edited = alice.patch(&path, json!({"text": format!("kept for @{}", bob.username)})).await.is(200);
    assert_eq!(edited["mentions"], json!([bob.id]));
    has(&bob.syncs(&room).await.unwrap(), json!({"unread": 1, "mentions": 1}));
}

#[tokio::test]
async fn joining_starts_at_the_head_and_leaving_takes_the_room_away() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_room("later").await;
    for n in 0..3 {
        alice.posts(&room, &format!("before {n}")).await;
    }
    bob.joins(&room).await;
    let entry = bob.syncs(&room).await.unwrap();
    assert_eq!((&entry["unread"], &entry["read"]), (&json!(0), &entry["head"]));
    assert_eq!(bob.history(&room).await.len(), 3, "who joins reads what was said before");
    bob.leaves(&room).await;
    assert!(bob.syncs(&room).await.is_none());
}

#[tokio::test]
async fn counts_stop_at_a_hundred() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("many", &[&bob]).await;
    let mut socket = alice.connects().await;
    for chunk in 0..5 {
        let sends = (0..21).map(|n| json!({"type": "send", "room": room, "nonce": format!("many-{chunk:02}-{n:02}"), "text": format!("@{} {n}", bob.username)}));
        for id in socket.begins_all(sends).await {
            assert_eq!(socket.answer(id, "send").await["type"], "ok");
        }
    }
    has(&bob.syncs(&room).await.unwrap(), json!({"unread": 100, "mentions": 100}));
}

#[tokio::test]
async fn mentions_are_of_members_and_of_everybody_by_admins() {
    let app = spawn_app().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let room = alice.creates_private_room("calls", &[&bob]).await;
    let mentions = |message: &Value| (message["mentions"].clone(), message["mentions_room"].clone());
    let both = alice
        .posts(&room, &format!("@{}, (@{}) and me@{}", bob.username.to_uppercase(), carol.username, bob.username))
        .await;
    let (of, everybody) = mentions(&both);
    assert!(of == json!([bob.id]) && everybody == false, "{both}: carol is no member");
    let all = alice.posts(&room, "@room please").await;
    assert_eq!(mentions(&all), (json!([]), json!(true)));
    has(&bob.syncs(&room).await.unwrap(), json!({"unread": 2, "mentions": 2}));
    let by_bob = bob.posts(&room, "@room please").await;
    assert_eq!(by_bob["mentions_room"], false, "a plain member does not call everybody");
    assert_eq!(alice.syncs(&room).await.unwrap()["mentions"], 0);
    let dotted = alice.posts(&room, &format!("thanks @{}...", bob.username)).await;
    assert_eq!(dotted["mentions"], json!([bob.id]));
}
