//! What is written to the log, and what never is.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{App, Collector, Manner, Request, User, encode, eventually, has, nonce};

#[tokio::test]
async fn l2_no_token_password_or_text_is_logged_even_at_trace() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let mut app = collector.of(App::usual()).set("LOG__LEVEL", "trace").spawn().await;
    let to = app.address();
    let alice = app.user("alice").await;
    let bob = app.user("bob").await;
    let room = alice.creates_private_room("LOGGED-NAME-never", &[&bob]).await;
    let mut secrets = vec![
        alice.password.clone(),
        alice.access.clone(),
        alice.refresh.clone(),
        bob.password.clone(),
        "LOGGED-NAME-never".to_owned(),
    ];
    let mut text = |what: &str| {
        let text = format!("UNUTTERABLE-{what}-{}", nonce());
        secrets.push(text.clone());
        text
    };
    let said = alice.posts(&room, &text("rest")).await;
    let at = format!("/rooms/{room}/messages/{}", said["seq"]);
    alice.patch(&at, json!({"text": text("edit")})).await.is(200);
    alice.patch(&format!("/rooms/{room}"), json!({"topic": text("topic")})).await.is(200);
    alice.patch("/me", json!({"display_name": text("display").chars().take(40).collect::<String>()})).await.is(200);
    alice.get(&format!("/rooms?scope=public&q={}", encode(&text("search").chars().take(60).collect::<String>()))).await;
    alice.get(&format!("/users?q={}", encode(&text("people")))).await;
    let (wrong, new) = (text("wrong-pw"), text("new-pw"));
    app.anonymous("POST", "/sessions", Some(json!({"username": alice.username, "password": wrong})))
        .await
        .refuses(401, "bad_credentials");
    bob.put("/me/password", json!({"current": bob.password, "new": new})).await.is(204);
    bob.put("/me/password", json!({"current": wrong, "new": new})).await.refuses(403, "bad_credentials");
    Request::new("GET", &format!("/api/v1/me?token={}", text("query"))).bearer(&text("bearer")).send(to).await;
    Request::new("POST", "/api/v1/accounts")
        .header("Content-Type", "application/json")
        .body(format!("{{\"broken\":\"{}", text("broken")))
        .send(to)
        .await;
    app.anonymous("POST", "/accounts", Some(json!({"username": 7, "password": text("mistyped")}))).await;
    app.anonymous("POST", "/sessions/refresh", Some(json!({"refresh_token": text("refresh")}))).await;
    let next = app.anonymous("POST", "/sessions/refresh", Some(json!({"refresh_token": alice.refresh}))).await.is(200);
    let invite = alice.post(&format!("/rooms/{room}/invites"), json!({})).await.is(201);
    let code = invite["code"].as_str().unwrap().to_owned();
    app.user("carol").await.posts_nothing(&format!("/invites/{code}")).await.is(200);
    app.anonymous("POST", &format!("/invites/{}", text("invite")), None).await;
    let hook = alice.post(&format!("/rooms/{room}/webhooks"), json!({"name": "hook"})).await.is(201);
    let (hook, hook_secret) = (hook["id"].as_str().unwrap(), hook["secret"].as_str().unwrap().to_owned());
    let delivery = json!({"text": text("hook")});
    app.anonymous("POST", &format!("/hooks/{hook}/{hook_secret}"), Some(delivery.clone())).await.is(201);
    for wrong in [text("hook-secret"), format!("{hook_secret}{}", text("longer"))] {
        app.anonymous("POST", &format!("/hooks/{hook}/{wrong}"), Some(delivery.clone()))
            .await
            .refuses(404, "not_found");
    }
    app.anonymous("GET", &format!("/hooks/{hook}/{hook_secret}"), None).await.refuses(405, "method_not_allowed");
    app.anonymous("POST", &format!("/hooks/{hook}/{hook_secret}/more"), None).await.refuses(404, "not_found");

    let mut socket = alice.connects().await;
    socket.subscribes(&room).await;
    socket.posts(&room, &text("socket")).await;
    socket.done(json!({"type": "edit", "room": room, "seq": said["seq"], "text": text("socket-edit")})).await;
    socket.refused(json!({"type": "send", "room": room, "nonce": "x", "text": text("refused")}), "invalid_field").await;
    socket.refused(json!({"type": text("type"), "token": text("unknown")}), "bad_request").await;
    socket
        .refused(
            json!({"type": "send", "room": room, "nonce": nonce(), "text": [text("mistyped-frame")]}),
            "bad_request",
        )
        .await;
    socket.refused(json!({"type": "auth", "token": text("renewal")}), "unauthenticated").await;
    socket.says(format!("{{\"broken\":\"{}", text("broken-frame"))).await;
    assert_eq!(socket.closed().await, 4400);
    let mut socket = crate::harness::Socket::open(to).await;
    socket.ask(json!({"type": "auth", "token": text("auth")})).await;
    drop(socket);

    for token in [&next["access_token"], &next["refresh_token"]] {
        secrets.push(token.as_str().unwrap().to_owned());
    }
    secrets.extend([code, hook_secret.clone()]);
    let metrics = app.metrics().await;
    assert!(metrics.contains("route=\"/api/v1/hooks/{id}/{secret}\"") && !metrics.contains(&hook_secret));
    // The end of the server exports the last spans.
    app.signal(rustix::process::Signal::TERM);
    assert!(app.ended().await.success());
    secrets.extend([alice.username.clone(), bob.username.clone(), "127.0.0.1".to_owned()]);
    spans_are_of_closed_lists(&collector, &secrets);
    secrets.pop();
    let log = app.log();
    assert!(log.lines().count() > 20, "the log is at trace level");
    let leaked: Vec<&str> = secrets.iter().filter(|secret| log.contains(secret.as_str())).map(String::as_str).collect();
    let lines: Vec<&str> = log.lines().filter(|line| leaked.iter().any(|secret| line.contains(secret))).collect();
    assert!(leaked.is_empty(), "{leaked:?} in\n{}", lines.join("\n"));
    // What is stored as a hash is as good as the password to somebody with time.
    assert!(!log.contains("$2b$") && !log.contains("$2y$"));
}

