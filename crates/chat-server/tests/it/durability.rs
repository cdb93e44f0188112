//! What was acknowledged is there after any death, and clients that come back apply it exactly once.

use std::{collections::BTreeMap, time::Duration};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{App, PATIENCE, Replica, Request, Socket, Upgrade, User, eventually, nonce, within};

/// What one sender sent: nonce, text, and the number it was acknowledged with.
type Sent = BTreeMap<String, (String, Option<u64>)>;

/// Sends until the socket ends; several requests in flight at any time.
async fn sends_until_the_end(user: User, room: String) -> (Sent, Option<u16>) {
    let mut socket = user.connects().await;
    let mut sent = Sent::new();
    let mut waiting: BTreeMap<i64, String> = BTreeMap::new();
    for n in 0_u64.. {
        let nonce = nonce();
        let text = format!("{} {n} {nonce}", user.username);
        let id = socket.begins(json!({"type": "send", "room": room, "nonce": nonce, "text": text})).await;
        sent.insert(nonce.clone(), (text, None));
        waiting.insert(id, nonce);
        if waiting.len() < 8 {
            continue;
        }
        let Some(answer) = socket.next().await else { break };
        let Some(nonce) = answer["id"].as_i64().and_then(|id| waiting.remove(&id)) else { continue };
        if answer["type"] == "ok" {
            sent.get_mut(&nonce).unwrap().1 = answer["seq"].as_u64();
        }
    }
    // What was answered before the end may still be on its way here.
    while let Some(answer) = socket.next().await {
        let nonce = answer["id"].as_i64().and_then(|id| waiting.remove(&id));
        if let (Some(nonce), "ok") = (nonce, answer["type"].as_str().unwrap()) {
            sent.get_mut(&nonce).unwrap().1 = answer["seq"].as_u64();
        }
    }
    let code = socket.close_code();
    (sent, code)
}

/// The whole history, page by page.
async fn history(user: &User, room: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = user.get(&format!("/rooms/{room}/messages?after={after}&limit=100")).await.is(200);
        all.extend(page["items"].as_array().unwrap().clone());
        if page["more_after"] == false {
            return all;
        }
        after = all.last().unwrap()["seq"].as_u64().unwrap();
    }
}

/// Every acknowledged message is in the history at its number, nothing twice, no hole.
fn is_whole(history: &[Value], sent: &Sent) -> usize {
    let by_nonce_text: BTreeMap<&str, u64> =
        history.iter().map(|message| (message["text"].as_str().unwrap(), message["seq"].as_u64().unwrap())).collect();
    assert_eq!(by_nonce_text.len(), history.len(), "a message twice");
    let first = history[0]["seq"].as_u64().unwrap();
    for (n, message) in history.iter().enumerate() {
        assert_eq!(message["seq"], first + n as u64, "a hole");
    }
    let mut acknowledged = 0;
    for (text, seq) in sent.values() {
        if let Some(seq) = seq {
            acknowledged += 1;
            assert_eq!(by_nonce_text.get(text.as_str()), Some(seq), "acknowledged and lost: {text}");
        }
    }
    acknowledged
}

