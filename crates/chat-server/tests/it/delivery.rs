//! What reaches whom, in which order: live, by catch-up, after a reset, until removal.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{App, PATIENCE, Replica, Socket, User, encode, has, nonce, spawn_app};

/// Hears events and batches of the room until the replica's cursor is at `end`.
async fn follow(socket: &mut Socket, room: &str, replica: &mut Replica, end: u64) {
    while replica.cursor < end {
        let frame = socket
            .wait(PATIENCE, "a change", |frame| {
                (frame["type"] == "event" || frame["type"] == "batch") && frame["room"] == room
            })
            .await;
        replica.apply(&frame);
    }
}

/// All kinds of changes: 3 messages, an edit, a reaction, a tombstone, a pin, the room, a member.
async fn stir(alice: &User, bob: &User, room: &str) -> u64 {
    let mut seqs = Vec::new();
    for n in 0..3 {
        seqs.push(alice.posts(room, &format!("stir {n}")).await["seq"].as_u64().unwrap());
    }
    let at = |n: usize| format!("/rooms/{room}/messages/{}", seqs[n]);
    alice.patch(&at(0), json!({"text": format!("edited for @{}", bob.username)})).await.is(200);
    bob.puts(&format!("{}/reactions/{}", at(0), encode("👍"))).await.is(204);
    alice.delete(&at(1)).await.is(204);
    alice.puts(&format!("/rooms/{room}/pins/{}", seqs[2])).await.is(204);
    alice.patch(&format!("/rooms/{room}"), json!({"topic": nonce()})).await.is(200);
    alice.makes(room, bob, "admin").await;
    alice.makes(room, bob, "member").await;
    alice.head(room).await
}

#[tokio::test]
async fn every_durable_change_takes_the_next_number_and_is_heard_once_in_order() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("log", &[&bob]).await;
    let (mut one, mut two) = (alice.connects().await, bob.connects().await);
    let head = one.subscribes(&room).await["head"].as_u64().unwrap();
    two.subscribes(&room).await;
    let end = stir(&alice, &bob, &room).await;
    assert_eq!(end, head + 10);
    let (mut hers, mut his) = (Replica::at(head), Replica::at(head));
    follow(&mut one, &room, &mut hers, end).await;
    follow(&mut two, &room, &mut his, end).await;
    assert_eq!(hers, his);
    assert_eq!(hers.texts().len(), 3);
    // Nothing else came for the room.
    for socket in [&mut one, &mut two] {
        assert!(socket.drain().await.iter().all(|frame| frame["room"] != room.as_str()));
    }
}

#[tokio::test]
async fn a_resume_from_any_cursor_brings_the_same_state_as_being_there() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("resume", &[&bob]).await;
    let mut there = bob.connects().await;
    let first = there.subscribes(&room).await;
    let (epoch, head) = (first["epoch"].clone(), first["head"].as_u64().unwrap());
    stir(&alice, &bob, &room).await;
    let mut end = stir(&alice, &bob, &room).await;
    let mut present = Replica::at(head);
    follow(&mut there, &room, &mut present, end).await;
    let cursors = head..end;
    for after in cursors {
        let mut socket = bob.connects().await;
        let answer = socket.resumes(&room, &epoch, after).await;
        has(&answer, json!({"status": "catchup", "epoch": epoch, "head": end, "floor": 0}));
        let mut replica = Replica::at(after);
        follow(&mut socket, &room, &mut replica, end).await;
        let newer = |object: &Value| object["rev"].as_u64().unwrap() > after;
        let changed: Vec<&Value> = present.messages.values().filter(|message| newer(message)).collect();
        assert_eq!(replica.messages.values().collect::<Vec<_>>(), changed, "after {after}");
        let changed: Vec<&Value> = present.members.values().filter(|member| newer(member)).collect();
        assert_eq!(replica.members.values().collect::<Vec<_>>(), changed, "after {after}");
        assert_eq!(!replica.room.is_null(), newer(&present.room), "after {after}");
        // Then it is live.
        let text = nonce();
        end = alice.posts(&room, &text).await["seq"].as_u64().unwrap();
        assert_eq!(socket.sees(&text).await["seq"], end);
        follow(&mut there, &room, &mut present, end).await;
        socket.leaves().await;
        if end > head + 30 {
            break;
        }
    }
    let mut socket = bob.connects().await;
    has(&socket.resumes(&room, &epoch, end).await, json!({"status": "live", "head": end}));
    assert!(socket.drain().await.is_empty(), "nothing was missed");
}

