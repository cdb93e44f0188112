//! The upgrade: method, version, origin, subprotocol, caps, in the protocol's order.

use std::time::Duration;

use serde_json::json;

use crate::harness::{App, Request, Socket, Upgrade, spawn_app};

#[tokio::test]
async fn what_is_no_upgrade_is_refused_in_order() {
    let app = spawn_app().await;
    let to = app.address();
    for method in ["POST", "PUT", "DELETE"] {
        let reply = Request::new(method, "/api/v1/ws").header("Origin", "https://evil.example").send(to).await;
        reply.refuses(405, "method_not_allowed");
    }
    Upgrade::new(to)
        .without("Upgrade")
        .without("Connection")
        .shake()
        .await
        .unwrap_err()
        .refuses(426, "upgrade_required");
    Upgrade::new(to).header("Upgrade", "h2c").shake().await.unwrap_err().refuses(426, "upgrade_required");
    let old = Upgrade::new(to)
        .header("Sec-WebSocket-Version", "8")
        .header("Origin", "https://evil.example")
        .shake()
        .await
        .unwrap_err();
    assert_eq!(old.header("sec-websocket-version"), Some("13"), "RFC 6455 §4.4");
    old.refuses(426, "upgrade_required");
    // The origin is looked at before the subprotocol.
    let both = Upgrade::new(to).header("Origin", "https://evil.example").header("Sec-WebSocket-Protocol", "other.v9");
    both.shake().await.unwrap_err().refuses(403, "forbidden");
    for key in ["", "short", "!!!!!!!!!!!!!!!!!!!!!!=="] {
        let reply = Upgrade::new(to).header("Sec-WebSocket-Key", key).shake().await.unwrap_err();
        assert_eq!(reply.status, 400, "key {key:?}: {}", reply.text());
    }
    assert_eq!(Upgrade::new(to).without("Sec-WebSocket-Key").shake().await.unwrap_err().status, 400);
}

#[tokio::test]
async fn t2_only_whole_origins_of_this_host_or_configured_ones_may_upgrade() {
    let app = App::usual().set("HTTP__ALLOWED_ORIGINS", "https://chat.example").spawn().await;
    let to = app.address();
    let with = |origin: &str| Upgrade::new(to).header("Origin", origin).shake();
    for fine in [format!("http://{to}"), "https://chat.example".to_owned(), "https://chat.example:443".to_owned()] {
        let reply = with(&fine).await;
        // A browser never writes the default port; either answer to one that does is sane.
        assert!(reply.is_ok() || fine.ends_with(":443"), "{fine}");
    }
    Upgrade::new(to).shake().await.unwrap();
    for evil in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        String::new(),
        "https://chat.example.evil.example".to_owned(),
        "https://evil-chat.example".to_owned(),
        "http://chat.example".to_owned(),
        "https://chat.example:8443".to_owned(),
        format!("http://127.0.0.1:{}", to.port().wrapping_add(1)),
        format!("http://{to}.evil.example"),
        format!("http://{to}/"),
        format!("http://user@{to}"),
        "file://".to_owned(),
        "chat.example".to_owned(),
    ] {
        let reply = with(&evil).await;
        assert!(reply.is_err(), "{evil:?} was let in");
        reply.unwrap_err().refuses(403, "forbidden");
    }
    // This host is what `Host` says.
    let named = |host: &str| Upgrade::new(to).header("Host", host).header("Origin", "http://talk.example").shake();
    assert!(named("talk.example").await.is_ok());
    assert!(named("other.example").await.is_err());
}

