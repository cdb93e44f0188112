//! Whatever is sent to whichever door: never a 500, never a panic, never a hang, one answer for each request.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{App, PATIENCE, Request, nonce, spawn_app, within};

/// Values that somebody's parser did not expect.
fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(1.5),
        json!(9_007_199_254_740_991_u64),
        json!(9_007_199_254_740_992_u64),
        json!(18_446_744_073_709_551_615_u64),
        json!(-9_223_372_036_854_775_808_i64),
        json!(1e300),
        json!(""),
        json!("x"),
        json!("\0"),
        json!("\u{202e}\u{feff}"),
        json!("🦀".repeat(5_000)),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("9999-12-31T23:59:59.999Z"),
        json!("0000-00-00T00:00:00Z"),
        json!([]),
        json!([null]),
        json!([[[]]]),
        json!({}),
        json!({"a": {"b": []}}),
        json!(["x", 1, null]),
    ]
}

#[tokio::test]
async fn no_value_in_any_body_is_a_fault_of_the_server() {
    let app = spawn_app().await;
    let (user, other) = (app.user("fuzz").await, app.user("other").await);
    let room = user.creates_private_room("fuzzed", &[&other]).await;
    let seq = user.posts(&room, "target").await["seq"].clone();
    let at = format!("/rooms/{room}");
    let bodies = [
        (
            "POST",
            "/accounts".to_owned(),
            json!({"username": "someone", "password": "correct horse", "display_name": "x"}),
        ),
        ("POST", "/sessions".to_owned(), json!({"username": "someone", "password": "correct horse", "device": "x"})),
        ("POST", "/sessions/refresh".to_owned(), json!({"refresh_token": "x"})),
        ("PATCH", "/me".to_owned(), json!({"display_name": "x"})),
        ("PUT", "/me/password".to_owned(), json!({"current": "x", "new": "y"})),
        ("DELETE", "/me".to_owned(), json!({"password": "x"})),
        (
            "POST",
            "/rooms".to_owned(),
            json!({"kind": "private", "name": "x", "topic": "x", "members": [], "nonce": "12345678"}),
        ),
        ("PATCH", at.clone(), json!({"name": "x", "topic": "x", "slow_mode_s": 0, "archived": false})),
        ("PUT", format!("{at}/members/{}", other.id), json!({"role": "member", "muted_until": null})),
        ("POST", format!("{at}/invites"), json!({"expires_in": 60, "max_uses": 1})),
        ("POST", format!("{at}/messages"), json!({"text": "x", "nonce": "12345678", "reply_to": null})),
        ("PATCH", format!("{at}/messages/{seq}"), json!({"text": "x"})),
        ("PUT", format!("{at}/read"), json!({"seq": 1})),
    ];
    for (method, path, body) in &bodies {
        for name in body.as_object().unwrap().keys() {
            for value in values() {
                let mut body = body.clone();
                body[name] = value.clone();
                let reply = user.request(method, path).json(&body).send(app.address()).await;
                // The harness refuses a 500 and an error that is no problem; a nonsense value is never a success of the wrong kind.
                assert!(reply.status < 500, "{method} {path} {name}: {value} → {}", reply.text());
                if value.is_object() || value == json!([[[]]]) {
                    assert!(
                        [400, 422].contains(&reply.status),
                        "{method} {path} {name}: {value} → {} {}",
                        reply.status,
                        reply.text()
                    );
                }
            }
        }
        for value in values() {
            let reply = user.request(method, path).json(&value).send(app.address()).await;
            assert!(reply.status < 500, "{method} {path}: {value}");
        }
    }
    user.get("/me").await.is(200);
}

#[tokio::test]
async fn no_query_is_a_fault_of_the_server() {
    let app = spawn_app().await;
    let user = app.user("query").await;
    let room = user.creates_room("queried").await;
    for path in [
        "/users",
        "/rooms",
        "/sessions",
        &format!("/rooms/{room}/messages"),
        &format!("/rooms/{room}/members"),
        &format!("/rooms/{room}/changes"),
        &format!("/rooms/{room}/bans"),
        &format!("/rooms/{room}/invites"),
    ] {
        for name in ["limit", "cursor", "q", "ids", "before", "after", "around", "epoch", "scope"] {
            for value in [
                "",
                "%",
                "%zz",
                "%ff%fe",
                "%00",
                "-1",
                "0",
                "1e3",
                "+1",
                "9007199254740992",
                "99999999999999999999",
                "%F0%9F%A6%80",
                "a,b,,c",
                "null",
                "'%22%5C",
            ] {
                let reply = user.get(&format!("{path}?{name}={value}")).await;
                assert!(
                    [200, 400, 410, 422].contains(&reply.status),
                    "{path}?{name}={value}: {} {}",
                    reply.status,
                    reply.text()
                );
            }
        }
        for query in ["&&&", "=", "limit", "limit=1&limit=2", "%00=%00", "limit[]=1"] {
            let reply = user.get(&format!("{path}?{query}")).await;
            assert!([200, 400, 410, 422].contains(&reply.status), "{path}?{query}: {} {}", reply.status, reply.text());
        }
    }
    for limit in ["0", "-1", "101", "x", "1.5", "99999999999999999999"] {
        user.get(&format!("/rooms/{room}/messages?limit={limit}")).await.refuses(400, "bad_request");
    }
}