#[tokio::test]
async fn a_batch_collapses_many_edits_into_the_latest_state() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_private_room("edits", &[]).await;
    let page = alice.get(&format!("/rooms/{room}/messages")).await.is(200);
    let head = page["head"].as_u64().unwrap();
    let seq = alice.posts(&room, "v0").await["seq"].as_u64().unwrap();
    for n in 1..=5 {
        alice.patch(&format!("/rooms/{room}/messages/{seq}"), json!({"text": format!("v{n}")})).await.is(200);
    }
    let mut socket = alice.connects().await;
    socket.resumes(&room, &page["epoch"], head).await;
    let batch = socket.hears("batch").await;
    has(
        &batch,
        json!({"room": room, "epoch": page["epoch"], "from": head, "to": head + 6, "head": head + 6, "more": false, "members": []}),
    );
    assert!(batch.get("state").is_none_or(Value::is_null), "the room's own did not change: {batch}");
    let messages = batch["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    has(&messages[0], json!({"seq": seq, "rev": seq + 5, "text": "v5"}));
}

#[tokio::test]
async fn long_catch_ups_come_in_batches_of_64_kib_and_live_events_after_them() {
    let app = App::usual().spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("long", &[&bob]).await;
    let page = bob.get(&format!("/rooms/{room}/messages")).await.is(200);
    let head = page["head"].as_u64().unwrap();
    let mut writer = alice.connects().await;
    for chunk in 0..10 {
        let sends = (0..20).map(|n| json!({"type": "send", "room": room, "nonce": nonce(), "text": format!("{chunk:02}-{n:02} {}", "y".repeat(2_000))}));
        for id in writer.begins_all(sends).await {
            assert_eq!(writer.answer(id, "send").await["type"], "ok");
        }
    }
    let mut socket = bob.connects().await;
    assert_eq!(socket.resumes(&room, &page["epoch"], head).await["status"], "catchup");
    writer.posts(&room, "while catching up").await;
    let (mut replica, mut batches, mut is_live) = (Replica::at(head), 0, false);
    while replica.cursor < head + 201 {
        let frame = socket.wait(PATIENCE, "a change", |frame| frame["room"] == room.as_str()).await;
        if frame["type"] == "batch" {
            assert!(!is_live, "a batch after an event");
            assert!(frame.to_string().len() <= 65_536, "a batch of {} bytes", frame.to_string().len());
            batches += 1;
        }
        is_live |= frame["type"] == "event";
        replica.apply(&frame);
    }
    assert!(batches >= 6, "{batches} batches");
    assert_eq!(replica.messages.len(), 201);
}

