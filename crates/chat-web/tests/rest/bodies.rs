//! Bodies, queries and headers that are not as they should be: never a 500, never a hang.

use std::time::Duration;

use actix_web::rt::net::TcpStream;
use chat_web::WebSettings;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::house::{Answer, House, JSON};

#[actix_web::test]
async fn t12_half_a_body_is_answered_in_time() {
    let house = House::set(WebSettings { body_within: Duration::from_millis(100), ..WebSettings::default() }).await;
    let head =
        "POST /api/v1/sessions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    Answer::read(stream).await.is(408, "timeout");
}

#[actix_web::test]
async fn t13_an_encoded_body_is_refused_unread() {
    let house = House::open().await;
    for encoding in ["gzip", "br", "identity", "x"] {
        let headers = [JSON, ("Content-Encoding", encoding)];
        house.call("POST", "/api/v1/sessions", &headers, b"{}").await.is(415, "unsupported_media");
    }
}

#[actix_web::test]
async fn t14_json_that_is_malformed_is_400() {
    let house = House::open().await;
    let nested = "[".repeat(10_000) + &"]".repeat(10_000);
    for body in [
        "",
        "{",
        "nul",
        &nested,
        r#"{"username":"a","username":"b"}"#,
        r#"{"n":1e400}"#,
        r#"{"username":"\ud800"}"#,
        "{}{}",
    ] {
        let answer = house.call("POST", "/api/v1/sessions", &[JSON], body.as_bytes()).await;
        assert_eq!(answer.outcome(), (400, "bad_request".into()), "{:.40}", body);
    }
    house.call("POST", "/api/v1/sessions", &[JSON], b"\"\xff\"").await.is(400, "bad_request");
}

#[actix_web::test]
async fn json_of_the_wrong_shape_is_422_and_names_every_member() {
    let house = House::open().await;
    for (body, pointers) in [
        (json!({}), vec![("/username", "required"), ("/password", "required")]),
        (json!({"username": 1, "password": null}), vec![("/username", "wrong_type"), ("/password", "wrong_type")]),
        (json!([]), vec![("", "wrong_type")]),
        (json!("x"), vec![("", "wrong_type")]),
    ] {
        let answer = house.post("/api/v1/sessions", body).await;
        answer.is(422, "invalid_field");
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        let given: Vec<_> =
            errors.iter().map(|e| (e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
        assert_eq!(given, pointers);
    }
}

#[actix_web::test]
async fn other_media_types_are_415_and_large_bodies_413() {
    let house = House::open().await;
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/problem+json"] {
        let answer = house.call("POST", "/api/v1/sessions", &[("Content-Type", media)], b"{}").await;
        answer.is(415, "unsupported_media");
    }
    house.call("POST", "/api/v1/sessions", &[], b"{}").await.is(415, "unsupported_media");
    let charset = [("Content-Type", "Application/JSON; charset=utf-8")];
    house.call("POST", "/api/v1/sessions", &charset, b"{}").await.is(422, "invalid_field");
    let large = format!("\"{}\"", "x".repeat(64 * 1024));
    house.call("POST", "/api/v1/sessions", &[JSON], large.as_bytes()).await.is(413, "too_large");
    let declared = "POST /api/v1/sessions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n";
    house.raw(declared.as_bytes()).await.is(413, "too_large");
    let chunk = format!("10001\r\n{}\r\n", "x".repeat(0x10001));
    let chunked = format!(
        "POST /api/v1/sessions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    house.raw(chunked.as_bytes()).await.is(413, "too_large");
}

#[actix_web::test]
async fn long_urls_are_414_and_large_headers_431() {
    let house = House::open().await;
    house.get(&format!("/{}", "x".repeat(8 * 1024))).await.is(414, "too_large");
    house.get(&format!("/healthz?{}", "x".repeat(8 * 1024 - 9))).await.is(200, "");
    let large = "x".repeat(16 * 1024);
    house.call("GET", "/healthz", &[("X-Large", &large)], b"").await.is(431, "too_large");
}

#[actix_web::test]
async fn unknown_paths_are_404_and_unknown_methods_405_with_allow() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    for path in ["/nothing", "/api/v1", "/api/v1/rooms/", "/api/v2/me", "/metrics", "/api/v1/searches", "//"] {
        house.get(path).await.is(404, "not_found");
    }
    for (method, path, allow) in [
        ("DELETE", "/api/v1/accounts", "POST"),
        ("OPTIONS", "/api/v1/me", "GET, HEAD, PATCH, DELETE"),
        ("POST", "/api/v1/me", "GET, HEAD, PATCH, DELETE"),
        ("BREW", "/healthz", "GET, HEAD"),
        ("POST", "/api/v1/ws", "GET"),
    ] {
        let answer = house.call(method, path, &[], b"").await;
        answer.is(405, "method_not_allowed");
        let mut given: Vec<_> = answer.header("allow").unwrap().split(", ").collect();
        let mut wanted: Vec<_> = allow.split(", ").collect();
        given.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(given, wanted, "{path}");
    }
    let room = ann.makes("private", &[]).await;
    for path in ["/rooms/nonsense", "/rooms/1/messages", "/rooms/0190A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5B"] {
        ann.get(path).await.is(404, "not_found");
    }
    for seq in ["0", "-1", "x", "01", "9007199254740992", "18446744073709551616", "1.0"] {
        ann.get(&format!("{room}/messages/{seq}")).await.is(404, "not_found");
    }
    let head = house.call("HEAD", "/healthz", &[], b"").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[actix_web::test]
async fn who_comes_before_where_and_where_before_what() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    house.call("POST", "/api/v1/rooms/nonsense/messages", &[], b"{").await.is(401, "unauthenticated");
    ann.post("/rooms/nonsense/messages", json!([])).await.is(404, "not_found");
}

#[actix_web::test]
async fn limits_and_places_out_of_range_are_400() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    let room = ann.makes("private", &[]).await;
    for query in [
        "messages?limit=0",
        "messages?limit=101",
        "messages?limit=x",
        "messages?limit=",
        "messages?before=1&after=2",
        "messages?around=1&after=2",
        "messages?before=-1",
        "messages?before=x",
        "messages?before=9007199254740992",
        "messages?before=1&before=2",
        "members?cursor=AAAA",
        "members?cursor=",
        "changes",
        "changes?after=x",
        "changes?after=0&limit=501",
    ] {
        assert_eq!(ann.get(&format!("{room}/{query}")).await.outcome(), (400, "bad_request".into()), "{query}");
    }
    ann.get("/rooms?scope=everything").await.is(400, "bad_request");
    ann.get("/rooms?q=x").await.is(400, "bad_request");
    ann.get("/rooms?unknown=x").await.is(200, "");
}
