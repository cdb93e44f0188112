//! Traces: one message's road as a collector sees it, and a collector that nobody needs.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{App, Collector, Manner, Told, eventually, nonce};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0c9902b7";
/// OTLP's `SPAN_KIND_SERVER`.
const SERVER: i32 = 2;

/// The steps of one message below `first`: each in its trace, each the child of the one before.
async fn has_its_road(collector: &Collector, first: &Told) {
    let of = |name: &'static str, parent: String| {
        let trace = first.trace.clone();
        async move {
            let is = |span: &Told| span.name == name && span.trace == trace && span.parent == parent;
            collector.hears(&format!("{name} below {parent}"), is).await
        }
    };
    let command = of("command", first.id.clone()).await;
    assert_eq!(command.attributes["action"], "post");
    let batch = of("batch", command.id.clone()).await;
    assert_eq!(batch.attributes["commands"], "1");
    for step in ["commit", "fan_out"] {
        of(step, batch.id.clone()).await;
    }
}

#[tokio::test]
async fn a_rest_send_is_one_trace_from_its_caller_to_the_commit() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let app = collector.of(App::usual()).spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("traced").await;
    let reply = alice
        .request("POST", &format!("/rooms/{room}/messages"))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("X-Request-Id", "traced-send")
        .json(&json!({"text": "hi", "nonce": nonce()}))
        .send(app.address())
        .await;
    assert_eq!(reply.status, 201);
    let request = collector
        .hears("the request", |span| span.attributes.get("request_id").is_some_and(|id| id == "traced-send"))
        .await;
    assert_eq!(request.name, "POST /api/v1/rooms/{r}/messages");
    assert_eq!((request.trace.as_str(), request.parent.as_str(), request.kind), (TRACE, CALLER, SERVER));
    assert!(!request.is_error);
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "201"),
        ("http.route", "/api/v1/rooms/{r}/messages"),
        ("request_id", "traced-send"),
    ];
    assert_eq!(request.attributes, owned(&expected));
    let expected = [
        ("service.name", "chat-server"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", "n1"),
    ];
    assert_eq!(request.resource, owned(&expected));
    has_its_road(&collector, &request).await;
    // An error of ours would be one in the trace; a client's mistake is not.
    alice.get("/rooms/nowhere").await.refuses(404, "not_found");
    let refused = |span: &Told| span.attributes.get("error.type").is_some_and(|code| code == "not_found");
    assert!(!collector.hears("the refused request", refused).await.is_error);
}

fn owned(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_socket_s_send_is_one_trace_from_its_frame_to_the_commit() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let app = collector.of(App::usual()).spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("traced").await;
    let mut socket = alice.connects().await;
    socket.posts(&room, "hi").await;
    let frame = collector.hears("the frame", |span| span.name == "frame send").await;
    assert_eq!((frame.parent.as_str(), frame.kind), ("", SERVER));
    has_its_road(&collector, &frame).await;
    socket.refused(json!({"type": "send", "room": "nowhere", "nonce": nonce(), "text": "x"}), "not_found").await;
    socket.leaves().await;
    let connection = collector.hears("the connection", |span| span.name == "connection").await;
    // A close without a code, as RFC 6455 §7.1.5 counts it.
    assert_eq!(connection.attributes["close_code"], "1005");
    assert_eq!(connection.attributes["connection"], frame.attributes["connection"]);
    assert_eq!(frame.links, [(connection.trace, connection.id)]);
    collector
        .hears("the refused frame", |span| span.attributes.get("error.type").is_some_and(|code| code == "not_found"))
        .await;
    let handshake = collector.hears("the handshake", |span| span.name == "GET /api/v1/ws").await;
    assert_eq!(connection.links, [(handshake.trace, handshake.id)]);
}

#[tokio::test]
async fn a_batch_is_linked_to_the_others_that_joined_it() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let app = collector.of(App::usual()).set("LIMITS__INFLIGHT", 100).spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("busy").await;
    let mut socket = alice.connects().await;
    for _ in 0..5 {
        let frames = (0..60).map(|_| json!({"type": "send", "room": room, "nonce": nonce(), "text": "x"}));
        for id in socket.begins_all(frames).await {
            assert_eq!(socket.answer(id, "a send").await["type"], "ok");
        }
    }
    let batch = collector.hears("a batch of several", |span| span.name == "batch" && !span.links.is_empty()).await;
    let commands: usize = batch.attributes["commands"].parse().unwrap();
    assert_eq!(batch.links.len(), (commands - 1).min(32));
    let (trace, id) = batch.links[0].clone();
    let other = collector.hears("the linked command", |span| span.id == id).await;
    assert_eq!((other.name.as_str(), other.trace), ("command", trace.clone()));
    assert_ne!(trace, batch.trace);
}

