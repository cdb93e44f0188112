//! What is written to the log, and what never is.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{App, Request, User, encode, nonce};

#[tokio::test]
async fn l2_no_token_password_or_text_is_logged_even_at_trace() {
    let app = App::usual().set("LOG__LEVEL", "trace").spawn().await;
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
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let log = app.log();
    assert!(log.lines().count() > 20, "the log is at trace level");
    let leaked: Vec<&str> = secrets.iter().filter(|secret| log.contains(secret.as_str())).map(String::as_str).collect();
    let lines: Vec<&str> = log.lines().filter(|line| leaked.iter().any(|secret| line.contains(secret))).collect();
    assert!(leaked.is_empty(), "{leaked:?} in\n{}", lines.join("\n"));
    // What is stored as a hash is as good as the password to somebody with time.
    assert!(!log.contains("$2b$") && !log.contains("$2y$"));
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