/// Nothing that a person chose is exported, whatever it was.
fn spans_are_of_closed_lists(collector: &Collector, secrets: &[String]) {
    let raw = String::from_utf8_lossy(&collector.raw()).into_owned();
    let leaked: Vec<_> = secrets.iter().filter(|secret| raw.contains(secret.as_str())).collect();
    assert!(leaked.is_empty(), "{leaked:?} in the exported spans");
    let known = "action close_code commands connection error.type http.request.method http.response.status_code http.route \
        request_id type";
    let known: Vec<&str> = known.split_whitespace().collect();
    let spans = collector.spans();
    assert!(spans.len() > 60, "every request and frame is traced, not {}", spans.len());
    for span in spans {
        let strange: Vec<_> = span.attributes.keys().filter(|key| !known.contains(&key.as_str())).collect();
        assert!(strange.is_empty(), "{strange:?} in {span:?}");
    }
}

#[tokio::test]
async fn l1_whatever_strangers_send_a_log_line_stays_one_line_of_json() {
    let app = App::usual().set("LOG__LEVEL", "debug").spawn().await;
    let to = app.address();
    let user = app.user("lines").await;
    let room = user.creates_room("lines").await;
    let evil = "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[31m";
    app.anonymous("POST", "/accounts", Some(json!({"username": evil, "password": "correct horse"})))
        .await
        .refuses_field("/username");
    app.anonymous("POST", "/sessions", Some(json!({"username": evil, "password": evil}))).await;
    user.tries_to_post(&room, evil).await;
    user.get(&format!("/rooms/{}", encode(evil))).await;
    Request::new("GET", &format!("/{}", encode(evil))).header("User-Agent", "forged <b> \t é").send(to).await;
    Request::new("GET", "/api/v1/meta")
        .header("X-Request-Id", "forged\tid")
        .header("X-Forwarded-For", "forged, 1.2.3.4")
        .send(to)
        .await;
    let mut socket = user.connects().await;
    socket.ask(json!({"type": evil})).await;
    socket.ask(json!({"type": "auth", "token": user.access, "client": evil})).await;
    let mut raw = TcpStream::connect(to).await.unwrap();
    raw.write_all(b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\nUser-Agent: \x1b[31m\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), raw.read_to_end(&mut Vec::new())).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let log = app.log();
    assert!(log.lines().count() >= 5, "something is logged:\n{log}");
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line:?}"));
        assert!(entry.is_object() && entry["message"] != "forged", "{line}");
        assert!(!line.chars().any(|c| c.is_control()), "{line:?}");
    }
}

