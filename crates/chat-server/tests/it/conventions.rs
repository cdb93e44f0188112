//! What holds on every route: methods, media, sizes, ids, headers, the documents at the root.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{App, PATIENCE, Reply, Request, spawn_app, within};

async fn raw(app: &App, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    within(PATIENCE, "an answer", async {
        let _ = stream.read_to_end(&mut answer).await;
    })
    .await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_wrong_method_405_that_names_the_right_ones() {
    let app = spawn_app().await;
    let user = app.user("routes").await;
    for path in ["/nope", "/rooms/x/y/z", "/api/v1", "/../etc/passwd"] {
        user.get(path).await.refuses(404, "not_found");
    }
    Request::new("GET", "/nope").send(app.address()).await.refuses(404, "not_found");
    for (method, path, right) in [
        ("PUT", "/rooms", &["GET", "POST"][..]),
        ("DELETE", "/accounts", &["POST"]),
        ("POST", "/me", &["GET", "PATCH", "DELETE"]),
        ("PATCH", "/sync", &["GET"]),
        ("BREW", "/rooms", &["GET", "POST"]),
    ] {
        let reply = user.request(method, path).send(app.address()).await;
        let allow = reply.header("allow").unwrap_or_default().to_owned();
        reply.refuses(405, "method_not_allowed");
        for right in right {
            assert!(allow.split(", ").any(|one| one == *right), "{method} {path}: {allow}");
        }
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_so() {
    let app = spawn_app().await;
    for (header, value) in [
        ("X-Nothing", "x"),
        ("Authorization", "Basic dTpw"),
        ("Authorization", "Bearer"),
        ("Authorization", "bearer-ish x"),
        ("Cookie", "token=x"),
    ] {
        let reply = Request::new("GET", "/api/v1/me").header(header, value).send(app.address()).await;
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
        reply.refuses(401, "unauthenticated");
    }
    let user = app.user("query").await;
    let reply =
        Request::new("GET", &format!("/api/v1/me?access_token={0}&token={0}", user.access)).send(app.address()).await;
    reply.refuses(401, "unauthenticated");
    // The scheme has no case (RFC 9110 §11.1).
    Request::new("GET", "/api/v1/me")
        .header("Authorization", format!("bearer {}", user.access))
        .send(app.address())
        .await
        .is(200);
}

#[tokio::test]
async fn t13_only_plain_json_is_taken() {
    let app = spawn_app().await;
    let body = json!({"username": "media", "password": "correct horse"}).to_string();
    let post = |kind: Option<&str>, encoding: Option<&str>| {
        let mut request = Request::new("POST", "/api/v1/accounts").body(body.clone());
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        if let Some(encoding) = encoding {
            request = request.header("Content-Encoding", encoding);
        }
        request.send(app.address())
    };
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/xml"),
        Some("multipart/form-data; boundary=x"),
        Some("json"),
    ] {
        post(kind, None).await.refuses(415, "unsupported_media");
    }
    for encoding in ["gzip", "deflate", "br", "zstd", "identity", "x"] {
        post(Some("application/json"), Some(encoding)).await.refuses(415, "unsupported_media");
    }
    post(Some("application/json; charset=utf-8"), None).await.is(201);
}

#[tokio::test]
async fn t14_hostile_json_is_400_at_the_rest_door() {
    let app = spawn_app().await;
    let user = app.user("hostile").await;
    let room = user.creates_room("hostile").await;
    let path = format!("/rooms/{room}/messages");
    let post = |body: String| {
        user.request("POST", &path).header("Content-Type", "application/json").body(body).send(app.address())
    };
    let nested = |depth: usize| {
        format!("{{\"text\":\"x\",\"nonce\":\"12345678\",\"deep\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
    };
    for body in [
        nested(10_000),
        nested(16),
        "{\"text\":\"x\",\"text\":\"y\",\"nonce\":\"12345678\"}".to_owned(),
        "{\"text\":\"x\",\"nonce\":\"12345678\",\"n\":1e400}".to_owned(),
        "{\"text\":\"\\ud800\",\"nonce\":\"12345678\"}".to_owned(),
        "{\"text\":\"x\",\"nonce\":\"12345678\"} x".to_owned(),
        "{\"text\":\"x\",\"nonce\":\"12345678\",\"n\":NaN}".to_owned(),
        "{\"a\":{\"b\":1,\"b\":2},\"text\":\"x\",\"nonce\":\"12345678\"}".to_owned(),
    ] {
        let shown = body.chars().take(60).collect::<String>();
        let reply = post(body).await;
        assert_eq!(reply.status, 400, "{shown}: {}", reply.text());
        reply.refuses(400, "bad_request");
    }
    let invalid = [b"{\"text\":\"".as_slice(), &[0xff, 0xfe], b"\",\"nonce\":\"12345678\"}"].concat();
    let reply =
        user.request("POST", &path).header("Content-Type", "application/json").body(invalid).send(app.address()).await;
    reply.refuses(400, "bad_request");
    // The object itself is one level.
    post(nested(15)).await.is(201);
}

#[tokio::test]
async fn sizes_have_limits_and_each_has_its_status() {
    let app = spawn_app().await;
    let user = app.user("sizes").await;
    let room = user.creates_room("sizes").await;
    let path = format!("/rooms/{room}/messages");
    let fitting = format!("{{\"text\":\"x\",\"nonce\":\"12345678\",\"pad\":\"{}\"}}", "p".repeat(60_000));
    user.request("POST", &path)
        .header("Content-Type", "application/json")
        .body(fitting)
        .send(app.address())
        .await
        .is(201);
    let body = format!("{{\"text\":\"x\",\"nonce\":\"12345679\",\"pad\":\"{}\"}}", "p".repeat(65_536));
    user.request("POST", &path)
        .header("Content-Type", "application/json")
        .body(body)
        .send(app.address())
        .await
        .refuses(413, "too_large");
    user.get(&format!("/users?q={}", "u".repeat(8_300))).await.refuses(414, "too_large");
    let reply = user.request("GET", "/me").header("X-Padding", "h".repeat(17_000)).send(app.address()).await;
    reply.refuses(431, "too_large");
    user.request("GET", "/me").header("X-Padding", "h".repeat(12_000)).send(app.address()).await.is(200);
    // A length that is a lie is refused before it is read.
    let answer = raw(&app, b"POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1099511627776\r\n\r\n{").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn broken_http_is_refused_and_never_smuggled() {
    let app = spawn_app().await;
    for request in [
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "NONSENSE\r\n\r\n",
        "GET /\r\n\r\n",
        "POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
    ] {
        let answer = raw(&app, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{request:?} → {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!answer.is_empty()), "{request:?} → {answer}");
    }
    app.anonymous("GET", "/meta", None).await.is(200);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_a_sane_one_is_echoed() {
    let app = spawn_app().await;
    let with = |id: &str| Request::new("GET", "/api/v1/meta").header("X-Request-Id", id).send(app.address());
    for sane in ["abc-123", "018f2a3e-7c11-7c3e-9a5e-5a0c6b1f2d3e", "A_b.c"] {
        assert_eq!(with(sane).await.header("x-request-id"), Some(sane));
    }
    for insane in ["", "a b", "<script>", "é", "a\"b", &"x".repeat(300)] {
        let reply = with(insane).await;
        let id = reply.header("x-request-id").unwrap();
        assert!(!id.is_empty() && id != insane, "{insane}");
    }
    let reply = |reply: Reply| reply.header("x-request-id").unwrap().to_owned();
    assert_ne!(reply(app.anonymous("GET", "/meta", None).await), reply(app.anonymous("GET", "/meta", None).await));
}

#[tokio::test]
async fn nonsense_in_a_path_is_404() {
    let app = spawn_app().await;
    let user = app.user("nonsense").await;
    let room = user.creates_room("nonsense").await;
    let upper = room.to_uppercase();
    for id in [
        "x",
        "1",
        "%00",
        "%ff",
        "..%2f..",
        "00000000-0000-0000-0000-000000000000",
        &upper,
        "%F0%9F%91%8D",
        &"a".repeat(500),
    ] {
        for path in [
            format!("/rooms/{id}"),
            format!("/rooms/{id}/messages"),
            format!("/users/{id}"),
            format!("/rooms/{room}/messages/{id}"),
        ] {
            let reply = user.get(&path).await;
            assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        }
        user.delete(&format!("/sessions/{id}")).await.refuses(404, "not_found");
    }
}

#[tokio::test]
async fn rest_requests_of_one_user_have_a_rate() {
    let app = App::usual().set("LIMITS__REST_PER_SECOND", 10).set("LIMITS__REST_BURST", 20).spawn().await;
    let (user, other) = (app.user("busy").await, app.user("calm").await);
    let mut refused = None;
    for _ in 0..60 {
        let reply = user.get("/me").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let problem = refused.expect("a refusal within 60 requests").refuses(429, "rate_limited");
    other.get("/me").await.is(200);
    tokio::time::sleep(std::time::Duration::from_millis(problem["retry_ms"].as_u64().unwrap() + 50)).await;
    user.get("/me").await.is(200);
}

#[tokio::test]
async fn sends_of_a_user_and_into_a_room_have_rates_over_both_doors() {
    let options = App::usual().set("LIMITS__SENDS_PER_USER_BURST", 5).set("LIMITS__SENDS_PER_ROOM_BURST", 8);
    let app =
        options.set("LIMITS__SENDS_PER_USER_PER_SECOND", 1).set("LIMITS__SENDS_PER_ROOM_PER_SECOND", 1).spawn().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (room, other) =
        (alice.creates_private_room("rated", &[&bob]).await, alice.creates_private_room("other", &[&bob]).await);
    let mut socket = alice.connects().await;
    for n in 0..5 {
        match n % 2 {
            0 => drop(alice.posts(&room, "one").await),
            _ => drop(socket.posts(&room, "two").await),
        }
    }
    let problem = alice.tries_to_post(&room, "over").await.refuses(429, "rate_limited");
    assert!(problem["retry_ms"].as_u64().unwrap() <= 1_100, "{problem}");
    let error = socket
        .refused(json!({"type": "send", "room": other, "nonce": "12345678", "text": "over"}), "rate_limited")
        .await;
    assert!(error["retry"] == true && error["retry_ms"].is_u64(), "{error}");
    // The user's rate is the user's; the room has its own.
    let mut posted = 0;
    while bob.tries_to_post(&room, "bob").await.status == 201 {
        posted += 1;
        assert!(posted < 5, "the room's rate does not hold");
    }
    bob.posts(&other, "another room").await;
}

#[tokio::test]
async fn cross_origin_is_off_by_default_and_exact_when_configured() {
    let app = spawn_app().await;
    let ask = |app: &App, method: &str, origin: &str| {
        let request = Request::new(method, "/api/v1/meta").header("Origin", origin);
        request
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "authorization")
            .send(app.address())
    };
    let allowed = |reply: &Reply| reply.header("access-control-allow-origin").map(str::to_owned);
    assert_eq!(allowed(&ask(&app, "GET", "https://chat.example").await), None);
    let app = App::usual().set("HTTP__ALLOWED_ORIGINS", "https://chat.example,http://localhost:5173").spawn().await;
    for origin in ["https://chat.example", "http://localhost:5173"] {
        for method in ["GET", "OPTIONS"] {
            let reply = ask(&app, method, origin).await;
            assert_eq!(allowed(&reply).as_deref(), Some(origin), "{method}");
            assert_eq!(reply.header("access-control-allow-credentials"), None);
            assert!(reply.status < 300, "{method} {}", reply.status);
        }
    }
    for origin in [
        "https://evil.example",
        "https://chat.example.evil.example",
        "http://chat.example",
        "https://chat.example:444",
        "null",
        "https://xchat.example",
    ] {
        assert_eq!(allowed(&ask(&app, "GET", origin).await), None, "{origin}");
    }
}

#[tokio::test]
async fn c2_the_web_client_is_served_with_strict_headers() {
    let app = spawn_app().await;
    let reply = Request::new("GET", "/").send(app.address()).await;
    let policy = reply.header("content-security-policy").expect("a policy").to_owned();
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.split("; ").any(|one| one.trim_end_matches(';') == directive), "{directive} is not in {policy}");
    }
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(reply.header("cross-origin-opener-policy"), Some("same-origin"));
    assert!(reply.header("content-type").unwrap().starts_with("text/html"));
    let page = reply.text().to_lowercase();
    assert!(page.contains("<!doctype html>"), "{page}");
    for script in page.split("<script").skip(1) {
        let inline = script.split('>').nth(1).unwrap().split("</script").next().unwrap();
        assert!(
            script.split('>').next().unwrap().contains("src=") && inline.trim().is_empty(),
            "inline code: {script}"
        );
    }
    assert!(
        !page.contains("<style")
            && !page.contains(" style=")
            && !page.contains("onclick=")
            && !page.contains("http://"),
        "{page}"
    );
}

#[tokio::test]
async fn the_server_tells_its_health_and_describes_itself() {
    let app = spawn_app().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(Request::new("GET", path).send(app.address()).await.status, 200);
    }
    let openapi = Request::new("GET", "/openapi.json").send(app.address()).await.is(200);
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"), "{}", openapi["openapi"]);
    let asyncapi = Request::new("GET", "/asyncapi.json").send(app.address()).await.is(200);
    assert!(asyncapi["asyncapi"].as_str().unwrap().starts_with("3."), "{}", asyncapi["asyncapi"]);
    let all = asyncapi.to_string();
    for frame in [
        "auth",
        "subscribe",
        "unsubscribe",
        "send",
        "edit",
        "delete",
        "react",
        "read",
        "typing",
        "presence",
        "watch",
        "ping",
        "ready",
        "ok",
        "batch",
        "event",
        "error",
        "reset",
        "heartbeat",
        "evicted",
        "reauth",
        "bye",
        "pong",
    ] {
        assert!(all.contains(&format!("\"{frame}\"")), "{frame} is not described");
    }
    let docs = Request::new("GET", "/docs").send(app.address()).await;
    assert!([200, 301, 302, 303, 307, 308].contains(&docs.status), "{}", docs.status);
}

/// Every line of protocol §2, with its method: what a machine reads must say the same.
const ROUTES: &str = "POST /accounts\nPOST /sessions\nPOST /sessions/refresh\nGET /sessions\nDELETE /sessions/{}\nDELETE /sessions\nGET /me\nPATCH /me\nDELETE /me\n\
    PUT /me/password\nGET /users/{}\nGET /users\nGET /sync\nGET /rooms\nPOST /rooms\nGET /rooms/{}\nPATCH /rooms/{}\nDELETE /rooms/{}\nGET /rooms/{}/members\n\
    PUT /rooms/{}/members/{}\nDELETE /rooms/{}/members/{}\nGET /rooms/{}/bans\nPUT /rooms/{}/bans/{}\nDELETE /rooms/{}/bans/{}\nPOST /rooms/{}/invites\n\
    GET /rooms/{}/invites\nDELETE /rooms/{}/invites/{}\nPOST /invites/{}\nGET /rooms/{}/messages\nPOST /rooms/{}/messages\nGET /rooms/{}/messages/{}\n\
    PATCH /rooms/{}/messages/{}\nDELETE /rooms/{}/messages/{}\nPUT /rooms/{}/messages/{}/reactions/{}\nDELETE /rooms/{}/messages/{}/reactions/{}\n\
    GET /rooms/{}/messages/{}/reactions\nPUT /rooms/{}/pins/{}\nDELETE /rooms/{}/pins/{}\nGET /rooms/{}/changes\nPUT /rooms/{}/read\n\
    POST /rooms/{}/webhooks\nGET /rooms/{}/webhooks\nDELETE /rooms/{}/webhooks/{}\nPOST /hooks/{}/{}\nGET /meta";

#[tokio::test]
async fn the_openapi_document_has_every_route_of_the_protocol() {
    let app = spawn_app().await;
    let openapi = Request::new("GET", "/openapi.json").send(app.address()).await.is(200);
    let mut described = std::collections::BTreeSet::new();
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        let path = path.trim_start_matches("/api/v1");
        let nameless: String =
            path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/");
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{} {nameless}", method.to_uppercase()));
        }
    }
    let missing: Vec<&str> = ROUTES.lines().map(str::trim).filter(|route| !described.contains(*route)).collect();
    assert!(missing.is_empty(), "not described: {missing:?}");
}

