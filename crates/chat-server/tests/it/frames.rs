//! Requests on a socket: their shapes, their answers, their order, their number.

use serde_json::{Value, json};

use crate::harness::{App, Socket, User, has, names, nonce, spawn_app};

struct Pair {
    alice: User,
    bob: User,
    room: String,
    _app: App,
}

async fn pair_in(app: App) -> Pair {
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("pair", &[&bob]).await;
    Pair { alice, bob, room, _app: app }
}

async fn pair() -> Pair {
    pair_in(spawn_app().await).await
}

#[tokio::test]
async fn ready_tells_everything_a_client_needs_to_know_first() {
    let Pair { alice, .. } = &pair().await;
    let socket = alice.connects().await;
    let ready = &socket.ready;
    assert_eq!(names(ready), "expires_at heartbeat_ms id limits node seq session type user");
    has(ready, json!({"session": alice.session, "node": "n1", "heartbeat_ms": 25_000}));
    has(&ready["limits"], json!({"frame": 65_536, "text": 4_000, "subscriptions": 500, "inflight": 32}));
    assert_eq!(ready["user"], alice.get("/me").await.is(200));
    assert!(ready["expires_at"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 24), "{ready}");
}

#[tokio::test]
async fn a_send_is_answered_and_heard_whole() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let (mut one, mut two) = (alice.connects().await, bob.connects().await);
    let answer = two.subscribes(room).await;
    assert_eq!(names(&answer), "epoch floor head room status");
    let head = answer["head"].as_u64().unwrap();
    let nonce = nonce();
    let frame =
        json!({"type": "send", "room": room, "nonce": nonce, "text": "hello\r\nthere", "else": {"ignored": true}});
    let ok = one.done(frame.clone()).await;
    assert_eq!(names(&ok), "at duplicate id rev seq type");
    has(&ok, json!({"seq": head + 1, "rev": head + 1, "duplicate": false}));
    let event = two.event(room, "message").await;
    assert_eq!(names(&event), "by data kind room seq type");
    has(&event, json!({"seq": head + 1, "by": alice.id}));
    assert_eq!(
        names(&event["data"]),
        "at author deleted edited_at mentions mentions_room nonce reactions reply_to rev room seq text"
    );
    has(
        &event["data"],
        json!({"text": "hello\nthere", "nonce": nonce, "author": alice.id, "at": ok["at"], "reply_to": null, "rev": head + 1}),
    );
    let again = one.done(frame.clone()).await;
    has(&again, json!({"seq": head + 1, "rev": head + 1, "at": ok["at"], "duplicate": true}));
    let mut other = frame;
    other["text"] = "something else".into();
    one.refused(other, "nonce_conflict").await;
    // The event is what REST tells, but for what only its asker may see.
    let mut by_rest = alice.get(&format!("/rooms/{room}/messages/{}", head + 1)).await.is(200);
    by_rest["nonce"] = nonce.into();
    assert_eq!(event["data"], by_rest);
    // Over the other door the nonce is the same one.
    let body = json!({"text": "hello\r\nthere", "nonce": event["data"]["nonce"]});
    assert_eq!(alice.post(&format!("/rooms/{room}/messages"), body).await.is(200)["seq"], head + 1);
}

