//! What a node counts: by its rules, by closed lists, and whatever strangers send.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rustix::process::Signal;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{
    harness::{App, PATIENCE, Request, Socket, Upgrade, eventually, nonce, spawn_app, within},
    record,
};

const DOCUMENT: &str = include_str!("../../../../deploy/metrics.md");

/// Name and labels of every series, without `le`.
fn series(scrape: &str) -> BTreeSet<String> {
    let lines = scrape.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .map(|series| {
            series.split_once(",le=\"").or_else(|| series.split_once("{le=\"")).map_or(series, |(head, _)| head)
        })
        .map(|series| series.trim_end_matches('}').to_owned())
        .collect()
}

/// Metric and label → the values that deploy/metrics.md lists; none where it lists none.
fn documented_labels() -> BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>> {
    let (_, table) = DOCUMENT.split_once("| metric | label | values |").unwrap();
    let words = |cell: &'static str| cell.split('`').skip(1).step_by(2);
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        words(cells[1]).map(move |metric| ((metric, words(cells[2]).next().unwrap()), words(cells[3]).collect()))
    })
    .collect()
}

/// Every label of every series, as the document has it.
fn has_documented_labels_only(shown: &BTreeSet<String>) {
    let documented = documented_labels();
    for series in shown {
        let Some((name, labels)) = series.split_once('{') else { continue };
        let of = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| name.strip_suffix(end));
        for label in labels.trim_end_matches('"').split("\",") {
            let (label, value) = label.split_once("=\"").unwrap();
            let found = documented.iter().find(|((metric, named), _)| {
                *named == label && (*metric == name || of.is_some_and(|of| of == *metric))
            });
            let (_, values) = found.unwrap_or_else(|| panic!("{label} of {name} is not documented"));
            assert!(values.is_empty() || values.contains(value), "{series}: {value} is not documented");
        }
    }
}

#[tokio::test]
async fn the_first_scrape_shows_what_the_table_promises_and_nothing_else() {
    let app = spawn_app().await;
    let scrape = app.metrics().await;
    let (table, _) = DOCUMENT.split_once("| metric | label | values |").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let is_here = |places: &str| places == "everywhere" || places.split(", ").any(|place| record::HAS.contains(&place));
    let promised: BTreeMap<_, _> =
        rows.filter(|row| is_here(row[4])).map(|row| (row[1].trim_matches('`'), row[2])).collect();
    let shown: BTreeMap<_, _> =
        scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert_eq!(shown, promised, "left: shown; right: deploy/metrics.md");
    for name in shown.keys() {
        assert!(scrape.lines().any(|line| line.starts_with(&format!("# HELP {name} "))), "{name} has no help");
    }
    has_documented_labels_only(&series(&scrape));
}

