//! What lives beside the log: presence, typing, heartbeats, silence.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::harness::{App, Socket, User, has, nonce, spawn_app};

const BRIEF: Duration = Duration::from_millis(400);

fn presence(user: &User, status: &str) -> Value {
    json!({"type": "presence", "user": user.id, "status": status})
}

async fn says(socket: &mut Socket, status: &str) {
    socket.says(json!({"type": "presence", "status": status}).to_string()).await;
}

#[tokio::test]
async fn presence_is_told_to_those_who_watch_and_share_a_room() {
    let app = spawn_app().await;
    let (alice, bob, carol, eve) =
        (app.user("alice").await, app.user("bob").await, app.user("carol").await, app.user("eve").await);
    let room = alice.creates_private_room("seen", &[&bob, &carol]).await;
    let mut his = bob.connects().await;
    let _evil = eve.connects().await;
    let mut hers = alice.connects().await;
    hers.subscribes(&room).await;
    hers.never(BRIEF, "subscribing does not imply watching", |frame| frame["type"] == "presence").await;
    hers.done(
        json!({"type": "watch", "users": [bob.id, carol.id, eve.id, "nonsense", uuid::Uuid::now_v7().to_string()]}),
    )
    .await;
    let mut now = vec![hers.hears("presence").await, hers.hears("presence").await];
    now.sort_by_key(|frame| frame["status"].to_string());
    assert_eq!(now, [presence(&carol, "offline"), presence(&bob, "online")]);
    hers.never(BRIEF, "who shares no room is ignored", |frame| frame["user"] == eve.id).await;
    says(&mut his, "away").await;
    assert_eq!(hers.hears("presence").await, presence(&bob, "away"));
    says(&mut his, "online").await;
    assert_eq!(hers.hears("presence").await, presence(&bob, "online"));
    let mut third = carol.connects().await;
    assert_eq!(hers.hears("presence").await, presence(&carol, "online"));
    // Another watch replaces the former.
    hers.done(json!({"type": "watch", "users": [bob.id]})).await;
    assert_eq!(hers.hears("presence").await, presence(&bob, "online"));
    says(&mut third, "away").await;
    hers.never(BRIEF, "carol is not watched any more", |frame| frame["type"] == "presence").await;
    hers.done(json!({"type": "watch", "users": []})).await;
    says(&mut his, "away").await;
    hers.never(BRIEF, "nobody is watched", |frame| frame["type"] == "presence").await;
    let many: Vec<String> = (0..201).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    let refused = hers.ask(json!({"type": "watch", "users": many})).await;
    assert!(refused["code"] == "invalid_field" || refused["code"] == "bad_request", "{refused}");
    hers.done(json!({"type": "watch", "users": many[..200]})).await;
}