#[tokio::test]
async fn edit_delete_and_react_answer_with_the_place_of_the_change() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let (mut one, mut two) = (alice.connects().await, bob.connects().await);
    two.subscribes(room).await;
    let seq = one.posts(room, "draft").await["seq"].as_u64().unwrap();
    two.sees("draft").await;
    let changed = |ok: &Value, rev: u64, changed: bool| {
        assert_eq!(names(ok), "changed id rev seq type", "{ok}");
        has(ok, json!({"seq": seq, "rev": rev, "changed": changed}));
    };
    let edit = json!({"type": "edit", "room": room, "seq": seq, "text": "final"});
    changed(&one.done(edit.clone()).await, seq + 1, true);
    let event = two.event(room, "message").await;
    has(&event, json!({"seq": seq + 1, "by": alice.id}));
    has(&event["data"], json!({"seq": seq, "rev": seq + 1, "text": "final"}));
    assert!(event["data"]["edited_at"].is_string());
    changed(&one.done(edit).await, seq + 1, false);
    two.refused(json!({"type": "edit", "room": room, "seq": seq, "text": "censored"}), "forbidden").await;

    let react = |on: bool| json!({"type": "react", "room": room, "seq": seq, "emoji": "👍", "on": on});
    changed(&two.done(react(true)).await, seq + 2, true);
    let event = two.event(room, "message").await;
    assert_eq!(event["by"], bob.id.as_str());
    assert_eq!(event["data"]["reactions"], json!([{"emoji": "👍", "count": 1}]), "no `me` in what everybody gets");
    changed(&two.done(react(true)).await, seq + 2, false);
    changed(&two.done(react(false)).await, seq + 3, true);
    changed(&two.done(react(false)).await, seq + 3, false);
    for emoji in ["", "x", "👍👍👍", "thumbsup"] {
        two.refused(json!({"type": "react", "room": room, "seq": seq, "emoji": emoji, "on": true}), "invalid_field")
            .await;
    }

    let delete = json!({"type": "delete", "room": room, "seq": seq});
    two.refused(delete.clone(), "forbidden").await;
    changed(&one.done(delete.clone()).await, seq + 4, true);
    changed(&one.done(delete).await, seq + 4, false);
    one.refused(json!({"type": "edit", "room": room, "seq": seq, "text": "back"}), "gone").await;
    two.refused(react(true), "gone").await;
    let tombstone = two.wait(crate::harness::PATIENCE, "a tombstone", |frame| frame["data"]["deleted"] == true).await;
    assert!(tombstone["data"]["text"].as_str().unwrap_or_default().is_empty(), "{tombstone}");
    for bad in [0_i64, -1, 999_999] {
        let code = if bad > 0 { "not_found" } else { "invalid_field" };
        let answer = one.ask(json!({"type": "delete", "room": room, "seq": bad})).await;
        assert!(answer["code"] == code || (bad <= 0 && answer["code"] == "not_found"), "{answer}");
    }
    let read = one.done(json!({"type": "read", "room": room, "seq": seq})).await;
    assert_eq!(read["type"], "ok");
}

#[tokio::test]
async fn values_that_are_wrong_are_invalid_fields_and_rooms_nobody_knows_not_found() {
    let Pair { alice, room, .. } = &pair().await;
    let mut socket = alice.connects().await;
    let send = |name: &str, value: Value| {
        let mut frame = json!({"type": "send", "room": room, "nonce": nonce(), "text": "x"});
        frame[name] = value;
        frame
    };
    for (name, value) in [
        ("text", json!("")),
        ("text", json!("   ")),
        ("text", json!("a\u{1}b")),
        ("text", json!("x".repeat(4_001))),
        ("text", json!("a\rb")),
        ("nonce", json!("short")),
        ("nonce", json!("bad nonce!")),
        ("nonce", json!("n".repeat(65))),
        ("reply_to", json!(-1)),
    ] {
        socket.refused(send(name, value), "invalid_field").await;
    }
    for id in [
        "",
        "nonsense",
        "00000000-0000-0000-0000-000000000000",
        &uuid::Uuid::now_v7().to_string(),
        &room.to_uppercase(),
    ] {
        socket.refused(send("room", json!(id)), "not_found").await;
        socket.refused(json!({"type": "read", "room": id, "seq": 1}), "not_found").await;
        let answer = socket.done(json!({"type": "subscribe", "rooms": [{"room": id}]})).await;
        assert_eq!(answer["rooms"], json!([{"room": id, "status": "error", "code": "not_found"}]));
    }
    socket.refused(send("reply_to", json!(999_999)), "not_found").await;
    socket.done(send("reply_to", Value::Null)).await;
    socket.done(send("extra", json!([[[{}]]]))).await;
}