#[tokio::test]
async fn the_metrics_that_are_relied_on_count_what_they_say() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("counted", &[&bob]).await;
    assert_eq!(app.metric("chat_websocket_connections", &[]).await, 0.0);
    let (mut one, mut two) = (alice.connects().await, bob.connects().await);
    assert_eq!(app.metric("chat_websocket_connections", &[]).await, 2.0);
    one.subscribes(&room).await;
    two.subscribes(&room).await;
    let (received, delivered) =
        (app.metric("chat_messages_received_total", &[]).await, app.metric("chat_messages_delivered_total", &[]).await);
    one.posts(&room, "by socket").await;
    alice.posts(&room, "by rest").await;
    for socket in [&mut one, &mut two] {
        socket.sees("by socket").await;
        socket.sees("by rest").await;
    }
    assert_eq!(app.metric("chat_messages_received_total", &[]).await - received, 2.0);
    crate::harness::eventually("deliveries counted", async || {
        app.metric("chat_messages_delivered_total", &[]).await - delivered == 4.0
    })
    .await;
    let before = app.metric("chat_errors_total", &["code=\"not_found\""]).await;
    alice.get("/rooms/x").await.refuses(404, "not_found");
    one.refused(json!({"type": "send", "room": "x", "nonce": "12345678", "text": "x"}), "not_found").await;
    assert_eq!(app.metric("chat_errors_total", &["code=\"not_found\""]).await - before, 2.0);
    let labels = ["method=\"POST\"", "status=\"201\"", "messages"];
    assert_eq!(app.metric("chat_http_requests_total", &labels).await, 1.0);
    assert!(app.metrics().await.contains("chat_http_request_duration_seconds"));
    one.leaves().await;
    drop(two);
    crate::harness::eventually("no sockets any more", async || {
        app.metric("chat_websocket_connections", &[]).await == 0.0
    })
    .await;
}