#[tokio::test]
async fn what_can_not_be_served_is_reset_and_not_subscribed() {
    let app = App::usual().spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_private_room("reset", &[]).await;
    let page = alice.get(&format!("/rooms/{room}/messages")).await.is(200);
    let first = page["head"].as_u64().unwrap();
    let mut writer = alice.connects().await;
    // A thousand changed objects are caught up, one more is too far.
    for _ in 0..50 {
        let sends = (0..20).map(|n| json!({"type": "send", "room": room, "nonce": nonce(), "text": format!("{n}")}));
        for id in writer.begins_all(sends).await {
            writer.answer(id, "send").await;
        }
    }
    let mut reader = alice.connects().await;
    assert_eq!(reader.resumes(&room, &page["epoch"], first).await["status"], "catchup");
    let mut replica = Replica::at(first);
    follow(&mut reader, &room, &mut replica, first + 1_000).await;
    assert_eq!(replica.messages.len(), 1_000);
    let head = alice.posts(&room, "one more").await["seq"].as_u64().unwrap();
    let mut socket = alice.connects().await;
    for (epoch, after, reason) in [
        (json!("another"), head, "epoch"),
        (page["epoch"].clone(), head + 1, "ahead"),
        (page["epoch"].clone(), first, "too_far"),
    ] {
        let answer = socket.resumes(&room, &epoch, after).await;
        has(
            &answer,
            json!({"room": room, "status": "reset", "epoch": page["epoch"], "head": head, "floor": 0, "reason": reason}),
        );
    }
    alice.posts(&room, "unheard").await;
    assert!(
        socket.drain().await.iter().all(|frame| frame["data"]["text"] != "unheard"),
        "a reset room is not subscribed"
    );
    // By the way the page tells: load the room, subscribe with its head.
    let page = alice.get(&format!("/rooms/{room}/messages")).await.is(200);
    assert_eq!(socket.resumes(&room, &page["epoch"], page["head"].as_u64().unwrap()).await["status"], "live");
    alice.posts(&room, "heard").await;
    socket.sees("heard").await;
    // A reset of a room that was live ends its delivery as well.
    assert_eq!(socket.resumes(&room, &json!("another"), 1).await["status"], "reset");
    alice.posts(&room, "unheard again").await;
    assert!(socket.drain().await.iter().all(|frame| frame["data"]["text"] != "unheard again"));
}

#[tokio::test]
async fn subscribing_again_repositions_and_repairs_a_gap() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("repair", &[&bob]).await;
    let mut socket = bob.connects().await;
    let first = socket.subscribes(&room).await;
    let head = first["head"].as_u64().unwrap();
    for n in 0..5 {
        alice.posts(&room, &format!("message {n}")).await;
    }
    for n in 0..5 {
        socket.sees(&format!("message {n}")).await;
    }
    let answer = socket.resumes(&room, &first["epoch"], head + 2).await;
    assert_eq!(answer["status"], "catchup");
    let mut replica = Replica::at(head + 2);
    follow(&mut socket, &room, &mut replica, head + 5).await;
    assert_eq!(replica.texts(), ["message 2", "message 3", "message 4"]);
    // Without a cursor: from the current head.
    assert_eq!(socket.subscribes(&room).await["head"], head + 5);
    alice.posts(&room, "once").await;
    socket.sees("once").await;
    let rest = socket.drain().await;
    assert!(rest.iter().all(|frame| frame["data"]["text"] != "once"), "heard once: {rest:?}");
}

#[tokio::test]
async fn one_request_answers_for_each_room_in_its_place() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mine = alice.creates_private_room("mine", &[]).await;
    let theirs = bob.creates_private_room("theirs", &[]).await;
    let open = bob.creates_room("open").await;
    let unknown = uuid::Uuid::now_v7().to_string();
    let mut socket = alice.connects().await;
    let rooms = json!([{"room": unknown}, {"room": mine}, {"room": theirs}, {"room": open}]);
    let answer = socket.done(json!({"type": "subscribe", "rooms": rooms})).await["rooms"].clone();
    assert_eq!(answer[0], json!({"room": unknown, "status": "error", "code": "not_found"}));
    has(&answer[1], json!({"room": mine, "status": "live"}));
    assert_eq!(answer[2], json!({"room": theirs, "status": "error", "code": "not_found"}));
    assert_eq!(answer[3], json!({"room": open, "status": "error", "code": "forbidden"}));
    socket.refused(json!({"type": "subscribe", "rooms": [{"room": mine, "after": -1}]}), "invalid_field").await;
}

#[tokio::test]
async fn unsubscribed_is_unheard_and_a_send_needs_no_subscription() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("mute", &[&bob]).await;
    let mut socket = bob.connects().await;
    socket.posts(&room, "unsubscribed").await;
    assert!(socket.drain().await.iter().all(|frame| frame["room"] != room.as_str()));
    socket.subscribes(&room).await;
    alice.posts(&room, "heard").await;
    socket.sees("heard").await;
    socket.done(json!({"type": "unsubscribe", "rooms": [room]})).await;
    alice.posts(&room, "unheard").await;
    assert!(socket.drain().await.iter().all(|frame| frame["room"] != room.as_str()));
}