#[tokio::test]
async fn frames_of_no_known_shape_are_bad_requests_and_the_tenth_closes() {
    let Pair { alice, room, .. } = &pair().await;
    let mut socket = alice.connects().await;
    let shapes = [
        json!({"type": "fly"}),
        json!({"type": 7}),
        json!({}),
        json!({"type": "send", "room": room, "text": "no nonce"}),
        json!({"type": "send", "room": room, "nonce": nonce(), "text": 7}),
        json!({"type": "subscribe", "rooms": "all"}),
        json!({"type": "subscribe"}),
        json!({"type": "react", "room": room, "seq": "1", "emoji": "👍", "on": true}),
        json!({"type": "edit", "room": room, "seq": 1.5, "text": "x"}),
    ];
    for frame in shapes {
        socket.refused(frame, "bad_request").await;
    }
    socket.done(json!({"type": "ping"})).await;
    let id = socket.begins(json!({"type": "tenth"})).await;
    assert_eq!(socket.answer(id, "the tenth").await["code"], "bad_request");
    assert_eq!(socket.closed().await, 4400);
}

#[tokio::test]
async fn ids_are_whole_numbers_up_to_2_to_the_31() {
    let Pair { alice, .. } = &pair().await;
    let mut socket = alice.connects().await;
    for id in [1_i64, 2_147_483_647] {
        socket.says(json!({"type": "ping", "id": id}).to_string()).await;
        assert_eq!(socket.answer(id, "ping").await["type"], "pong");
    }
    for id in [json!(0), json!(-1), json!(2_147_483_648_i64), json!(1.5), json!("1"), json!(null)] {
        socket.says(json!({"type": "ping", "id": id}).to_string()).await;
        let error = socket.wait(crate::harness::PATIENCE, "an error", |frame| frame["type"] == "error").await;
        assert_eq!(error["code"], "bad_request", "{id}: {error}");
    }
    // A push may carry no id and gets no answer.
    socket.says(json!({"type": "presence", "status": "away"}).to_string()).await;
    assert!(socket.drain().await.is_empty());
}

#[tokio::test]
async fn an_id_in_flight_is_not_taken_twice() {
    let Pair { alice, room, .. } = &pair().await;
    let mut socket = alice.connects().await;
    let send = json!({"type": "send", "id": 77, "room": room, "nonce": nonce(), "text": "x"});
    socket.begins_all([]).await;
    socket.says(send.to_string()).await;
    socket.says(send.to_string()).await;
    let (one, two) = (socket.answer(77, "send").await, socket.answer(77, "send").await);
    // Either the second came after the first was answered, or it is refused; never two posts.
    let kinds = [one["type"].as_str().unwrap(), two["type"].as_str().unwrap()];
    assert!(kinds.contains(&"ok"), "{one} {two}");
    for answer in [&one, &two].into_iter().filter(|answer| answer["type"] == "error") {
        assert_eq!(answer["code"], "bad_request");
    }
    assert_eq!(alice.history(room).await.len(), 1);
}