#[tokio::test]
async fn a_head_request_is_answered_like_get_or_405_but_never_with_a_body() {
    let app = spawn_app().await;
    let answer = raw(&app, b"HEAD /api/v1/meta HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 405"), "{head}");
    assert_eq!(body, "");
}

#[tokio::test]
async fn unknown_members_are_ignored_however_deep() {
    let app = spawn_app().await;
    let user = app.user("tolerant").await;
    let unknown: Value = json!({"a": [{"b": {"c": [1, 2.5, null, true]}}], "type": "x"});
    let room = user.post("/rooms", json!({"kind": "public", "name": "tolerant", "extra": unknown})).await.is(201);
    let path = format!("/rooms/{}/messages", room["id"].as_str().unwrap());
    user.post(&path, json!({"text": "x", "nonce": "12345678", "extra": unknown, "id": 9, "seq": "x"})).await.is(201);
    user.get(&format!("{path}?unknown=1")).await.is(200);
}

#[tokio::test]
async fn c2_the_files_of_the_web_client_are_kept_by_their_build_and_nothing_else_is_served() {
    let app = spawn_app().await;
    let page = Request::new("GET", "/").send(app.address()).await;
    let text = page.text();
    let script = text.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let build = script.strip_suffix("/main.js").unwrap();
    let preloaded = page.header("link").unwrap();
    assert!(preloaded.contains(&format!("<{build}/sync/chat.js>; rel=modulepreload")), "{preloaded}");
    for (path, media) in [
        (script.to_owned(), "text/javascript"),
        (format!("{build}/style/base.css"), "text/css"),
        (format!("{build}/favicon.svg"), "image/svg+xml"),
        ("/ui/00000000/main.js".to_owned(), "text/javascript"),
    ] {
        let file = Request::new("GET", &path).send(app.address()).await;
        assert_eq!(file.status, 200, "{path}");
        assert!(file.header("content-type").unwrap().starts_with(media), "{path}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"), "{path}");
        // A build never changes; another build's page gets what is here, and asks again. Debug builds read the disk.
        let is_for_ever = path.starts_with(build) && !cfg!(debug_assertions);
        assert_eq!(file.header("cache-control").unwrap().contains("immutable"), is_for_ever, "{path}");
    }
    for path in [
        "/ui/x/index.html",
        "/ui/x/none.js",
        "/ui/x/sync/",
        "/ui/x/..%2fmod.js",
        "/ui/x/sync/..%2f..%2fCargo.toml",
        "/ui/x/a/b/c.js",
        "/ui/x/",
        "/ui",
    ] {
        Request::new("GET", path).send(app.address()).await.refuses(404, "not_found");
    }
}