#[tokio::test]
async fn removal_ends_delivery_and_says_why() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    for reason in ["kicked", "banned", "left", "deleted"] {
        let room = alice.creates_private_room(reason, &[&bob]).await;
        let mut victim = bob.connects().await;
        let first = victim.subscribes(&room).await;
        alice.posts(&room, "before").await;
        victim.sees("before").await;
        match reason {
            "kicked" => alice.kicks(&room, &bob).await,
            "banned" => alice.bans(&room, &bob).await,
            "left" => bob.leaves(&room).await,
            _ => drop(alice.delete(&format!("/rooms/{room}")).await.is(204)),
        }
        let evicted = victim.hears("evicted").await;
        assert_eq!(evicted, json!({"type": "evicted", "room": room, "reason": reason}));
        if reason != "deleted" {
            alice.posts(&room, "after").await;
        }
        assert!(victim.drain().await.iter().all(|frame| frame["data"]["text"] != "after"), "{reason}");
        let answer = victim.resumes(&room, &first["epoch"], first["head"].as_u64().unwrap()).await;
        assert_eq!(answer, json!({"room": room, "status": "error", "code": "not_found"}), "{reason}");
        victim.refused(json!({"type": "send", "room": room, "nonce": nonce(), "text": "x"}), "not_found").await;
        victim.leaves().await;
    }
}

#[tokio::test]
async fn s4_no_event_above_the_removal_reaches_the_victim_while_events_flow() {
    let app = App::usual().set("LIMITS__ENABLED", false).spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("flow", &[&bob]).await;
    let mut victim = bob.connects().await;
    let epoch = victim.subscribes(&room).await["epoch"].clone();
    let mut writer = alice.connects().await;
    let to = room.clone();
    let writing = tokio::spawn(async move {
        for _ in 0..35 {
            let sends = (0..25).map(|n| json!({"type": "send", "room": to, "nonce": nonce(), "text": format!("{n}")}));
            for id in writer.begins_all(sends).await {
                writer.answer(id, "send").await;
            }
        }
    });
    // Events are flowing.
    for _ in 0..50 {
        victim.hears("event").await;
    }
    alice.kicks(&room, &bob).await;
    victim.hears("evicted").await;
    crate::harness::within(Duration::from_secs(30), "the writer", writing).await.unwrap();
    // Where the removal stands in the log: all the rest are messages.
    let mut removed = None;
    let mut after = 0;
    while removed.is_none() {
        let batch = alice
            .get(&format!("/rooms/{room}/changes?epoch={}&after={after}&limit=100", epoch.as_str().unwrap()))
            .await;
        let batch = batch.is(200);
        removed = batch["members"]
            .as_array()
            .unwrap()
            .iter()
            .find(|member| member["user"] == bob.id && member["in"] == false)
            .map(|member| member["rev"].as_u64().unwrap());
        assert!(removed.is_some() || batch["more"] == true, "the removal is in the log");
        after = batch["to"].as_u64().unwrap();
    }
    let removed = removed.unwrap();
    let heard: Vec<u64> = victim
        .drain()
        .await
        .iter()
        .filter(|frame| frame["room"] == room.as_str())
        .filter_map(|frame| frame["seq"].as_u64())
        .collect();
    assert!(heard.iter().all(|seq| *seq <= removed), "heard beyond the removal at {removed}: {heard:?}");
    assert!(heard.windows(2).all(|two| two[1] == two[0] + 1), "a hole before the removal: {heard:?}");
    assert!(removed < alice.head(&room).await, "nothing flowed after the removal: the test is too weak");
}

