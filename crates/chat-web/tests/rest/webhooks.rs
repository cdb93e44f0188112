//! Webhooks: what programs may send, and what they hear.

use std::time::Duration;

use chat_domain::limits::{Limits, RateSettings, Refill};
use chat_web::WebSettings;
use serde_json::{Value, json};

use crate::house::{Answer, House, JSON, Person};

const KEY: &str = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f";

/// Ann's room and the path of its webhook.
async fn hooked(house: &House) -> (Person, String, String) {
    let ann = house.person("ann").await;
    let room = ann.makes("private", &[]).await;
    let made = ann.post(&format!("{room}/webhooks"), json!({"name": "CI"})).await;
    made.is(201, "");
    (ann, room, made.json()["url"].as_str().unwrap().to_owned())
}

async fn delivers(house: &House, url: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let headers = [headers, &[JSON]].concat();
    house.call("POST", url, &headers, body.to_string().as_bytes()).await
}

/// The body without the one thing that differs from answer to answer.
fn without_instance(answer: &Answer) -> Value {
    let mut body = answer.json();
    assert!(body["instance"].is_string());
    body["instance"].take();
    body
}

#[actix_web::test]
async fn a_webhook_is_shown_with_its_secret_once() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    let room = ann.makes("public", &[]).await;
    let made = ann.post(&format!("{room}/webhooks"), json!({"name": " CI "})).await;
    made.is(201, "");
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let mut webhook = made.json();
    let (secret, url) = (webhook["secret"].take(), webhook["url"].take());
    assert_eq!(url, format!("/api/v1/hooks/{}/{}", webhook["id"].as_str().unwrap(), secret.as_str().unwrap()));
    assert!(secret.as_str().unwrap().len() >= 43, "256 bits in base 64");
    assert_eq!((&webhook["name"], &webhook["by"]), (&json!("CI"), &json!(ann.id)));
    let list = ann.get(&format!("{room}/webhooks")).await;
    assert!(!list.body.contains(secret.as_str().unwrap()), "{list:?}");
    let members = webhook.as_object_mut().unwrap();
    members.retain(|name, _| name != "secret" && name != "url");
    assert_eq!(list.json()["items"], json!([webhook]));
    for name in [json!(""), json!("\u{202e}x"), json!("x".repeat(65)), json!(7), json!(null)] {
        ann.post(&format!("{room}/webhooks"), json!({"name": name})).await.is(422, "invalid_field");
    }
}

#[actix_web::test]
async fn whatever_is_wrong_with_an_address_the_answer_is_the_same() {
    let house = House::open().await;
    let (ann, room, url) = hooked(&house).await;
    let (other, other_room, other_url) = {
        let room = ann.makes("public", &[]).await;
        let made = ann.post(&format!("{room}/webhooks"), json!({"name": "CD"})).await.json();
        (made["id"].as_str().unwrap().to_owned(), room, made["url"].as_str().unwrap().to_owned())
    };
    let (path, secret) = url.rsplit_once('/').unwrap();
    let mut short = secret.to_owned();
    short.pop();
    let wrong = [
        format!("{path}/x"),
        format!("{path}/{short}"),
        format!("{path}/{secret}x"),
        format!("{path}/{}", secret.to_uppercase()),
        format!("/api/v1/hooks/{other}/{secret}"),
        format!("/api/v1/hooks/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b/{secret}"),
        format!("/api/v1/hooks/nonsense/{secret}"),
    ];
    let body = json!({"text": "guess"});
    let unknown = delivers(&house, &wrong[5], &[], &body).await;
    unknown.is(404, "not_found");
    for url in &wrong {
        let answer = delivers(&house, url, &[], &body).await;
        answer.is(404, "not_found");
        assert_eq!(without_instance(&answer), without_instance(&unknown), "{url}");
    }
    let id = path.rsplit('/').next().unwrap();
    ann.delete(&format!("{room}/webhooks/{id}")).await.is(204, "");
    ann.delete(&format!("{room}/webhooks/{id}")).await.is(404, "not_found");
    ann.delete(&other_room).await.is(204, "");
    for gone in [&url, &other_url] {
        let answer = delivers(&house, gone, &[], &body).await;
        assert_eq!((answer.status, without_instance(&answer)), (404, without_instance(&unknown)));
    }
}

#[actix_web::test]
async fn a_token_is_neither_needed_nor_read() {
    let house = House::open().await;
    let (ann, _, url) = hooked(&house).await;
    let (good, bad) = (format!("Bearer {}", ann.token), "Bearer nonsense".to_owned());
    for given in [&[][..], &[("Authorization", good.as_str())], &[("Authorization", bad.as_str())]] {
        let answer = delivers(&house, &url, given, &json!({"text": "built"})).await;
        answer.is(201, "");
        assert_ne!(answer.json()["author"], json!(ann.id));
        assert!(answer.header("cache-control").is_none() && !answer.body.contains(url.rsplit('/').next().unwrap()));
    }
}

