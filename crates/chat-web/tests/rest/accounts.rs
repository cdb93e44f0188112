//! Accounts and sessions.

use chat_domain::limits::{Limits, RateSettings};
use chat_web::WebSettings;
use serde_json::json;

use crate::house::{House, PASSWORD};

#[actix_web::test]
async fn somebody_registers_signs_in_and_looks_at_themselves() {
    let house = House::open().await;
    let made = house.post("/api/v1/accounts", json!({"username": "Ann", "password": PASSWORD})).await;
    made.is(201, "");
    let user = made.json();
    assert_eq!((&user["username"], &user["display_name"]), (&json!("ann"), &json!("ann")));
    house.post("/api/v1/accounts", json!({"username": "ANN", "password": PASSWORD})).await.is(409, "username_taken");
    let granted = house.post("/api/v1/sessions", json!({"username": "aNN", "password": PASSWORD})).await;
    granted.is(201, "");
    assert_eq!(granted.header("cache-control"), Some("no-store"));
    let body = granted.json();
    let mut names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["access_token", "expires_in", "refresh_token", "session", "token_type", "user"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(900)));

    let ann = house.sign_in("ann").await;
    let me = ann.get("/me").await;
    assert_eq!(me.json(), user);
    assert_eq!(me.header("cache-control"), Some("private, no-cache"));
    let tag = me.header("etag").unwrap();
    let again = ann.call("GET", "/me", &[("If-None-Match", tag)], None).await;
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag)));
    let renamed = ann.patch("/me", json!({"display_name": "Ann B"})).await;
    assert_eq!((renamed.status, &renamed.json()["display_name"]), (200, &json!("Ann B")));
    assert_eq!(ann.call("GET", "/me", &[("If-None-Match", tag)], None).await.status, 200);
    ann.patch("/me", json!({"display_name": null})).await.is(422, "invalid_field");
    assert_eq!(ann.patch("/me", json!({})).await.json()["display_name"], "Ann B");
}

#[actix_web::test]
async fn a1_every_wrong_pair_gets_the_same_answer() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    let gone = house.person("gone").await;
    gone.call("DELETE", "/me", &[], Some(json!({"password": PASSWORD}))).await.is(204, "");
    let mut answers = Vec::new();
    for name in ["ann", "nobody", "gone", "???", ""] {
        let answer = house.post("/api/v1/sessions", json!({"username": name, "password": "wrong horse"})).await;
        answer.is(401, "bad_credentials");
        let mut body = answer.json();
        body["instance"] = json!("");
        let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.clone()).collect();
        answers.push((body, names));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    ann.get("/me").await.is(200, "");
    gone.get("/me").await.is(401, "session_revoked");
}

#[actix_web::test]
async fn a2_passwords_are_bounded_in_bytes_and_never_truncated() {
    let house = House::open().await;
    let register = async |name: &str, password: String| {
        let answer = house.post("/api/v1/accounts", json!({"username": name, "password": password})).await;
        (answer.status, if answer.status < 400 { json!(null) } else { answer.json()["errors"][0].clone() })
    };
    assert_eq!(
        register("a01", "x".repeat(7)).await,
        (422, json!({"pointer": "/password", "code": "too_short", "min": 8}))
    );
    assert_eq!(register("a02", "xyzxyzxy".into()).await.0, 201);
    assert_eq!(register("a03", "x".repeat(71)).await.0, 201);
    let long = json!({"pointer": "/password", "code": "too_long", "max": 71});
    assert_eq!(register("a04", "x".repeat(72)).await, (422, long.clone()));
    assert_eq!(register("a05", "ы".repeat(36)).await, (422, long));
    assert_eq!(register("a06", "with\0nul12".into()).await.1["code"], "not_allowed", "a3");
    assert_eq!(register("a07", "Password1".into()).await.1["code"], "too_common", "a4");
    assert_eq!(register("long.name", "Long.Name".into()).await.1["code"], "too_common", "a4");
    assert_eq!(register("Me", PASSWORD.into()).await.1["code"], "reserved", "u1");
}

