//! Access tokens that are not quite right, at both doors. The server's key is known to the tests, so every forgery is a good token with one flaw.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::harness::{App, Forge, Request, SECRET, Socket, spawn_app};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A good token's header and payload with another signature or header by hand.
fn parts(token: &str) -> (String, String, String) {
    let mut parts = token.split('.').map(str::to_owned);
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}

/// `{"alg":"none","typ":"at+jwt","kid":"test"}`
const NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoidGVzdCJ9";
/// The same with `RS256`.
const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6InRlc3QifQ";

async fn refused_everywhere(app: &App, what: &str, token: &str, code: &str) {
    let reply = Request::new("GET", "/api/v1/me").bearer(token).send(app.address()).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (401, Some(code)), "{what}: {}", reply.text());
    let mut socket = Socket::open(app.address()).await;
    let answer = socket.ask(json!({"type": "auth", "token": token})).await;
    assert_eq!(answer["code"], code, "{what}: {answer}");
    assert_eq!(socket.closed().await, 4401, "{what}");
}

#[tokio::test]
async fn j1_only_our_algorithm_with_our_key_is_believed() {
    let app = spawn_app().await;
    let user = app.user("forged").await;
    let good = Forge::of(&user.access);
    Request::new("GET", "/api/v1/me").bearer(&good.sign()).send(app.address()).await.is(200);

    let (header, payload, signature) = parts(&user.access);
    let middle = payload.len() / 2;
    let flipped: String = payload
        .chars()
        .enumerate()
        .map(|(i, c)| if i == middle { if c == 'A' { 'B' } else { 'A' } } else { c })
        .collect();
    let mut other_signature = signature.clone();
    let first = if other_signature.starts_with('A') { "B" } else { "A" };
    other_signature.replace_range(..1, first);
    for (what, token) in [
        ("none", format!("{NONE}.{payload}.")),
        ("none, signed", format!("{NONE}.{payload}.{signature}")),
        ("RS256", format!("{RS256}.{payload}.{signature}")),
        ("a flipped bit in the payload", format!("{header}.{flipped}.{signature}")),
        ("a flipped bit in the signature", format!("{header}.{payload}.{other_signature}")),
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
        ("HS384", good.clone().alg(Algorithm::HS384).sign()),
        ("HS512", good.clone().alg(Algorithm::HS512).sign()),
        ("another kid", good.clone().kid(Some("other")).sign()),
        ("another key", good.sign_with(&[7; 32])),
        ("empty", String::new()),
        ("nonsense", "nonsense".to_owned()),
        ("a refresh token (J3)", user.refresh.clone()),
    ] {
        if what == "empty" {
            Request::new("GET", "/api/v1/me").bearer("").send(app.address()).await.refuses(401, "unauthenticated");
            continue;
        }
        refused_everywhere(&app, what, &token, "unauthenticated").await;
    }
}