#[tokio::test]
async fn ones_own_world_is_hinted_at_by_number() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut socket = bob.connects().await;
    let mut number = socket.ready["seq"].as_u64().unwrap();
    let mut next = |event: &Value| {
        number += 1;
        assert_eq!(event["seq"], number, "{event}");
        assert_eq!((&event["type"], &event["room"]), (&json!("event"), &json!("@me")));
    };
    let room = alice.creates_private_room("hints", &[&bob]).await;
    let added = socket.event("@me", "rooms").await;
    next(&added);
    assert_eq!(added["data"]["room"], room.as_str());
    has(&added["data"]["member"], json!({"user": bob.id, "room": room, "in": true, "role": "member"}));
    alice.makes(&room, &bob, "admin").await;
    let promoted = socket.event("@me", "rooms").await;
    next(&promoted);
    assert_eq!(promoted["data"]["member"]["role"], "admin");
    let seq = alice.posts(&room, "read me").await["seq"].as_u64().unwrap();
    bob.reads(&room, seq).await;
    let read = socket.event("@me", "read").await;
    next(&read);
    assert_eq!(read["data"], json!({"room": room, "seq": seq}));
    // A marker that does not move is no news.
    bob.reads(&room, seq).await;
    bob.patch("/me", json!({"display_name": "Bobby"})).await.is(200);
    let profile = socket.event("@me", "profile").await;
    next(&profile);
    assert_eq!(profile["data"], bob.get("/me").await.is(200));
    alice.kicks(&room, &bob).await;
    let kicked = socket.event("@me", "rooms").await;
    next(&kicked);
    has(&kicked["data"]["member"], json!({"in": false}));
    let own = bob.creates_room("own").await;
    let created = socket.event("@me", "rooms").await;
    next(&created);
    assert_eq!(created["data"]["room"], own.as_str());
    bob.delete(&format!("/rooms/{own}")).await.is(204);
    let deleted = socket.event("@me", "rooms").await;
    next(&deleted);
    let open = alice.creates_room("open").await;
    bob.joins(&open).await;
    next(&socket.event("@me", "rooms").await);
    bob.leaves(&open).await;
    next(&socket.event("@me", "rooms").await);
    // The number is the same wherever it is told.
    assert_eq!(bob.get("/sync").await.is(200)["seq"], number);
    assert_eq!(bob.connects().await.ready["seq"], number);
    // Nobody hears another's.
    let mut hers = alice.connects().await;
    bob.patch("/me", json!({"display_name": "Robert"})).await.is(200);
    hers.never(Duration::from_millis(300), "alice hears nothing of bob's", |frame| frame["room"] == "@me").await;
}

#[tokio::test]
async fn all_members_see_one_order_under_load() {
    let app = App::usual().set("LIMITS__ENABLED", false).spawn().await;
    let alice = app.user("alice").await;
    let mut users = Vec::new();
    for n in 0..4 {
        users.push(app.user(&format!("m{n}-")).await);
    }
    let room = alice.creates_private_room("order", &users.iter().collect::<Vec<_>>()).await;
    let mut writers = Vec::new();
    let mut first = 0;
    for user in &users {
        let mut socket = user.connects().await;
        first = socket.subscribes(&room).await["head"].as_u64().unwrap();
        writers.push(socket);
    }
    let tasks: Vec<_> = writers
        .into_iter()
        .map(|mut socket| {
            let room = room.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for _ in 0..10 {
                    let ids =
                        socket
                            .begins_all((0..10).map(
                                |n| json!({"type": "send", "room": room, "nonce": nonce(), "text": format!("{n}")}),
                            ))
                            .await;
                    for id in ids {
                        acknowledged.push(socket.answer(id, "send").await["seq"].as_u64().unwrap());
                    }
                }
                let mut replica = Replica::at(first);
                follow(&mut socket, &room, &mut replica, first + 400).await;
                assert!(acknowledged.windows(2).all(|two| two[0] < two[1]), "one's own order");
                (acknowledged, replica)
            })
        })
        .collect();
    let mut all = Vec::new();
    let mut replicas = Vec::new();
    for task in tasks {
        let (acknowledged, replica) = crate::harness::within(Duration::from_secs(40), "a writer", task).await.unwrap();
        all.extend(acknowledged);
        replicas.push(replica);
    }
    all.sort_unstable();
    assert_eq!(all, (first + 1..=first + 400).collect::<Vec<_>>(), "no number twice, none missing");
    assert!(replicas.iter().all(|replica| replica == &replicas[0]));
}