#[actix_web::test]
async fn a3_a4_u2_names_and_passwords_that_are_refused_are_named() {
    let house = House::open().await;
    let wrong = json!({"username": "a b", "password": "with\0nul1", "display_name": "x\u{202e}y"});
    let answer = house.post("/api/v1/accounts", wrong).await;
    answer.is(422, "invalid_field");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let codes: Vec<_> = errors.iter().map(|e| (e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
    assert_eq!(codes, [("/username", "malformed"), ("/password", "not_allowed"), ("/display_name", "not_allowed")]);
}

#[actix_web::test]
async fn a7_sign_ins_of_one_name_get_slower_and_never_stop() {
    let house = House::with(WebSettings::default(), RateSettings::default(), Limits::default()).await;
    let wrong = json!({"username": "nobody", "password": "wrong horse"});
    for _ in 0..5 {
        house.post("/api/v1/sessions", wrong.clone()).await.is(401, "bad_credentials");
    }
    house.post("/api/v1/sessions", wrong).await.is(429, "rate_limited");
    let closed = Limits { registration_open: false, ..Limits::default() };
    let house = House::with(WebSettings::default(), RateSettings::default(), closed).await;
    let answer = house.post("/api/v1/accounts", json!({"username": "ann", "password": PASSWORD})).await;
    answer.is(403, "registration_closed");
}

#[actix_web::test]
async fn j4_an_expired_token_is_told_apart_from_a_wrong_one() {
    let house = House::open().await;
    let mut ann = house.person("ann").await;
    house.clock.pass(905);
    ann.get("/me").await.is(200, "");
    house.clock.pass(2);
    ann.get("/me").await.is(401, "token_expired");
    ann.token = ann.refresh.clone();
    ann.get("/me").await.is(401, "unauthenticated");
    for authorization in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "bearer \u{7f}"] {
        let answer = house.call("GET", "/api/v1/me", &[("Authorization", authorization)], b"").await;
        assert!([400, 401].contains(&answer.status), "{authorization}: {answer:?}");
    }
    let twice = [("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer d.e.f")];
    house.call("GET", "/api/v1/me", &twice, b"").await.is(401, "unauthenticated");
    house.get("/api/v1/me?access_token=x").await.is(401, "unauthenticated");
}

#[actix_web::test]
async fn r1_r2_refresh_tokens_rotate_and_a_reused_one_ends_the_session() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    let refresh = async |token: &str| house.post("/api/v1/sessions/refresh", json!({"refresh_token": token})).await;
    let first = refresh(&ann.refresh).await;
    first.is(200, "");
    let second = refresh(&ann.refresh).await;
    second.is(200, "");
    let unused = first.json()["refresh_token"].as_str().unwrap().to_owned();
    refresh(&unused).await.is(401, "unauthenticated");
    let third = refresh(second.json()["refresh_token"].as_str().unwrap()).await;
    third.is(200, "");
    refresh(&ann.refresh).await.is(401, "session_revoked");
    ann.get("/me").await.is(401, "session_revoked");
    refresh(third.json()["refresh_token"].as_str().unwrap()).await.is(401, "session_revoked");
    refresh("nonsense").await.is(401, "unauthenticated");
}

#[actix_web::test]
async fn sessions_are_listed_and_ended() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    let phone = house.sign_in("ann").await;
    let tablet = house.sign_in("ann").await;
    let list = ann.get("/sessions?limit=2").await.json();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["current"]), (2, &json!(true)));
    let next = list["next"].as_str().unwrap();
    let rest = ann.get(&format!("/sessions?cursor={next}")).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &json!(null)));
    let id = rest["items"][0]["id"].as_str().unwrap();
    ann.delete(&format!("/sessions/{id}")).await.is(204, "");
    ann.delete(&format!("/sessions/{id}")).await.is(404, "not_found");
    tablet.get("/me").await.is(401, "session_revoked");
    ann.delete("/sessions").await.is(204, "");
    phone.get("/me").await.is(401, "session_revoked");
    ann.delete("/sessions/nonsense").await.is(404, "not_found");
    ann.delete("/sessions/current").await.is(204, "");
    ann.get("/me").await.is(401, "session_revoked");
}

#[actix_web::test]
async fn a_new_password_ends_the_other_sessions() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    let phone = house.sign_in("ann").await;
    let change = |current: &str, new: &str| json!({"current": current, "new": new});
    ann.put("/me/password", change("wrong horse", "another horse")).await.is(403, "bad_credentials");
    ann.put("/me/password", change(PASSWORD, "short")).await.is(422, "invalid_field");
    ann.put("/me/password", change(PASSWORD, "another horse")).await.is(204, "");
    phone.get("/me").await.is(401, "session_revoked");
    ann.get("/me").await.is(200, "");
    ann.call("DELETE", "/me", &[], Some(json!({"password": PASSWORD}))).await.is(403, "bad_credentials");
    ann.call("DELETE", "/me", &[], Some(json!({"password": "another horse"}))).await.is(204, "");
    ann.get("/me").await.is(401, "session_revoked");
    house.post("/api/v1/accounts", json!({"username": "ann", "password": PASSWORD})).await.is(409, "username_taken");
}

#[actix_web::test]
async fn users_are_found_by_ids_and_by_names() {
    let house = House::open().await;
    let ann = house.person("ann").await;
    let bob = house.person("bob").await;
    let found = ann.get(&format!("/users?ids={},{}", bob.id, ann.id)).await.json();
    assert_eq!((found["items"].as_array().unwrap().len(), &found["next"]), (2, &json!(null)));
    assert_eq!(ann.get("/users?q=bo").await.json()["items"][0]["id"], json!(bob.id));
    let page = ann.get("/users?q=&limit=1").await.json();
    let next = page["next"].as_str().unwrap();
    assert_eq!(ann.get(&format!("/users?q=&cursor={next}")).await.json()["items"][0]["username"], "bob");
    ann.get(&format!("/users?q=b&cursor={next}")).await.is(400, "bad_request");
    let many = vec![ann.id.clone(); 101].join(",");
    for query in ["", "?ids=x", "?ids=&q=", "?q=a&q=b", "?q=a&limit=0", "?q=a&limit=101", "?q=a&limit=+5"] {
        ann.get(&format!("/users{query}")).await.is(400, "bad_request");
    }
    ann.get(&format!("/users?ids={many}")).await.is(400, "bad_request");
    let one = ann.get(&format!("/users/{}", bob.id)).await;
    let tag = one.header("etag").unwrap().to_owned();
    assert_eq!(ann.call("GET", &format!("/users/{}", bob.id), &[("If-None-Match", &tag)], None).await.status, 304);
    ann.get("/users/nonsense").await.is(404, "not_found");
}