#[tokio::test]
async fn every_frame_with_an_id_gets_exactly_one_answer() {
    let app = App::usual().set("LIMITS__BAD_REQUESTS_PER_MINUTE", 10_000).spawn().await;
    let (user, other) = (app.user("fuzz").await, app.user("other").await);
    let room = user.creates_private_room("fuzzed", &[&other]).await;
    let seq = user.posts(&room, "target").await["seq"].clone();
    let mut socket = user.connects().await;
    let frames = [
        json!({"type": "subscribe", "rooms": [{"room": room, "epoch": "x", "after": 1}]}),
        json!({"type": "unsubscribe", "rooms": [room]}),
        json!({"type": "send", "room": room, "nonce": nonce(), "text": "x", "reply_to": null}),
        json!({"type": "edit", "room": room, "seq": seq, "text": "x"}),
        json!({"type": "delete", "room": room, "seq": 999}),
        json!({"type": "react", "room": room, "seq": seq, "emoji": "👍", "on": true}),
        json!({"type": "read", "room": room, "seq": 1}),
        json!({"type": "watch", "users": [other.id]}),
        json!({"type": "ping"}),
    ];
    for frame in &frames {
        for name in frame.as_object().unwrap().keys() {
            for value in values()
                .into_iter()
                .filter(|value| *value != json!(1e300) && value.as_f64().is_none_or(|n| n.abs() < 9e15))
            {
                let mut frame = frame.clone();
                frame[name] = value.clone();
                if frame.to_string().len() > 60_000 {
                    continue;
                }
                let answer = socket.ask(frame.clone()).await;
                assert!(["ok", "error", "pong"].contains(&answer["type"].as_str().unwrap()), "{frame}: {answer}");
                assert_ne!(answer["code"], "internal", "{name}: {value}");
                assert_ne!(answer["code"], "unavailable", "{name}: {value}");
            }
        }
    }
    // Nothing is answered twice, and the socket still works.
    let rest = socket.drain().await;
    assert!(rest.iter().all(|frame| frame.get("id").is_none()), "{rest:?}");
    socket.posts(&room, "still here").await;
}

#[tokio::test]
async fn one_connection_serves_request_after_request_also_after_refusals() {
    let app = spawn_app().await;
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    let body = json!({"username": "x"}).to_string();
    let ok = "GET /api/v1/meta HTTP/1.1\r\nHost: x\r\nX-Request-Id: first\r\n\r\n".to_owned();
    let chunked = "POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nX-Request-Id: second\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned();
    let media = format!(
        "POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nX-Request-Id: third\r\n\r\n{body}",
        body.len()
    );
    let last = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: fourth\r\nConnection: close\r\n\r\n".to_owned();
    stream.write_all([ok, chunked, media, last].concat().as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within(PATIENCE, "four answers", async {
        let _ = stream.read_to_end(&mut answer).await;
    })
    .await;
    let answer = String::from_utf8(answer).unwrap();
    let statuses: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).map(|rest| &rest[..3]).collect();
    // A refusal that did not read the body may end the connection; it may never misread the body as a request.
    assert!(statuses == ["200", "422", "415", "200"] || statuses == ["200", "422", "415"], "{statuses:?}\n{answer}");
    for (n, id) in ["first", "second", "third"].into_iter().enumerate() {
        assert!(answer.split("HTTP/1.1 ").nth(n + 1).unwrap().contains(&format!("x-request-id: {id}")), "{answer}");
    }
}

#[tokio::test]
async fn validators_are_compared_as_the_standard_says() {
    let app = spawn_app().await;
    let user = app.user("etag").await;
    let room = user.creates_room("etag").await;
    let path = format!("/rooms/{room}");
    let rev = user.get(&path).await.is(200)["rev"].clone();
    let get = |value: String| user.request("GET", &path).header("If-None-Match", value).send(app.address());
    // RFC 9110 §13.1.2: weak comparison, lists, a star.
    for value in [format!("\"{rev}\""), format!("W/\"{rev}\""), format!("\"x\", \"{rev}\""), "*".to_owned()] {
        assert_eq!(get(value.clone()).await.status, 304, "{value}");
    }
    for value in ["\"x\"".to_owned(), format!("\"{rev}0\""), "nonsense".to_owned()] {
        assert_eq!(get(value.clone()).await.status, 200, "{value}");
    }
    let patch = |value: &str| {
        user.request("PATCH", &path).header("If-Match", value).json(&json!({"topic": nonce()})).send(app.address())
    };
    patch("*").await.is(200);
    patch(&format!("\"{rev}\"")).await.refuses(412, "precondition_failed");
    patch("\"x\"").await.refuses(412, "precondition_failed");
}

#[tokio::test]
async fn members_named_at_the_creation_of_a_room_are_people_who_exist() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let make = |members: Value| alice.post("/rooms", json!({"kind": "private", "name": "x", "members": members}));
    for members in [json!([uuid::Uuid::now_v7().to_string()]), json!(["nonsense"]), json!([""])] {
        let reply = make(members.clone()).await;
        assert!([404, 422].contains(&reply.status), "{members}: {}", reply.text());
    }
    // Oneself and the same person twice are no mistake worth a refusal, and never two memberships.
    let reply = make(json!([bob.id, bob.id, alice.id])).await;
    if reply.status == 201 {
        let room = reply.json()["id"].as_str().unwrap().to_owned();
        let members = alice.get(&format!("/rooms/{room}/members")).await.is(200);
        assert_eq!(members["items"].as_array().unwrap().len(), 2, "{members}");
    } else {
        assert_eq!(reply.status, 422, "{}", reply.text());
    }
    Request::new("GET", "/healthz").send(app.address()).await;
}