#[tokio::test]
async fn a_later_send_has_the_higher_number_over_any_door() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("causal", &[&bob]).await;
    let mut socket = alice.connects().await;
    let mut last = 0;
    for n in 0..20 {
        let seq = match n % 3 {
            0 => socket.posts(&room, "a").await["seq"].clone(),
            1 => bob.posts(&room, "b").await["seq"].clone(),
            _ => alice.posts(&room, "c").await["seq"].clone(),
        };
        let seq = seq.as_u64().unwrap();
        assert!(seq > last);
        last = seq;
    }
}

#[tokio::test]
async fn a_batch_is_made_for_its_reader_and_an_event_for_everybody() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("views", &[&bob]).await;
    let page = alice.get(&format!("/rooms/{room}/messages")).await.is(200);
    let head = page["head"].as_u64().unwrap();
    let seq = alice.posts(&room, "mine").await["seq"].as_u64().unwrap();
    bob.puts(&format!("/rooms/{room}/messages/{seq}/reactions/{}", encode("👍"))).await.is(204);
    for (user, is_author) in [(&alice, true), (&bob, false)] {
        let mut socket = user.connects().await;
        socket.resumes(&room, &page["epoch"], head).await;
        let batch = socket.hears("batch").await;
        let message = &batch["messages"][0];
        assert_eq!(message["nonce"].is_string(), is_author, "{message}");
        assert_eq!(message["reactions"][0].get("me") == Some(&json!(true)), !is_author, "{message}");
        let path = format!("/rooms/{room}/changes?epoch={}&after={head}", page["epoch"].as_str().unwrap());
        let polled = user.get(&path).await.is(200);
        assert_eq!(&polled["messages"][0], message, "the same object by either door");
        assert_eq!(&user.history(&room).await[0], message);
        assert_eq!(&user.syncs(&room).await.unwrap()["last"], message);
    }
}

#[tokio::test]
async fn a_room_named_twice_in_one_request_is_heard_once() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_private_room("twice", &[]).await;
    let mut socket = alice.connects().await;
    let answer = socket.done(json!({"type": "subscribe", "rooms": [{"room": room}, {"room": room}]})).await;
    assert_eq!(answer["rooms"].as_array().unwrap().len(), 2, "{answer}");
    alice.posts(&room, "once").await;
    socket.sees("once").await;
    assert!(socket.drain().await.iter().all(|frame| frame["data"]["text"] != "once"));
}

#[tokio::test]
async fn who_comes_back_after_a_kick_subscribes_anew_and_sees_what_was_said_meanwhile() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("back", &[&bob]).await;
    let (mut one, mut two) = (bob.connects().await, bob.connects().await);
    let first = one.subscribes(&room).await;
    two.subscribes(&room).await;
    alice.kicks(&room, &bob).await;
    for socket in [&mut one, &mut two] {
        assert_eq!(socket.hears("evicted").await["reason"], "kicked");
    }
    let removed = alice.posts(&room, "meanwhile").await["seq"].as_u64().unwrap() - 1;
    alice.adds(&room, &bob).await;
    alice.posts(&room, "welcome").await;
    for socket in [&mut one, &mut two] {
        let heard = socket.drain().await;
        let is_later = |frame: &Value| frame["room"] == room.as_str() && frame["seq"].as_u64() > Some(removed);
        assert!(!heard.iter().any(is_later), "an eviction ends the subscription: {heard:?}");
    }
    let answer = one.resumes(&room, &first["epoch"], first["head"].as_u64().unwrap()).await;
    assert_eq!(answer["status"], "catchup");
    let mut replica = Replica::at(first["head"].as_u64().unwrap());
    let end = answer["head"].as_u64().unwrap();
    follow(&mut one, &room, &mut replica, end).await;
    assert_eq!(replica.texts(), ["meanwhile", "welcome"]);
    assert_eq!(replica.members[&bob.id]["in"], true);
}