#[tokio::test]
async fn j2_every_claim_must_be_there_and_be_what_it_is() {
    let app = spawn_app().await;
    let user = app.user("claims").await;
    let good = Forge::of(&user.access);
    for name in ["exp", "iat", "iss", "aud", "sub", "sid", "jti"] {
        refused_everywhere(&app, &format!("without {name}"), &good.clone().without(name).sign(), "unauthenticated")
            .await;
        let wrong = if good.claims[name].is_string() { json!(7) } else { json!("seven") };
        refused_everywhere(
            &app,
            &format!("{name}: {wrong}"),
            &good.clone().claim(name, wrong).sign(),
            "unauthenticated",
        )
        .await;
        refused_everywhere(
            &app,
            &format!("{name}: null"),
            &good.clone().claim(name, Value::Null).sign(),
            "unauthenticated",
        )
        .await;
    }
    for (name, value) in [
        ("nbf", json!(now() + 60)),
        ("iat", json!(now() + 600)),
        ("iss", json!("somebody-else")),
        ("sub", json!("not an id")),
        ("sub", json!("")),
        ("sid", json!("not an id")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("jti", json!("")),
    ] {
        refused_everywhere(
            &app,
            &format!("{name}: {value}"),
            &good.clone().claim(name, value).sign(),
            "unauthenticated",
        )
        .await;
    }
}

#[tokio::test]
async fn j3_a_token_for_another_audience_or_purpose_opens_nothing() {
    let app = spawn_app().await;
    let user = app.user("purpose").await;
    let good = Forge::of(&user.access);
    refused_everywhere(&app, "aud", &good.clone().claim("aud", json!("another-api")).sign(), "unauthenticated").await;
    refused_everywhere(&app, "typ", &good.clone().typ("JWT").sign(), "unauthenticated").await;
    refused_everywhere(&app, "typ of a refresh token", &good.clone().typ("rt+jwt").sign(), "unauthenticated").await;
    refused_everywhere(&app, "no kid", &good.clone().kid(None).sign(), "unauthenticated").await;
}

#[tokio::test]
async fn j4_a_token_lives_15_minutes_and_5_seconds_more() {
    let app = spawn_app().await;
    let user = app.user("expiry").await;
    let good = Forge::of(&user.access);
    assert_eq!(good.claims["exp"].as_u64().unwrap() - good.claims["iat"].as_u64().unwrap(), 900);
    let ended = |ago: u64| {
        good.clone()
            .claim("exp", json!(now() - ago))
            .claim("iat", json!(now() - 900))
            .claim("nbf", json!(now() - 900))
            .sign()
    };
    Request::new("GET", "/api/v1/me").bearer(&ended(2)).send(app.address()).await.is(200);
    refused_everywhere(&app, "6 s past its end", &ended(6), "token_expired").await;
    refused_everywhere(&app, "long past its end", &ended(500), "token_expired").await;
}

#[tokio::test]
async fn j6_an_old_key_verifies_within_its_overlap_and_not_after() {
    let mut app = App::usual().spawn().await;
    let user = app.user("rotated").await;
    let fresh = "next:bmV4dG5leHRuZXh0bmV4dG5leHRuZXh0bmV4dG5leHQ=";
    app.kill().await;
    app.start_again_with("AUTH__SECRET", &format!("{fresh},{SECRET}")).await;
    Request::new("GET", "/api/v1/me").bearer(&user.access).send(app.address()).await.is(200);
    let signed = crate::harness::User::signs_in(app.address(), &user.username, &user.password).await;
    assert_eq!(Forge::of(&signed.access).header.kid.as_deref(), Some("next"), "the first key signs");
    app.kill().await;
    app.start_again_with("AUTH__SECRET", fresh).await;
    refused_everywhere(&app, "the old key", &user.access, "unauthenticated").await;
    Request::new("GET", "/api/v1/me").bearer(&signed.access).send(app.address()).await.is(200);
}

#[tokio::test]
async fn s1_a_socket_is_asked_to_renew_and_ends_10_seconds_after_its_token() {
    // A token of 3 s: `reauth` comes at once, since fewer than 60 s are left; the end comes 10 s after the token's.
    let app = App::usual().set("AUTH__ACCESS_TTL_S", 3).spawn().await;
    let user = app.user("brief").await;
    let room = user.creates_room("expiring").await;
    let (mut idle, mut renewing) = (user.connects().await, user.connects().await);
    let mut third = user.connects().await;
    for socket in [&mut idle, &mut renewing, &mut third] {
        assert_eq!(socket.hears("reauth").await["expires_at"], socket.ready["expires_at"]);
    }
    let begun = std::time::Instant::now();
    idle.subscribes(&room).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let next = app.anonymous("POST", "/sessions/refresh", Some(json!({"refresh_token": user.refresh}))).await.is(200);
    let ok = renewing.done(json!({"type": "auth", "token": next["access_token"]})).await;
    assert!(ok["expires_at"].as_str().unwrap() > renewing.ready["expires_at"].as_str().unwrap(), "{ok}");
    renewing.hears("reauth").await;

    // Another user's token, or another session's, does not renew; the socket stays as it was.
    let (other, again) = (app.user("other").await, user.again().await);
    third.refused(json!({"type": "auth", "token": other.access}), "forbidden").await;
    third.refused(json!({"type": "auth", "token": again.access}), "forbidden").await;
    third.done(json!({"type": "ping"})).await;

    assert_eq!(idle.closed_within(Duration::from_secs(16)).await, 4401);
    let lived = begun.elapsed();
    assert!((Duration::from_secs(11)..Duration::from_secs(15)).contains(&lived), "{lived:?}");
    renewing.done(json!({"type": "ping"})).await;
    assert_eq!(renewing.closed_within(Duration::from_secs(5)).await, 4401);
}