fn unlimited() -> crate::harness::Options {
    App::usual().set("LIMITS__ENABLED", false)
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill_9_and_retries_post_nothing_twice() {
    let mut app = unlimited().spawn().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let room = alice.creates_private_room("killed", &[&bob, &carol]).await;
    let mut witness = carol.connects().await;
    let first = witness.subscribes(&room).await;
    let mut replica = Replica::at(first["head"].as_u64().unwrap());
    let mut all = Sent::new();
    let mut acknowledged = 0;
    for round in 0..3 {
        let tasks = [&alice, &bob].map(|user| {
            let user = User { to: app.address(), ..user.clone() };
            tokio::spawn(sends_until_the_end(user, room.clone()))
        });
        tokio::time::sleep(Duration::from_millis(250 + 100 * round)).await;
        app.kill().await;
        for task in tasks {
            all.extend(within(PATIENCE, "a sender", task).await.unwrap().0);
        }
        while let Some(frame) = witness.next().await {
            if frame["room"] == room.as_str() {
                replica.apply(&frame);
            }
        }
        app.start_again().await;
        let carol = User { to: app.address(), ..carol.clone() };
        let history = history(&carol, &room).await;
        acknowledged = is_whole(&history, &all);
        // The witness resumes with its own cursor, and misses nothing.
        witness = carol.connects().await;
        let answer = witness.resumes(&room, &first["epoch"], replica.cursor).await;
        let head = answer["head"].as_u64().unwrap();
        if answer["status"] == "reset" {
            assert_eq!(answer["reason"], "too_far", "{answer}");
            replica = Replica::at(first["head"].as_u64().unwrap());
            while replica.cursor < head {
                let path = format!(
                    "/rooms/{room}/changes?epoch={}&after={}",
                    first["epoch"].as_str().unwrap(),
                    replica.cursor
                );
                replica.apply_batch(&carol.get(&path).await.is(200));
            }
            witness.resumes(&room, &first["epoch"], replica.cursor).await;
        }
        while replica.cursor < head {
            let frame = witness.wait(PATIENCE, "a change", |frame| frame["room"] == room.as_str()).await;
            replica.apply(&frame);
        }
        assert_eq!(
            replica.texts(),
            history.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        );
    }
    assert!(acknowledged > 30, "only {acknowledged} were acknowledged: the test is too weak");

    // Every send again, with its nonce: what was posted is answered, what was not is posted, nothing twice.
    let mut sockets = [
        User { to: app.address(), ..alice.clone() }.connects().await,
        User { to: app.address(), ..bob.clone() }.connects().await,
    ];
    for (nonce, (text, seq)) in &all {
        let socket = &mut sockets[usize::from(text.starts_with(&bob.username))];
        let ok = socket.done(json!({"type": "send", "room": room, "nonce": nonce, "text": text})).await;
        if let Some(seq) = seq {
            assert_eq!((&ok["seq"], &ok["duplicate"]), (&json!(seq), &json!(true)), "{text}");
        }
    }
    let carol = User { to: app.address(), ..carol };
    let history = history(&carol, &room).await;
    is_whole(&history, &all);
    assert_eq!(history.len(), all.len());
}

#[tokio::test]
async fn a_stop_under_load_says_bye_to_everybody_and_loses_nothing() {
    let mut app = unlimited().spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("stopped", &[&bob]).await;
    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut socket = bob.connects().await;
        socket.subscribes(&room).await;
        idle.push(socket);
    }
    let unknown = Socket::open(app.address()).await;
    let tasks = [&alice, &bob].map(|user| tokio::spawn(sends_until_the_end(user.clone(), room.clone())));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = std::time::Instant::now();
    app.signal(Signal::TERM);
    let mut retries = Vec::new();
    for mut socket in idle {
        assert_eq!(socket.closed_within(Duration::from_secs(8)).await, 1012);
        let bye = socket.bye();
        assert_eq!((&bye["reconnect"], &bye["reason"]), (&json!(true), &json!("restart")), "{bye}");
        retries.push(bye["retry_ms"].as_u64().unwrap_or_else(|| panic!("no retry_ms: {bye}")));
    }
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > 3, "retries are spread: {retries:?}");
    let mut sent = Sent::new();
    for task in tasks {
        let (one, code) = within(PATIENCE, "a sender", task).await.unwrap();
        assert_eq!(code, Some(1012));
        sent.extend(one);
    }
    drop(unknown);
    let status = app.ended().await;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    app.start_again().await;
    let bob = User { to: app.address(), ..bob };
    let acknowledged = is_whole(&history(&bob, &room).await, &sent);
    assert!(acknowledged > 10, "only {acknowledged} were acknowledged: the test is too weak");
}