#[actix_web::test]
async fn what_is_no_message_is_refused_as_elsewhere() {
    let house = House::open().await;
    let (_, _, url) = hooked(&house).await;
    for body in [
        json!({}),
        json!({"text": ""}),
        json!({"text": "x".repeat(4_001)}),
        json!({"text": 7}),
        json!({"text": "x", "nonce": "short"}),
        json!({"text": "x", "nonce": "with space"}),
        json!({"text": "x", "nonce": 12_345_678}),
        json!([]),
    ] {
        delivers(&house, &url, &[], &body).await.is(422, "invalid_field");
    }
    for (media, body, status, code) in [
        ("text/plain", "built", 415, "unsupported_media"),
        ("application/x-www-form-urlencoded", "payload=%7B%7D", 415, "unsupported_media"),
        ("application/json", "{\"text\":", 400, "bad_request"),
        ("application/json", "", 400, "bad_request"),
    ] {
        house.call("POST", &url, &[("Content-Type", media)], body.as_bytes()).await.is(status, code);
    }
    house.get(&url).await.is(405, "method_not_allowed");
    let unknown = json!({"text": "x", "object_kind": "pipeline", "project": {"id": 1, "deep": [[{}]]}, "reply_to": 1});
    let posted = delivers(&house, &url, &[], &unknown).await;
    posted.is(201, "");
    assert_eq!(posted.json()["reply_to"], json!(null), "unknown here, so ignored");
}

#[actix_web::test]
async fn a_delivery_has_its_nonce_from_the_body_else_from_the_header() {
    let house = House::open().await;
    let (ann, room, url) = hooked(&house).await;
    let key = |key: &'static str| [("Idempotency-Key", key)];
    let post = async |headers: &[(&str, &str)], body: Value| delivers(&house, &url, headers, &body).await;
    let first = post(&key(KEY), json!({"text": "built"})).await;
    first.is(201, "");
    assert_eq!((&first.json()["nonce"], first.header("idempotent-replayed")), (&json!(KEY), None));
    let quoted: &'static str = "\"f5e5f430-f57b-4e6e-9fac-d9128cd7232f\"";
    for again in [
        post(&key(KEY), json!({"text": "built"})).await,
        post(&key(quoted), json!({"text": "built"})).await,
        post(&[], json!({"text": "built", "nonce": KEY})).await,
        post(&key("another-key"), json!({"text": "built", "nonce": KEY})).await,
    ] {
        again.is(200, "");
        assert_eq!((again.header("idempotent-replayed"), again.json()), (Some("true"), first.json()));
        assert_eq!(again.header("location"), first.header("location"));
    }
    post(&key(KEY), json!({"text": "broken"})).await.is(422, "nonce_conflict");
    // No nonce of ours: every post is new.
    let twice = [key(KEY), key(KEY)].concat();
    for odd in [&key("short")[..], &key("with space"), &key("\"quoted-half"), &key(""), &twice, &[]] {
        let (one, two) = (post(odd, json!({"text": "same"})).await, post(odd, json!({"text": "same"})).await);
        assert_eq!((one.status, two.status, &one.json()["nonce"]), (201, 201, &json!(null)), "{odd:?}");
        assert_ne!(one.json()["seq"], two.json()["seq"]);
    }
    let read = ann.get(&format!("{room}/messages/{}", first.json()["seq"])).await;
    assert_eq!(read.json()["nonce"], json!(null), "for its author only");
}

#[actix_web::test]
async fn rooms_have_so_many_webhooks_and_direct_rooms_none() {
    let limits = Limits { webhooks_per_room: 2, ..Limits::default() };
    let rates = RateSettings { enabled: false, ..RateSettings::default() };
    let house = House::with(WebSettings::default(), rates, limits).await;
    let (ann, room, _) = hooked(&house).await;
    let bob = house.person("bob").await;
    let second = ann.post(&format!("{room}/webhooks"), json!({"name": "CI"})).await;
    second.is(201, "");
    ann.post(&format!("{room}/webhooks"), json!({"name": "CI"})).await.is(409, "conflict");
    ann.delete(&format!("{room}/webhooks/{}", second.json()["id"].as_str().unwrap())).await.is(204, "");
    ann.post(&format!("{room}/webhooks"), json!({"name": "CI"})).await.is(201, "");
    let direct = ann.makes("direct", &[&bob]).await;
    ann.post(&format!("{direct}/webhooks"), json!({"name": "CI"})).await.is(409, "conflict");
    ann.get(&format!("{direct}/webhooks")).await.is(409, "conflict");
}

#[actix_web::test]
async fn wrong_secrets_are_limited_for_each_webhook_and_address() {
    let slow = Refill::per(Duration::from_secs(60), 3, 3);
    let rates = RateSettings { wrong_webhook_secrets: slow, ..RateSettings::default() };
    let house = House::with(WebSettings::default(), rates, Limits::default()).await;
    let (ann, room, url) = hooked(&house).await;
    let second = ann.post(&format!("{room}/webhooks"), json!({"name": "CD"})).await.json();
    let body = json!({"text": "built"});
    let path = url.rsplit_once('/').unwrap().0;
    // Right ones are not counted.
    for _ in 0..5 {
        delivers(&house, &url, &[], &body).await.is(201, "");
    }
    for _ in 0..3 {
        delivers(&house, &format!("{path}/guess"), &[], &body).await.is(404, "not_found");
    }
    for tried in [&format!("{path}/guess"), &url] {
        let refused = delivers(&house, tried, &[], &body).await;
        refused.is(429, "rate_limited");
        assert!(refused.header("retry-after").is_some() && refused.json()["retry_ms"].is_u64(), "{refused:?}");
    }
    delivers(&house, second["url"].as_str().unwrap(), &[], &body).await.is(201, "");
    // Of webhooks that are not there no less is told.
    let nowhere = "/api/v1/hooks/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b/guess";
    for _ in 0..3 {
        delivers(&house, nowhere, &[], &body).await.is(404, "not_found");
    }
    delivers(&house, nowhere, &[], &body).await.is(429, "rate_limited");
}