#[tokio::test]
async fn t3_cookies_and_tokens_in_the_query_are_ignored() {
    let app = App::usual().set("LIMITS__AUTH_SECONDS", 1).spawn().await;
    let user = app.user("cookie").await;
    let upgrade = Upgrade::new(app.address())
        .header("Cookie", &format!("token={0}; access_token={0}", user.access))
        .path(&format!("/api/v1/ws?token={0}&access_token={0}", user.access));
    let (stream, _) = upgrade.header("Authorization", &format!("Bearer {}", user.access)).shake().await.unwrap();
    let mut socket = Socket::over(stream).await;
    let begun = std::time::Instant::now();
    assert_eq!(socket.closed().await, 4408);
    assert!(
        (Duration::from_millis(800)..Duration::from_millis(2_500)).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn t3_without_auth_a_socket_ends_after_five_seconds() {
    let app = spawn_app().await;
    let mut socket = Socket::open(app.address()).await;
    let begun = std::time::Instant::now();
    assert_eq!(socket.closed().await, 4408);
    assert!(
        (Duration::from_millis(4_500)..Duration::from_millis(6_500)).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn t4_the_subprotocol_is_ours_or_none() {
    let app = spawn_app().await;
    let with = |offer: &str| Upgrade::new(app.address()).header("Sec-WebSocket-Protocol", offer).shake();
    for offer in ["other.v9", "chat.v2, other", "CHAT.V1", ""] {
        let reply = with(offer).await;
        if offer.is_empty() && reply.is_ok() {
            continue;
        }
        let refused = reply.map(|(_, head)| head).unwrap_err();
        refused.refuses(400, "bad_request");
    }
    for offer in ["chat.v1", "chat.v1, x", "x,chat.v1", "x , chat.v1 , y"] {
        let (_, head) = with(offer).await.unwrap();
        assert!(head.contains("\r\nsec-websocket-protocol: chat.v1\r\n"), "{offer}: {head}");
    }
    let two = Upgrade::new(app.address())
        .header("Sec-WebSocket-Protocol", "x\r\nSec-WebSocket-Protocol: chat.v1")
        .shake()
        .await
        .unwrap()
        .1;
    assert!(two.contains("\r\nsec-websocket-protocol: chat.v1\r\n"), "two headers are one list: {two}");
    let (stream, head) =
        Upgrade::new(app.address()).header("Sec-WebSocket-Extensions", "permessage-deflate").shake().await.unwrap();
    assert!(!head.contains("sec-websocket-protocol") && !head.contains("sec-websocket-extensions"), "{head}");
    // RFC 6455 §1.3: the answer to the sample key. The head was lower-cased to be compared.
    assert!(head.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
    let user = app.user("plain").await;
    Socket::over(stream).await.auth(&user.access).await;
}

#[tokio::test]
async fn t5_the_first_frame_is_auth_or_the_socket_ends() {
    let app = spawn_app().await;
    let user = app.user("first").await;
    for frame in [
        json!({"type": "ping", "id": 1}),
        json!({"type": "nonsense", "id": 1}),
        json!({"id": 1}),
        json!({"type": "auth", "id": 1, "token": "x"}),
        json!({"type": "auth", "id": 1}),
    ] {
        let mut socket = Socket::open(app.address()).await;
        socket.says(frame.to_string()).await;
        let error = socket.answer(1, "the first frame").await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("unauthenticated")), "{frame} → {error}");
        assert_eq!(socket.closed().await, 4401, "{frame}");
    }
    for text in ["nonsense", "[]", "\"auth\"", "7", "{}x", "{\"type\":\"auth\",\"type\":\"auth\"}"] {
        let mut socket = Socket::open(app.address()).await;
        socket.says(text).await;
        assert_eq!(socket.closed().await, 4400, "{text}");
    }
    let mut socket = Socket::open(app.address()).await;
    socket
        .says(json!({"type": "auth", "id": 1, "token": user.access, "client": "c".repeat(9 * 1024)}).to_string())
        .await;
    assert_eq!(socket.closed().await, 1009);
    let mut socket = Socket::open(app.address()).await;
    socket.says(json!({"type": "auth", "id": 1, "token": user.access, "pad": "p".repeat(6 * 1024)}).to_string()).await;
    assert_eq!(socket.answer(1, "auth").await["type"], "ready");
}

#[tokio::test]
async fn t6_sockets_of_one_address_have_caps_that_fall_again() {
    let app = App::usual().set("LIMITS__SOCKETS_PER_ADDRESS", 12).spawn().await;
    let user = app.user("crowd").await;
    let open = |n: u8| Upgrade::new(app.address()).from(n).shake();
    let mut waiting = Vec::new();
    for _ in 0..10 {
        waiting.push(open(1).await.unwrap().0);
    }
    open(1).await.unwrap_err().refuses(429, "rate_limited");
    open(2).await.unwrap();
    drop(waiting.pop());
    let again = crate::harness::within(crate::harness::PATIENCE, "a place after one closed", async {
        loop {
            match open(1).await {
                Ok((stream, _)) => return stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        }
    });
    waiting.push(again.await);
    // Who says who it is makes room for others, up to the cap of all.
    let mut known = Vec::new();
    for _ in 0..2 {
        let mut socket = Socket::over(waiting.pop().unwrap()).await;
        socket.auth(&user.access).await;
        known.push(socket);
        waiting.push(open(1).await.unwrap().0);
    }
    let mut socket = Socket::over(waiting.pop().unwrap()).await;
    socket.auth(&user.access).await;
    known.push(socket);
    open(1).await.unwrap_err().refuses(429, "rate_limited");
}

#[tokio::test]
async fn the_switch_turns_rates_and_caps_off_and_nothing_else() {
    let app = App::usual().with_default_rates().set("LIMITS__ENABLED", false).spawn().await;
    let mut sockets = Vec::new();
    for _ in 0..30 {
        sockets.push(Upgrade::new(app.address()).shake().await.unwrap());
    }
    drop(sockets);
    for n in 0..8 {
        let user = app.user(&format!("free{n}-")).await;
        if n > 0 {
            continue;
        }
        let mut many = Vec::new();
        for _ in 0..20 {
            many.push(user.connects().await);
        }
        let room = user.creates_room("free").await;
        for chunk in 0..8 {
            let sends = (0..30).map(
                |n| json!({"type": "send", "room": room, "nonce": format!("free-{chunk:02}-{n:02}"), "text": "fast"}),
            );
            for id in many[0].begins_all(sends).await {
                assert_eq!(many[0].answer(id, "send").await["type"], "ok");
            }
        }
        many[19].done(json!({"type": "ping"})).await;
        assert_eq!(user.tries_to_post(&room, &"x".repeat(4_001)).await.refuses_field("/text"), "too_long");
        let rooms: Vec<_> = (0..101).map(|_| json!({"room": room})).collect();
        many[1].refused(json!({"type": "subscribe", "rooms": rooms}), "bad_request").await;
    }
}