#[tokio::test]
async fn while_draining_nobody_new_is_let_in_and_a_second_signal_ends_it_at_once() {
    // One socket that never answers the close keeps the drain busy.
    let mut app = unlimited().set("DRAIN__SECONDS", 10).spawn().await;
    let user = app.user("stubborn").await;
    let mut stubborn = Vec::new();
    for _ in 0..40 {
        stubborn.push(user.connects().await);
    }
    app.signal(Signal::TERM);
    tokio::time::sleep(Duration::from_millis(150)).await;
    // Still listening, or gone already: both say no.
    if tokio::net::TcpStream::connect(app.address()).await.is_ok() {
        let reply = Request::new("GET", "/readyz").send(app.address()).await;
        assert_eq!(reply.status, 503);
        let refused = Upgrade::new(app.address()).shake().await.unwrap_err();
        refused.refuses(503, "unavailable");
    }
    app.signal(Signal::TERM);
    let begun = std::time::Instant::now();
    let status = app.ended().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(status.code().is_some(), "ended by itself: {status}");
}

#[tokio::test]
async fn an_idle_server_stops_quickly_on_either_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut app = unlimited().spawn().await;
        app.user("idle").await;
        app.signal(signal);
        let begun = std::time::Instant::now();
        assert_eq!(app.ended().await.code(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn n2_a_killed_acknowledgement_is_repeated_by_the_next_process() {
    let mut app = unlimited().spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_private_room("retry", &[]).await;
    let body = json!({"text": "exactly once", "nonce": nonce()});
    let path = format!("/rooms/{room}/messages");
    let message = alice.post(&path, body.clone()).await.is(201);
    app.kill().await;
    app.start_again().await;
    let alice = User { to: app.address(), ..alice };
    assert_eq!(alice.post(&path, body.clone()).await.is(200), message);
    let mut socket = alice.connects().await;
    let ok = socket.done(json!({"type": "send", "room": room, "nonce": body["nonce"], "text": "exactly once"})).await;
    assert_eq!((&ok["seq"], &ok["duplicate"]), (&message["seq"], &json!(true)));
    assert_eq!(alice.history(&room).await.len(), 1);
}

#[tokio::test]
async fn everything_else_is_there_after_a_death_as_well() {
    let mut app = unlimited().spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("kept", &[&bob]).await;
    let message = alice.posts(&room, &format!("hello @{}", bob.username)).await;
    let path = format!("/rooms/{room}/messages/{}", message["seq"]);
    bob.puts(&format!("{path}/reactions/%F0%9F%91%8D")).await.is(204);
    alice.puts(&format!("/rooms/{room}/pins/{}", message["seq"])).await.is(204);
    alice.mutes(&room, &bob, "2099-01-01T00:00:00.000Z").await;
    let revoked = bob.again().await;
    bob.delete(&format!("/sessions/{}", revoked.session)).await.is(204);
    let mut before = Vec::new();
    let paths =
        [path, format!("/rooms/{room}"), format!("/rooms/{room}/members"), "/sync".to_owned(), "/me".to_owned()];
    for path in &paths {
        before.push(bob.get(path).await.is(200));
    }
    app.kill().await;
    app.start_again().await;
    let bob = User { to: app.address(), ..bob };
    for (path, before) in paths.iter().zip(&before) {
        assert_eq!(&bob.get(path).await.is(200), before, "{path}");
    }
    let revoked = User { to: app.address(), ..revoked };
    assert_eq!(revoked.get("/me").await.status, 401, "what was revoked stays so");
    bob.tries_to_post(&room, "hm").await.refuses(403, "muted");
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_leaves_all_or_nothing() {
    use tokio::io::AsyncWriteExt;
    let app = unlimited().spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_private_room("hangup", &[]).await;
    let first = alice.head(&room).await + 1;
    for n in 0..30 {
        let body = json!({"text": format!("cut {n}"), "nonce": nonce()}).to_string();
        let mut stream = tokio::net::TcpStream::connect(app.address()).await.unwrap();
        let request = format!(
            "POST /api/v1/rooms/{room}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            alice.access,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        // A reset instead of an orderly end.
        stream.set_zero_linger().unwrap();
        drop(stream);
    }
    alice.posts(&room, "still alive").await;
    eventually("the writer is idle", async || {
        let one = alice.head(&room).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        one == alice.head(&room).await
    })
    .await;
    let history = history(&alice, &room).await;
    let head = alice.head(&room).await;
    assert_eq!(history.len() as u64, head + 1 - first, "every number is a message");
}