#[tokio::test]
async fn the_sender_of_a_traceparent_decides_and_a_ratio_of_zero_exports_nothing() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let ask = async |app: &App, id: &str, flags: &str| {
        let reply = crate::harness::Request::new("GET", "/api/v1/meta")
            .header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"))
            .header("X-Request-Id", id)
            .send(app.address())
            .await;
        assert_eq!(reply.status, 200);
    };
    let stop = async |mut app: App| {
        app.signal(Signal::TERM);
        assert!(app.ended().await.success());
    };
    // The first has 0, the second a ratio that takes none of these few, the third takes all that begin here.
    for (ratio, expected) in [("0", 0), ("0.000000001", 1), ("1", 2)] {
        let app = collector.of(App::usual()).set("TRACE__SAMPLE_RATIO", ratio).spawn().await;
        let before = collector.spans().len();
        ask(&app, "sampled", "01").await;
        ask(&app, "unsampled", "00").await;
        crate::harness::Request::new("GET", "/api/v1/meta").send(app.address()).await;
        stop(app).await;
        let spans = collector.spans().split_off(before);
        assert_eq!(spans.len(), expected, "at {ratio}: {spans:?}");
        assert!(spans.iter().all(|span| span.attributes["request_id"] != "unsampled"), "{spans:?}");
    }
}

#[tokio::test]
async fn the_last_spans_leave_when_the_server_does() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let ask = async |app: &App, id: &str| {
        let request = crate::harness::Request::new("GET", "/api/v1/meta").header("X-Request-Id", id);
        request.send(app.address()).await.is(200);
    };
    let was_told =
        |id: &str| collector.spans().iter().any(|span| span.attributes.get("request_id").is_some_and(|of| of == id));
    // One that was just gathered.
    let mut app = collector.of(App::usual()).spawn().await;
    ask(&app, "gathered").await;
    app.signal(Signal::TERM);
    assert!(app.ended().await.success());
    assert!(was_told("gathered"));
    // And all that wait behind a batch that the collector would not have so far.
    collector.behaves(Manner::Answers(503));
    let mut app = collector.of(App::usual()).set("TRACE__BATCH_SPANS", 2).spawn().await;
    ask(&app, "held").await;
    eventually("a failed export", async || app.log().contains("collector of traces is away")).await;
    for number in 0..7 {
        ask(&app, &format!("waits-{number}")).await;
    }
    collector.behaves(Manner::Answers(200));
    app.signal(Signal::TERM);
    assert!(app.ended().await.success());
    assert!(was_told("held") && (0..7).all(|number| was_told(&format!("waits-{number}"))));
}

#[tokio::test]
async fn spans_wait_for_a_collector_that_comes_back() {
    let collector = Collector::start(Manner::Answers(503)).await;
    let app = collector.of(App::usual()).spawn().await;
    app.user("early").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(collector.exports(), 0);
    collector.behaves(Manner::Answers(200));
    collector.hears("what waited", |span| span.name == "POST /api/v1/accounts").await;
    assert_eq!(app.metric("chat_trace_spans_dropped_total", &[]).await, 0.0);
    // What is refused for good is dropped and counted.
    collector.behaves(Manner::Answers(400));
    app.user("refused").await;
    eventually("a count of what was refused", async || app.metric("chat_trace_spans_dropped_total", &[]).await >= 1.0)
        .await;
}

/// The 50 sends that a collector must not be felt in, the slowest left out.
async fn p99_of_sends(app: &App) -> Duration {
    let alice = app.user("alice").await;
    let room = alice.creates_room("quick").await;
    let mut socket = alice.connects().await;
    let mut took = Vec::new();
    for _ in 0..50 {
        let begun = Instant::now();
        socket.posts(&room, "hi").await;
        took.push(begun.elapsed());
    }
    took.sort();
    took[48]
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_costs_nobody_anything() {
    let hanging = Collector::start(Manner::Hangs).await;
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let without = p99_of_sends(&App::usual().spawn().await).await;
    for endpoint in [None, Some(gone)] {
        let options = hanging
            .of(App::usual())
            .set("TRACE__QUEUE_SPANS", 16)
            .set("TRACE__BATCH_SPANS", 16)
            .set("TRACE__TIMEOUT_MS", 1_000);
        let options = match &endpoint {
            None => options,
            Some(gone) => options.set("TRACE__ENDPOINT", gone),
        };
        let mut app = options.spawn().await;
        let with = p99_of_sends(&app).await;
        // The machine is shared with other tests: what matters is that nothing near the time-out of an export is felt.
        assert!(with < without * 4 + Duration::from_millis(150), "{with:?} with, {without:?} without");
        eventually("spans dropped", async || app.metric("chat_trace_spans_dropped_total", &[]).await > 10.0).await;
        let begun = Instant::now();
        app.signal(Signal::TERM);
        assert!(app.ended().await.success());
        // drain.seconds is 3 and nobody is connected; then the last export has its second.
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert_eq!(app.log().matches("collector of traces is away").count(), 1, "told once");
    }
}