#[tokio::test]
async fn offline_is_told_five_seconds_after_the_last_socket_closed() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    alice.creates_private_room("gone", &[&bob]).await;
    let mut hers = alice.connects().await;
    let (phone, laptop) = (bob.connects().await, bob.connects().await);
    hers.done(json!({"type": "watch", "users": [bob.id]})).await;
    assert_eq!(hers.hears("presence").await, presence(&bob, "online"));
    phone.leaves().await;
    hers.never(BRIEF, "another socket is open", |frame| frame["type"] == "presence").await;
    // Back within the delay: nobody hears of it.
    laptop.leaves().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let laptop = bob.connects().await;
    hers.never(Duration::from_secs(4), "back in time", |frame| frame["status"] == "offline").await;
    let begun = Instant::now();
    drop(laptop);
    let offline = hers.wait(Duration::from_secs(12), "offline", |frame| frame["status"] == "offline").await;
    assert_eq!(offline, presence(&bob, "offline"));
    assert!((Duration::from_millis(4_500)..Duration::from_secs(8)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_user_with_several_sockets_is_away_only_when_all_are() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    alice.creates_private_room("several", &[&bob]).await;
    let (mut one, mut two, mut hers) = (bob.connects().await, bob.connects().await, alice.connects().await);
    hers.done(json!({"type": "watch", "users": [bob.id]})).await;
    assert_eq!(hers.hears("presence").await, presence(&bob, "online"));
    says(&mut one, "away").await;
    hers.never(BRIEF, "one socket is still online", |frame| frame["status"] == "away").await;
    says(&mut two, "away").await;
    assert_eq!(hers.hears("presence").await, presence(&bob, "away"));
    says(&mut one, "online").await;
    assert_eq!(hers.hears("presence").await, presence(&bob, "online"));
}

#[tokio::test]
async fn typing_is_heard_by_others_who_listen_and_never_by_oneself() {
    let app = spawn_app().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let room = alice.creates_private_room("typing", &[&bob, &carol]).await;
    let (mut one, mut two, mut hers, mut deaf) =
        (bob.connects().await, bob.connects().await, alice.connects().await, carol.connects().await);
    for socket in [&mut one, &mut two, &mut hers] {
        socket.subscribes(&room).await;
    }
    let typing = |on: bool| json!({"type": "typing", "room": room, "on": on}).to_string();
    one.says(typing(true)).await;
    assert_eq!(
        hers.hears("typing").await,
        json!({"type": "typing", "room": room, "user": bob.id, "on": true, "ttl_ms": 6_000})
    );
    one.says(typing(false)).await;
    has(&hers.hears("typing").await, json!({"user": bob.id, "on": false}));
    for socket in [&mut one, &mut two, &mut deaf] {
        socket.never(BRIEF, "one's own typing, or no listener", |frame| frame["type"] == "typing").await;
    }
    // Over the rate: dropped without a word.
    one.says(typing(true)).await;
    one.says(typing(true)).await;
    hers.never(BRIEF, "one in three seconds", |frame| frame["type"] == "typing").await;
    assert!(one.drain().await.is_empty(), "no answer");
    // Muted, a stranger, nonsense: dropped as well.
    alice.mutes(&room, &carol, "2099-01-01T00:00:00.000Z").await;
    deaf.says(typing(true)).await;
    let mut stranger = app.user("eve").await.connects().await;
    stranger.says(typing(true)).await;
    stranger.says(json!({"type": "typing", "room": "nonsense", "on": true}).to_string()).await;
    hers.never(BRIEF, "who may not speak does not type", |frame| frame["type"] == "typing").await;
    assert!(stranger.drain().await.is_empty() && deaf.drain().await.iter().all(|frame| frame["type"] != "error"));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    one.says(typing(true)).await;
    hers.hears("typing").await;
    // Nothing of it was stored.
    assert!(alice.history(&room).await.is_empty());
}

#[tokio::test]
async fn heartbeats_tell_the_heads_that_moved_and_ping_at_the_frame_level() {
    let app = App::usual().set("LIMITS__HEARTBEAT_SECONDS", 1).set("LIMITS__SILENCE_SECONDS", 5).spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (moved, still) =
        (alice.creates_private_room("moved", &[&bob]).await, alice.creates_private_room("still", &[&bob]).await);
    let mut socket = bob.connects().await;
    assert_eq!(socket.ready["heartbeat_ms"], 1_000);
    socket.subscribes(&moved).await;
    socket.subscribes(&still).await;
    socket.hears("heartbeat").await;
    let begun = Instant::now();
    let seq = alice.posts(&moved, "moves the head").await["seq"].clone();
    let mut heads = serde_json::Map::new();
    let mut beats = 0;
    while beats < 3 {
        let beat = socket.hears("heartbeat").await;
        assert!(beat["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{beat}");
        assert_eq!(beat["seq"], socket.ready["seq"], "{beat}");
        heads.extend(beat["heads"].as_object().unwrap_or_else(|| panic!("{beat}")).clone());
        beats += 1;
    }
    let took = begun.elapsed();
    assert!((Duration::from_millis(1_700)..Duration::from_millis(4_500)).contains(&took), "three beats took {took:?}");
    assert_eq!(heads.get(&moved), Some(&seq));
    assert_eq!(heads.get(&still), None, "a room that did not move is not told");
    assert!(socket.pings >= 2, "{} pings", socket.pings);
    // A later number of one's own world is told as well.
    bob.patch("/me", json!({"display_name": "Bobby"})).await.is(200);
    let beat = socket.hears("heartbeat").await;
    let beat = if beat["seq"] == socket.ready["seq"] { socket.hears("heartbeat").await } else { beat };
    assert_eq!(beat["seq"].as_u64(), socket.ready["seq"].as_u64().map(|seq| seq + 1));
    // Who answers pings is never silent.
    socket.never(Duration::from_secs(3), "still open", |_| false).await;
    socket.done(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn a_silent_client_is_closed_with_4411() {
    let app = App::usual().set("LIMITS__HEARTBEAT_SECONDS", 1).set("LIMITS__SILENCE_SECONDS", 2).spawn().await;
    let user = app.user("silent").await;
    let mut socket = user.connects().await;
    // Reads bytes, and answers no ping.
    let begun = Instant::now();
    let mut heard = Vec::new();
    let reading = async {
        let mut buffer = [0; 4_096];
        while let Ok(read @ 1..) = socket.tcp().read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..read]);
        }
    };
    crate::harness::within(Duration::from_secs(8), "4411", reading).await;
    let took = begun.elapsed();
    let text = String::from_utf8_lossy(&heard);
    assert!(text.contains("\"heartbeat\"") && text.contains("\"bye\"") && text.contains("4411"), "{text}");
    assert!(heard.windows(2).any(|two| two == 4411_u16.to_be_bytes()), "a close with 4411");
    assert!((Duration::from_millis(1_800)..Duration::from_secs(4)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn ephemeral_events_never_take_a_number() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("numbers", &[&bob]).await;
    let mut socket = bob.connects().await;
    socket.subscribes(&room).await;
    let head = alice.head(&room).await;
    socket.says(json!({"type": "typing", "room": room, "on": true}).to_string()).await;
    says(&mut socket, "away").await;
    socket.done(json!({"type": "read", "room": room, "seq": head})).await;
    assert_eq!(alice.head(&room).await, head);
    let ok = socket.done(json!({"type": "send", "room": room, "nonce": nonce(), "text": "next"})).await;
    assert_eq!(ok["seq"], head + 1);
}