#[tokio::test]
async fn requests_about_one_room_are_executed_in_the_order_they_arrive() {
    let Pair { alice, room, .. } = &pair().await;
    let mut socket = alice.connects().await;
    let first = alice.head(room).await + 1;
    let mut frames: Vec<Value> = (0..20)
        .map(|n| json!({"type": "send", "room": room, "nonce": nonce(), "text": format!("number {n:02}")}))
        .collect();
    frames.push(json!({"type": "edit", "room": room, "seq": first, "text": "edited"}));
    frames.push(json!({"type": "react", "room": room, "seq": first + 19, "emoji": "👍", "on": true}));
    frames.push(json!({"type": "delete", "room": room, "seq": first + 1}));
    frames.push(json!({"type": "read", "room": room, "seq": first + 19}));
    frames.push(json!({"type": "send", "room": room, "nonce": nonce(), "text": "the last"}));
    let ids = socket.begins_all(frames).await;
    let mut answers = Vec::new();
    for id in ids {
        let answer = socket.answer(id, "a pipelined request").await;
        assert_eq!(answer["type"], "ok", "{answer}");
        answers.push(answer);
    }
    for (n, answer) in answers[..20].iter().enumerate() {
        assert_eq!(answer["seq"], first + n as u64);
    }
    assert_eq!(answers[20]["rev"], first + 20);
    assert_eq!(answers[21]["rev"], first + 21);
    assert_eq!(answers[22]["rev"], first + 22);
    assert_eq!(answers[24]["seq"], first + 23);
    let texts: Vec<Value> = alice.history(room).await.iter().map(|message| message["text"].clone()).collect();
    assert_eq!((&texts[0], &texts[2], &texts[20]), (&json!("edited"), &json!("number 02"), &json!("the last")));
}

#[tokio::test]
async fn a_subscription_and_a_send_behind_it_leave_no_gap() {
    let Pair { alice, room, .. } = &pair().await;
    for _ in 0..5 {
        let mut socket = alice.connects().await;
        let text = nonce();
        let ids = socket
            .begins_all([
                json!({"type": "subscribe", "rooms": [{"room": room}]}),
                json!({"type": "send", "room": room, "nonce": nonce(), "text": text}),
            ])
            .await;
        let answer = socket.answer(ids[0], "subscribe").await;
        let head = answer["rooms"][0]["head"].as_u64().unwrap();
        assert_eq!(socket.sees(&text).await["seq"], head + 1);
        assert_eq!(socket.answer(ids[1], "send").await["seq"], head + 1);
        socket.done(json!({"type": "unsubscribe", "rooms": [room]})).await;
        alice.posts(room, "not heard").await;
        assert!(socket.drain().await.iter().all(|frame| frame["data"]["text"] != "not heard"));
    }
}

