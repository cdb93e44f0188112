//! Clients that are slow, and many: memory stays bounded, nothing is lost, others do not notice.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{App, PATIENCE, Replica, Socket, Upgrade, nonce, within};

fn unhurried() -> crate::harness::Options {
    App::usual().set("LIMITS__ENABLED", false)
}

#[tokio::test]
async fn a_slow_reader_is_caught_up_and_costs_bounded_memory() {
    let app = unhurried().set("LIMITS__OUTBOUND_BYTES", 131_072).spawn().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let room = alice.creates_private_room("torrent", &[&bob, &carol]).await;
    let (stream, _) = Upgrade::new(app.address()).shake_with(Some(4_096)).await.unwrap();
    let mut slow = Socket::over(stream).await;
    slow.auth(&bob.access).await;
    let first = slow.subscribes(&room).await["head"].as_u64().unwrap();
    let mut quick = carol.connects().await;
    quick.subscribes(&room).await;
    let mut writer = alice.connects().await;
    let before = app.memory();
    // 3.5 MiB of texts, beyond 128 KiB of queue and what the kernel holds for one socket.
    let total = 900_u64;
    let to = room.clone();
    let writing = tokio::spawn(async move {
        let mut slowest = Duration::ZERO;
        for chunk in 0..total / 20 {
            let sends = (0..20).map(|n| json!({"type": "send", "room": to, "nonce": nonce(), "text": format!("{chunk:03}-{n:02}-{}", "z".repeat(3_900))}));
            let begun = Instant::now();
            for id in writer.begins_all(sends).await {
                assert_eq!(writer.answer(id, "send").await["type"], "ok");
            }
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    });
    // The quick one is not held up by the slow one.
    let mut replica = Replica::at(first);
    while replica.cursor < first + total {
        let frame = quick.wait(PATIENCE, "a change", |frame| frame["room"] == room.as_str()).await;
        replica.apply(&frame);
    }
    within(PATIENCE, "the writer", writing).await.unwrap();
    let grown = app.memory().saturating_sub(before);
    assert!(grown < 48 << 20, "memory grew by {grown} bytes");
    // Now it reads, and gets everything, in order, by batches and then live.
    let (mut late, mut batches) = (Replica::at(first), 0);
    while late.cursor < first + total {
        let frame = slow.wait(PATIENCE, "a change", |frame| frame["room"] == room.as_str()).await;
        batches += usize::from(frame["type"] == "batch");
        late.apply(&frame);
    }
    assert!(batches > 0, "the queue never was full: the test is too weak");
    assert_eq!(late.messages, replica.messages);
    alice.posts(&room, "live again").await;
    assert_eq!(slow.sees("live again").await["seq"], first + total + 1);
}

#[tokio::test]
async fn a_reader_who_is_more_than_a_thousand_changes_behind_is_reset() {
    let app = unhurried().set("LIMITS__OUTBOUND_BYTES", 65_536).spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("behind", &[&bob]).await;
    let (stream, _) = Upgrade::new(app.address()).shake_with(Some(4_096)).await.unwrap();
    let mut slow = Socket::over(stream).await;
    slow.auth(&bob.access).await;
    let first = slow.subscribes(&room).await;
    let mut writer = alice.connects().await;
    let total = 2_600_u64;
    for _ in 0..total / 20 {
        let sends = (0..20).map(|_| json!({"type": "send", "room": room, "nonce": nonce(), "text": "z".repeat(3_500)}));
        for id in writer.begins_all(sends).await {
            writer.answer(id, "send").await;
        }
    }
    let mut replica = Replica::at(first["head"].as_u64().unwrap());
    let reset = loop {
        let frame = slow.wait(PATIENCE, "a change", |frame| frame["room"] == room.as_str()).await;
        if frame["type"] == "reset" {
            break frame;
        }
        replica.apply(&frame);
        assert!(replica.cursor < first["head"].as_u64().unwrap() + total, "never reset: the test is too weak");
    };
    let head = first["head"].as_u64().unwrap() + total;
    crate::harness::has(&reset, json!({"room": room, "epoch": first["epoch"], "floor": 0, "reason": "too_far"}));
    // It was said as soon as it was true, perhaps while the writer still wrote.
    let told = reset["head"].as_u64().unwrap();
    assert!(told > replica.cursor + 1_000 && told <= head, "{reset}, and {} was heard", replica.cursor);
    // Not subscribed any more; by its head it goes on.
    alice.posts(&room, "unheard").await;
    assert!(slow.drain().await.iter().all(|frame| frame["data"]["text"] != "unheard"));
    let answer = slow.resumes(&room, &first["epoch"], head).await;
    assert_eq!(answer["status"], "catchup", "{answer}");
    slow.hears("batch").await;
    alice.posts(&room, "heard").await;
    slow.sees("heard").await;
}

#[tokio::test]
async fn t12_a_reader_that_stops_for_ever_is_closed_after_the_stall_time() {
    let app = unhurried().set("LIMITS__STALL_SECONDS", 2).set("LIMITS__OUTBOUND_BYTES", 65_536).spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("stalled", &[&bob]).await;
    let (stream, _) = Upgrade::new(app.address()).shake_with(Some(4_096)).await.unwrap();
    let mut stalled = Socket::over(stream).await;
    stalled.auth(&bob.access).await;
    stalled.subscribes(&room).await;
    let mut writer = alice.connects().await;
    let begun = Instant::now();
    let mut ended = None;
    while begun.elapsed() < Duration::from_secs(15) {
        let sends = (0..20).map(|_| json!({"type": "send", "room": room, "nonce": nonce(), "text": "z".repeat(4_000)}));
        for id in writer.begins_all(sends).await {
            writer.answer(id, "send").await;
        }
        if app.metric("chat_websocket_connections", &[]).await == 1.0 {
            ended = Some(begun.elapsed());
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = ended.expect("the stalled socket to end");
    assert!(ended > Duration::from_millis(1_500), "{ended:?}");
    writer.done(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn a_pipeline_that_is_never_read_stops_being_served() {
    let app = unhurried().spawn().await;
    let alice = app.user("alice").await;
    let (stream, _) = Upgrade::new(app.address()).shake_with(Some(4_096)).await.unwrap();
    let mut socket = Socket::over(stream).await;
    socket.auth(&alice.access).await;
    let before = app.memory();
    // Pings whose answers nobody reads: the server stops reading, and the sending stalls here.
    let flood = async {
        for n in 0..400_000 {
            socket.says(json!({"type": "ping", "id": n % 1_000_000 + 10}).to_string()).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(3), flood).await;
    let grown = app.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "memory grew by {grown} bytes");
}

#[tokio::test]
async fn a_thousand_sockets_come_go_and_come_back() {
    let app = unhurried().spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_private_room("storm", &[]).await;
    let mut sockets = Vec::new();
    for _ in 0..200 {
        let mut socket = alice.connects().await;
        socket.subscribes(&room).await;
        sockets.push(socket);
    }
    let cursor = alice.posts(&room, "to all").await["seq"].as_u64().unwrap();
    let mut epoch = Value::Null;
    for socket in &mut sockets {
        epoch = json!(socket.sees("to all").await["seq"]);
    }
    assert_eq!(epoch, cursor);
    drop(sockets);
    let page = alice.get(&format!("/rooms/{room}/messages")).await.is(200);
    for n in 0..10 {
        alice.posts(&room, &format!("missed {n}")).await;
    }
    let (room, epoch) = (&room, &page["epoch"]);
    let resumed = futures_util::future::join_all((0..200).map(|_| async {
        let mut socket = alice.connects().await;
        assert_eq!(socket.resumes(room, epoch, cursor).await["status"], "catchup");
        let mut replica = Replica::at(cursor);
        while replica.cursor < cursor + 10 {
            let frame = socket.wait(PATIENCE, "a change", |frame| frame["room"] == room.as_str()).await;
            replica.apply(&frame);
        }
        replica.texts().len()
    }));
    assert!(within(Duration::from_secs(30), "the storm", resumed).await.iter().all(|count| *count == 10));
}

#[tokio::test]
async fn what_waits_for_the_index_of_the_search_is_shown() {
    let patient = crate::harness::App::usual().set("STORE__INDEX_PAUSE_MS", 1_500).set("STORE__INDEX_BACKLOG", 4);
    let app = patient.set("STORE__INDEX_SLICE", 2).spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("indexed").await;
    for _ in 0..9 {
        alice.posts(&room, "words").await;
    }
    let waits = async || app.metric("chat_search_waiting", &[]).await;
    crate::harness::eventually("some wait", async || waits().await > 0.0).await;
    assert!(waits().await <= 9.0, "{}", waits().await);
    crate::harness::eventually("none wait", async || waits().await == 0.0).await;
}