#[tokio::test]
async fn a_served_request_and_a_wrong_password_leave_a_line_each() {
    let app = App::usual().spawn().await;
    let user = User::registers(app.address(), "audit").await;
    let reply = user.request("GET", "/me").header("X-Request-Id", "find-me-in-the-log").send(app.address()).await;
    assert_eq!(reply.status, 200);
    crate::harness::eventually("the request's line", async || {
        app.log().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).any(|entry| {
            let text = entry.to_string();
            text.contains("find-me-in-the-log") && text.contains("/api/v1/me") && text.contains("200")
        })
    })
    .await;
}

/// The lines of a log that are like this.
fn lines(app: &App, is: impl Fn(&Value) -> bool) -> Vec<Value> {
    app.log().lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is).collect()
}

/// What every line has, whoever wrote it.
fn has_the_stable_fields(line: &Value) {
    let time = line["timestamp"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.len() >= 20, "{line}");
    time::OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).unwrap();
    assert!(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&line["level"].as_str().unwrap()), "{line}");
    assert!(line["target"].is_string() && line["message"].is_string(), "{line}");
}

#[tokio::test]
async fn a_request_and_a_socket_leave_lines_with_stable_fields() {
    for level in ["info", "debug"] {
        let app = App::usual().set("LOG__LEVEL", level).spawn().await;
        let user = app.user("lines").await;
        let room = user.creates_room("lines").await;
        let body = json!({"text": "hi", "nonce": nonce()});
        let path = format!("/rooms/{room}/messages");
        user.request("POST", &path).header("X-Request-Id", "one-send").json(&body).send(app.address()).await.is(201);
        eventually("the request's line", async || !lines(&app, |line| line["request_id"] == "one-send").is_empty())
            .await;
        let line = &lines(&app, |line| line["request_id"] == "one-send" && line["status"] == 201)[0];
        has(
            line,
            json!({"level": "INFO", "message": "request answered", "method": "POST", "route": "/api/v1/rooms/{r}/messages"}),
        );
        assert!(line["duration_ms"].as_f64().is_some_and(|took| took > 0.0), "{line}");
        assert!(line.get("trace_id").is_none() && line.get("span").is_none(), "{line}");

        let mut socket = user.connects().await;
        socket.posts(&room, "hi").await;
        socket.leaves().await;
        eventually("the socket's end", async || !lines(&app, |line| line["message"] == "socket closed").is_empty())
            .await;
        let closed = &lines(&app, |line| line["message"] == "socket closed")[0];
        assert_eq!(closed["code"], 1005, "a close without a code: {closed}");
        assert!(closed["duration_ms"].as_f64().is_some_and(|took| took > 0.0), "{closed}");
        let connection = closed["connection"].as_str().unwrap();
        assert_eq!(connection.len(), 16);
        let opened = &lines(&app, |line| line["message"] == "socket opened")[0];
        assert_eq!(opened["connection"], connection);
        let handshake = &lines(&app, |line| line["route"] == "/api/v1/ws")[0];
        assert_eq!((&handshake["status"], &handshake["request_id"]), (&json!(101), &opened["request_id"]));
        lines(&app, |_| true).iter().for_each(has_the_stable_fields);
        assert_eq!(app.log().lines().count(), lines(&app, |_| true).len(), "every line is JSON");
    }
}

#[tokio::test]
async fn with_traces_on_a_line_names_its_trace() {
    let collector = Collector::start(Manner::Answers(200)).await;
    // Whatever the level, a line that is written has the id of its request.
    let app = collector.of(App::usual()).set("LOG__LEVEL", "off,chat_web=info").spawn().await;
    let user = app.user("traced").await;
    user.request("GET", "/me").header("X-Request-Id", "traced-get").send(app.address()).await.is(200);
    let span = collector
        .hears("the request", |span| span.attributes.get("request_id").is_some_and(|id| id == "traced-get"))
        .await;
    let line = &lines(&app, |line| line["request_id"] == "traced-get")[0];
    has(line, json!({"trace_id": span.trace, "span_id": span.id, "status": 200}));
}