#[tokio::test]
async fn more_than_32_requests_in_flight_are_refused_and_none_is_lost() {
    let app = App::usual().set("LIMITS__INFLIGHT", 4).spawn().await;
    let Pair { alice, room, .. } = &pair_in(app).await;
    let mut socket = alice.connects().await;
    let sends = |from: usize| {
        (from..from + 200)
            .map(|n| json!({"type": "send", "room": room, "nonce": format!("flight-{n:04}"), "text": format!("{n}")}))
    };
    let ids = socket.begins_all(sends(0)).await;
    let (mut done, mut refused) = (0, 0);
    for id in ids {
        let answer = socket.answer(id, "one of many").await;
        match answer["type"].as_str() {
            Some("ok") => done += 1,
            _ => {
                has(&answer, json!({"code": "too_many_inflight", "retry": true}));
                refused += 1;
            }
        }
    }
    assert!(done >= 4 && refused >= 1, "{done} done, {refused} refused");
    let posted =
        alice.get(&format!("/rooms/{room}/messages?limit=100")).await.is(200)["items"].as_array().unwrap().len();
    assert_eq!(posted, done.min(100));
    socket.done(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn subscriptions_of_a_socket_and_rooms_of_a_request_have_limits() {
    let app = App::usual().set("LIMITS__SUBSCRIPTIONS", 3).spawn().await;
    let alice = app.user("alice").await;
    let mut rooms = Vec::new();
    for n in 0..4 {
        rooms.push(alice.creates_room(&format!("room {n}")).await);
    }
    let mut socket = alice.connects().await;
    for room in &rooms[..3] {
        socket.subscribes(room).await;
    }
    let fourth = json!({"type": "subscribe", "rooms": [{"room": rooms[3]}]});
    let answer = socket.ask(fourth.clone()).await;
    let refused = answer["code"] == "too_many_subscriptions" || answer["rooms"][0]["code"] == "too_many_subscriptions";
    assert!(refused, "{answer}");
    // One that is there already is not one more; one that is given up makes room.
    socket.subscribes(&rooms[0]).await;
    socket.done(json!({"type": "unsubscribe", "rooms": [rooms[0]]})).await;
    assert_eq!(socket.done(fourth).await["rooms"][0]["status"], "live");
    let many: Vec<Value> = (0..101).map(|_| json!({"room": rooms[1]})).collect();
    socket.refused(json!({"type": "subscribe", "rooms": many}), "bad_request").await;
    socket.done(json!({"type": "subscribe", "rooms": []})).await;
    socket.done(json!({"type": "unsubscribe", "rooms": ["nonsense", uuid::Uuid::now_v7().to_string()]})).await;
}

#[tokio::test]
async fn frames_have_a_rate_and_gross_excess_closes_4429() {
    let app = App::usual().set("LIMITS__FRAMES_PER_SECOND", 5).set("LIMITS__FRAMES_BURST", 10).spawn().await;
    let Pair { alice, .. } = &pair_in(app).await;
    let mut socket = alice.connects().await;
    let ids = socket.begins_all((0..20).map(|_| json!({"type": "ping"}))).await;
    let mut refused = 0;
    for id in ids {
        let answer = socket.answer(id, "ping").await;
        if answer["type"] == "error" {
            has(&answer, json!({"code": "rate_limited", "retry": true}));
            assert!(answer["retry_ms"].as_u64().is_some_and(|ms| (1..=5_000).contains(&ms)), "{answer}");
            refused += 1;
        }
    }
    assert!((6..=12).contains(&refused), "{refused} of 20 refused");
    // Three times the rate for ten seconds is 150 frames.
    let mut flood = alice.connects().await;
    for n in 0..600 {
        flood.says(json!({"type": "ping", "id": n + 1_000}).to_string()).await;
    }
    assert_eq!(flood.closed_within(std::time::Duration::from_secs(15)).await, 4429);
    assert!(flood.bye()["retry_ms"].as_u64().is_some_and(|ms| ms >= 10_000), "{}", flood.bye());
    // The patience with one socket has nothing to do with another's.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    socket.done(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn the_oldest_of_too_many_sockets_of_one_user_goes() {
    let app = App::usual().set("LIMITS__SOCKETS_PER_USER", 3).spawn().await;
    let Pair { alice, bob, .. } = &pair_in(app).await;
    let mut other = bob.connects().await;
    let mut sockets: Vec<Socket> = Vec::new();
    for _ in 0..4 {
        sockets.push(alice.connects().await);
    }
    assert_eq!(sockets[0].closed().await, 4409);
    for socket in &mut sockets[1..] {
        socket.done(json!({"type": "ping"})).await;
    }
    sockets.push(alice.connects().await);
    assert_eq!(sockets[1].closed().await, 4409);
    other.done(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn muted_slow_and_archived_are_told_on_the_socket_as_by_rest() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let mut socket = bob.connects().await;
    let send = || json!({"type": "send", "room": room, "nonce": nonce(), "text": "x"});
    alice.patch(&format!("/rooms/{room}"), json!({"slow_mode_s": 60})).await.is(200);
    socket.done(send()).await;
    let error = socket.refused(send(), "slow_mode").await;
    assert!(error["retry"] == true && (1..=60_000).contains(&error["retry_ms"].as_u64().unwrap()), "{error}");
    alice.patch(&format!("/rooms/{room}"), json!({"slow_mode_s": 0})).await.is(200);
    alice.mutes(room, bob, "2099-01-01T00:00:00.000Z").await;
    socket.refused(send(), "muted").await;
    alice.kicks(room, bob).await;
    socket.refused(send(), "not_found").await;
}