/// All of these on one connection, one behind the other, without waiting; how many were answered.
async fn pipelined(app: &App, requests: impl Iterator<Item = (String, String)>) -> usize {
    let mut bytes = Vec::new();
    for (method, path) in requests {
        bytes.extend(format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").into_bytes());
    }
    bytes.extend(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let (mut from, mut to) = TcpStream::connect(app.address()).await.unwrap().into_split();
    let writing = tokio::spawn(async move { to.write_all(&bytes).await.map(|()| to) });
    let mut answers = Vec::new();
    within(PATIENCE * 3, "all answers", from.read_to_end(&mut answers)).await.unwrap();
    drop(writing.await.unwrap());
    answers.windows(13).filter(|text| *text == b"HTTP/1.1 404 " || *text == b"HTTP/1.1 405 ").count()
}

/// What somebody may ask who makes everything up.
fn made_up(n: usize) -> (String, String) {
    let id = uuid::Uuid::now_v7();
    let path = match n % 6 {
        0 => format!("/random-{id}?q={n}"),
        1 => format!("/api/v1/rooms/{id}/nothing-{n}"),
        2 => format!("/api/v1/users/{id}/x/{n}"),
        3 => format!("/api/v1/hooks/{id}/secret-{n}"),
        4 => format!("/errors/{id}"),
        _ => format!("/ui/{n}/{id}.js"),
    };
    let method = match n % 5 {
        0 => format!("M{n}X"),
        1 => "DELETE".to_owned(),
        2 => "PUT".to_owned(),
        _ => "GET".to_owned(),
    };
    (method, path)
}

#[tokio::test]
async fn l3_ten_thousand_things_that_strangers_make_up_make_no_series() {
    let app = App::usual()
        .set("LIMITS__BAD_REQUESTS_PER_MINUTE", 10_000)
        .set("LIMITS__INFLIGHT", 10_000)
        .set("LIMITS__ENABLED", false)
        .set("LOG__LEVEL", "warn")
        .spawn()
        .await;
    let user = app.user("series").await;
    let visit = async |requests: usize, frames: usize| {
        let mut socket = user.connects().await;
        let mut last = None;
        for start in (0..frames).step_by(500) {
            let invented = (start..frames.min(start + 500)).map(|n| match n % 4 {
                0 => json!({"type": format!("made-up-{n}"), "room": uuid::Uuid::now_v7().to_string()}),
                1 => json!({"type": "subscribe", "rooms": [{"room": uuid::Uuid::now_v7().to_string()}]}),
                2 => json!({"type": "send", "room": format!("room-{n}"), "nonce": nonce(), "text": "x"}),
                _ => json!({"type": "watch", "users": [uuid::Uuid::now_v7().to_string()]}),
            });
            last = socket.begins_all(invented).await.pop();
            socket.answer(last.unwrap(), "the last of them").await;
        }
        assert!(last.is_some());
        socket.leaves().await;
        // A close code that nobody has ever heard of.
        let mut odd = Socket::open(app.address()).await;
        let code = CloseCode::from(3_000 + (frames % 900) as u16);
        odd.sends_message(Message::Close(Some(CloseFrame { code, reason: "odd".into() }))).await;
        within(PATIENCE, "the close", async { while odd.next().await.is_some() {} }).await;
        let each = requests / 4;
        let answered = tokio::join!(
            pipelined(&app, (0..each).map(made_up)),
            pipelined(&app, (each..2 * each).map(made_up)),
            pipelined(&app, (2 * each..3 * each).map(made_up)),
            pipelined(&app, (3 * each..4 * each).map(made_up)),
        );
        assert_eq!(answered.0 + answered.1 + answered.2 + answered.3, 4 * each);
        // Names that are no accounts, one way in.
        for n in 0..10 {
            let body = json!({"username": format!("nobody_{n}"), "password": "correct horse"});
            app.anonymous("POST", "/sessions", Some(body)).await.refuses(401, "bad_credentials");
        }
    };
    visit(240, 8).await;
    let before = series(&app.metrics().await);
    visit(8_000, 2_000).await;
    let after = series(&app.metrics().await);
    // What a node does by itself, it may do for the first time just now.
    let by_itself = ["op=\"search.index\"", "op=\"upkeep.home\""];
    let grown = after.difference(&before).filter(|series| !by_itself.iter().any(|op| series.contains(op)));
    let grown: Vec<_> = grown.collect();
    assert!(grown.is_empty(), "{} more, such as {:?}", grown.len(), grown[..grown.len().min(5)].to_vec());
    assert!(after.iter().any(|series| series.contains("unmatched")), "unknown paths are counted under one name");
    assert!(app.metric("chat_http_requests_total", &["method=\"other\""]).await > 1_000.0);
    eventually("odd closes", async || app.metric("chat_websocket_closes_total", &["code=\"other\""]).await == 2.0)
        .await;
    let text = after.iter().cloned().collect::<String>();
    for leaked in [&user.id, &user.username, "127.0.0.1", "random-", "made-up", "nobody", "secret-"] {
        assert!(!text.contains(leaked), "{leaked} in a label");
    }
    has_documented_labels_only(&after);
}

#[tokio::test]
async fn frames_are_counted_and_timed_by_type_from_the_first() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("timed").await;
    assert_eq!(app.metric("chat_websocket_opens_total", &[]).await, 0.0);
    let mut socket = alice.connects().await;
    socket.subscribes(&room).await;
    for _ in 0..3 {
        socket.posts(&room, "timed").await;
    }
    socket.refused(json!({"type": "send", "room": "x", "nonce": "12345678", "text": "x"}), "not_found").await;
    socket.done(json!({"type": "ping"})).await;
    socket.says(json!({"type": "presence", "status": "away"}).to_string()).await;
    socket.done(json!({"type": "unsubscribe", "rooms": [room]})).await;
    let counted = [("auth", 1.0), ("subscribe", 1.0), ("send", 4.0), ("ping", 1.0), ("presence", 1.0), ("edit", 0.0)];
    for (kind, times) in counted.into_iter().chain([("unsubscribe", 1.0)]) {
        let label = format!("type=\"{kind}\"");
        assert_eq!(app.metric("chat_websocket_frames_total", &[&label]).await, times, "{kind}");
        // An answer is heard a moment before its frame is done with.
        eventually(&format!("{kind} timed"), async || {
            app.metric("chat_websocket_frame_duration_seconds_count", &[&label]).await == times
        })
        .await;
    }
    let spent = app.metric("chat_websocket_frame_duration_seconds_sum", &["type=\"send\""]).await;
    assert!(spent > 0.0 && spent < 10.0, "{spent}");
    // What the connection of a socket that never says who it is does to the numbers.
    let stranger = Socket::open(app.address()).await;
    assert_eq!(app.metric("chat_websocket_opens_total", &[]).await, 2.0);
    assert_eq!(app.metric("chat_websocket_connections", &[]).await, 1.0);
    drop(stranger);
}

#[tokio::test]
async fn closes_are_counted_by_code_whoever_closed() {
    let app = App::usual().set("LIMITS__BAD_REQUESTS_PER_MINUTE", 1).set("LIMITS__SOCKETS_PER_USER", 2).spawn().await;
    let alice = app.user("alice").await;
    let closes = async |code: u16| app.metric("chat_websocket_closes_total", &[&format!("code=\"{code}\"")]).await;
    // By the client.
    let mut leaving = alice.connects().await;
    let frame = CloseFrame { code: CloseCode::Away, reason: "".into() };
    leaving.sends_message(Message::Close(Some(frame))).await;
    eventually("1001", async || closes(1001).await == 1.0).await;
    alice.connects().await.leaves().await;
    eventually("1005", async || closes(1005).await == 1.0).await;
    drop(alice.connects().await);
    eventually("1006", async || closes(1006).await == 1.0).await;
    // By the server: nonsense, a wrong token, one socket too many, a binary message.
    let mut talker = alice.connects().await;
    talker.says("{\"type\":\"nonsense\",\"id\":1}").await;
    assert_eq!(talker.closed().await, 4400);
    let mut stranger = Socket::open(app.address()).await;
    stranger.says(json!({"type": "auth", "id": 1, "token": "wrong"}).to_string()).await;
    assert_eq!(stranger.closed().await, 4401);
    let mut oldest = alice.connects().await;
    let (mut binary, _third) = (alice.connects().await, alice.connects().await);
    assert_eq!(oldest.closed().await, 4409);
    binary.sends_message(Message::binary(vec![1_u8])).await;
    assert_eq!(binary.closed().await, 1003);
    for code in [4400, 4401, 4409, 1003] {
        eventually(&code.to_string(), async || closes(code).await == 1.0).await;
    }
    let (opened, closed) =
        (app.metric("chat_websocket_opens_total", &[]).await, app.metric("chat_websocket_closes_total", &[]).await);
    assert_eq!(opened - closed, 1.0, "one is open");
}

#[tokio::test]
async fn what_comes_too_often_and_who_is_not_let_in_is_counted_by_its_reason() {
    let app = App::usual()
        .set("LIMITS__FRAMES_PER_SECOND", 1)
        .set("LIMITS__FRAMES_BURST", 3)
        .set("LIMITS__SIGN_IN_PER_NAME_PER_MINUTE", 2)
        .set("LIMITS__UNAUTHENTICATED_PER_ADDRESS", 1)
        .set("LIMITS__SENDS_PER_USER_PER_SECOND", 1)
        .set("LIMITS__SENDS_PER_USER_BURST", 1)
        .spawn()
        .await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("often").await;
    let limited = async |rule: &str| app.metric("chat_rate_limited_total", &[&format!("rule=\"{rule}\"")]).await;
    let failed =
        async |reason: &str| app.metric("chat_sign_in_failures_total", &[&format!("reason=\"{reason}\"")]).await;
    let mut socket = alice.connects().await;
    let pings = socket.begins_all((0..4).map(|_| json!({"type": "ping"}))).await;
    assert_eq!(socket.answer(pings[3], "ping").await["code"], "rate_limited");
    alice.posts(&room, "once").await;
    alice.tries_to_post(&room, "twice").await.refuses(429, "rate_limited");
    let _first = Socket::open(app.address()).await;
    assert_eq!(Upgrade::new(app.address()).shake().await.unwrap_err().status, 429);
    assert_eq!(
        (limited("frames").await, limited("sends_per_user").await, limited("sockets").await, limited("rest").await),
        (1.0, 1.0, 1.0, 0.0)
    );
    for code in ["bad_credentials", "bad_credentials", "rate_limited"] {
        let body = json!({"username": "nobody", "password": "correct horse"});
        let refused = app.anonymous("POST", "/sessions", Some(body)).await;
        assert_eq!(refused.json()["code"], code);
    }
    assert_eq!((failed("bad_credentials").await, failed("rate_limited").await), (2.0, 1.0));
    assert_eq!(limited("sign_in_per_name").await, 1.0);
}

#[tokio::test]
async fn what_waits_for_a_socket_that_does_not_read_is_shown_until_it_goes() {
    let app = App::usual().set("LIMITS__ENABLED", false).spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("waits", &[&bob]).await;
    let (stream, _) = Upgrade::new(app.address()).shake_with(Some(4_096)).await.unwrap();
    let mut slow = Socket::over(stream).await;
    slow.auth(&bob.access).await;
    slow.subscribes(&room).await;
    let mut writer = alice.connects().await;
    // More than the kernel holds for one socket.
    for _ in 0..60 {
        let sends = (0..20).map(|_| json!({"type": "send", "room": room, "nonce": nonce(), "text": "z".repeat(3_900)}));
        for id in writer.begins_all(sends).await {
            writer.answer(id, "send").await;
        }
    }
    let waits = async || app.metric("chat_outbound_queue_bytes", &[]).await;
    eventually("a queue that is seen", async || waits().await > 100_000.0).await;
    assert!(waits().await < 2_000_000.0, "one socket holds no more than its limit");
    drop(slow);
    eventually("nothing waits", async || waits().await == 0.0).await;
}

#[tokio::test]
async fn a_node_that_stops_says_so_while_it_can_be_asked() {
    let mut app = spawn_app().await;
    let alice = app.user("alice").await;
    let _open = alice.connects().await;
    assert_eq!(app.metric("chat_draining", &[]).await, 0.0);
    app.signal(Signal::TERM);
    let mut seen = false;
    // The metrics listener is the last to close.
    for _ in 0..200 {
        let Ok(mut stream) = TcpStream::connect(app.metrics_address()).await else { break };
        let mut answer = String::new();
        let asked = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        if asked.is_err() || stream.read_to_string(&mut answer).await.is_err() {
            break;
        }
        seen = answer.lines().any(|line| line == "chat_draining 1");
        if seen {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(seen, "never told");
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn l4_metrics_have_a_door_of_their_own() {
    let app = spawn_app().await;
    Request::new("GET", "/metrics").send(app.address()).await.refuses(404, "not_found");
}
