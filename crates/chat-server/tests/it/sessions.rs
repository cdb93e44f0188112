//! Sessions: sign-in, rotation of refresh tokens, their end on every socket; guessing is slowed down.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{App, Reply, Request, User, eventually, names, spawn_app};

const SOON: Duration = Duration::from_secs(5);

async fn sign_in(app: &App, username: &str, password: &str) -> Reply {
    app.anonymous("POST", "/sessions", Some(json!({"username": username, "password": password}))).await
}

async fn refresh(app: &App, token: &str) -> Reply {
    app.anonymous("POST", "/sessions/refresh", Some(json!({"refresh_token": token}))).await
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}")).to_owned()
}

#[tokio::test]
async fn a1_every_failed_sign_in_looks_the_same() {
    let app = spawn_app().await;
    let (known, gone) = (app.user("known").await, app.user("gone").await);
    gone.request("DELETE", "/me").json(&json!({"password": gone.password})).send(app.address()).await.is(204);
    let look = |reply: Reply| {
        let mut body = reply.json();
        body.as_object_mut().unwrap().remove("instance");
        (reply.status, reply.steady_headers(), body)
    };
    let wrong = look(sign_in(&app, &known.username, "not the password").await);
    assert_eq!((wrong.0, wrong.2["code"].as_str()), (401, Some("bad_credentials")));
    let malformed = "n".repeat(40);
    for (name, password) in [
        ("nobody-here", "not the password"),
        (gone.username.as_str(), gone.password.as_str()),
        (known.username.as_str(), "x"),
        (known.username.as_str(), ""),
        ("not a name!", "not the password"),
        (malformed.as_str(), "not the password"),
    ] {
        assert_eq!(look(sign_in(&app, name, password).await), wrong, "{name} {password}");
    }
    let endless = "p".repeat(1_000);
    assert_eq!(look(sign_in(&app, &known.username, &endless).await), wrong);
}

#[tokio::test]
async fn a1_an_unknown_name_takes_as_long_as_a_wrong_password() {
    // Cost 8 is 15 ms: enough to be seen above the noise of a busy machine.
    let app = App::usual().set("AUTH__BCRYPT_COST", 8).spawn().await;
    let known = app.user("timed").await;
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        for (name, times) in [("nobody-here", &mut unknown), (known.username.as_str(), &mut wrong)] {
            let start = Instant::now();
            sign_in(&app, name, "not the password").await.refuses(401, "bad_credentials");
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (unknown, wrong) = (median(unknown), median(wrong));
    // The page asks for 5 % of 200 tries on a quiet machine; a missing dummy hash would be a factor of five.
    assert!((unknown / wrong - 1.0).abs() < 0.5, "unknown {unknown}, wrong {wrong}");
}

#[tokio::test]
async fn a5_a_hash_below_the_cost_is_replaced_at_the_next_sign_in() {
    let mut app = App::usual().spawn().await;
    let user = app.user("rehash").await;
    app.kill().await;
    app.start_again_with("AUTH__BCRYPT_COST", "6").await;
    let stored = |app: &App| {
        let mut bytes = Vec::new();
        for name in ["chat.db", "chat.db-wal"] {
            bytes.extend(std::fs::read(app.directory().join(name)).unwrap_or_default());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    assert!(stored(&app).contains("$04$") && !stored(&app).contains("$06$"), "the first hash has cost 4");
    User::signs_in(app.address(), &user.username, &user.password).await;
    eventually("a hash of the new cost", async || stored(&app).contains("$06$")).await;
    User::signs_in(app.address(), &user.username, &user.password).await;
}

#[tokio::test]
async fn a6_a_flood_of_sign_ins_is_bounded_and_does_not_stall_sockets() {
    let options = App::usual().set("AUTH__BCRYPT_COST", 9).set("AUTH__HASH_QUEUE", 8).set("AUTH__HASH_THREADS", 1);
    let app = options.spawn().await;
    let user = app.user("flood").await;
    let mut socket = user.connects().await;
    let to = app.address();
    let body = json!({"username": user.username, "password": user.password});
    let request = Request::new("POST", "/api/v1/sessions").json(&body);
    let flood: Vec<_> = (0..60).map(|_| tokio::spawn(request.clone().send(to))).collect();
    let mut echoes = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        socket.done(json!({"type": "ping"})).await;
        echoes.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (mut signed, mut refused) = (0, 0);
    for one in flood {
        let reply = one.await.unwrap();
        match reply.status {
            201 => signed += 1,
            _ => {
                reply.refuses(503, "unavailable");
                refused += 1;
            }
        }
    }
    assert!(signed >= 8 && refused >= 1, "{signed} signed in, {refused} refused");
    echoes.sort();
    assert!(echoes[18] < Duration::from_millis(300), "{echoes:?}");
}

#[tokio::test]
async fn a7_guessing_one_name_from_many_addresses_is_slowed_down_but_never_locked_out() {
    let app = App::usual().set("LIMITS__SIGN_IN_PER_NAME_PER_MINUTE", 5).spawn().await;
    let user = app.user("victim").await;
    let attempt = |n: u8, name: &str, password: &str| {
        let body = json!({"username": name, "password": password});
        Request::new("POST", "/api/v1/sessions").from(n).json(&body).send(app.address())
    };
    let mut last = 0;
    let (mut refusals, mut grown) = (0, false);
    for n in 2..12 {
        let reply = attempt(n, &user.username, "not the password").await;
        if reply.status == 429 {
            refusals += 1;
            let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
            reply.refuses(429, "rate_limited");
            grown |= last > 0 && seconds > last;
            last = seconds;
        } else {
            assert_eq!(refusals, 0, "let in again after a refusal");
        }
    }
    assert!(refusals >= 4, "{refusals} of 10 refused");
    assert!(grown, "Retry-After does not grow");
    assert!(last <= 120, "a wait of {last} s is a lock-out");
    // Another name is not concerned.
    let other = app.user("bystander").await;
    attempt(2, &other.username, &other.password).await.is(201);
}

#[tokio::test]
async fn a7_guessing_many_names_from_one_address_is_slowed_down() {
    let app = App::usual().set("LIMITS__SIGN_IN_PER_ADDRESS_PER_MINUTE", 10).spawn().await;
    let attempt = |from: u8, n: usize| {
        let body = json!({"username": format!("guess{n}"), "password": "not the password"});
        Request::new("POST", "/api/v1/sessions").from(from).json(&body).send(app.address())
    };
    for n in 0..10 {
        attempt(9, n).await.refuses(401, "bad_credentials");
    }
    attempt(9, 11).await.refuses(429, "rate_limited");
    attempt(8, 11).await.refuses(401, "bad_credentials");
}

#[tokio::test]
async fn registrations_of_one_address_are_limited() {
    let app = App::usual().set("LIMITS__REGISTRATIONS_PER_ADDRESS_PER_HOUR", 5).spawn().await;
    let attempt = |from: u8, n: usize| {
        let body = json!({"username": format!("many{n}"), "password": "correct horse"});
        Request::new("POST", "/api/v1/accounts").from(from).json(&body).send(app.address())
    };
    for n in 0..5 {
        attempt(9, n).await.is(201);
    }
    attempt(9, 6).await.refuses(429, "rate_limited");
    attempt(8, 7).await.is(201);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_but_this() {
    let app = spawn_app().await;
    let first = app.user("many").await;
    let body = json!({"username": first.username, "password": first.password, "device": "a phone"});
    let signed = app.anonymous("POST", "/sessions", Some(body)).await.is(201);
    let phone = User::of(app.address(), &first.username, &first.password, &signed);
    let (third, fourth) = (first.again().await, first.again().await);

    let page = first.get("/sessions").await.is(200);
    let items = page["items"].as_array().unwrap();
    let ids: Vec<&str> = items.iter().map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 4, "{page}");
    for user in [&first, &phone, &third, &fourth] {
        assert!(ids.contains(&user.session.as_str()));
    }
    assert!(items.iter().any(|session| session["id"] == phone.session && session["device"] == "a phone"), "{page}");
    assert!(!page.to_string().contains(&first.refresh) && !page.to_string().contains("hash"));

    let (mut on_phone, mut on_third, mut on_first) =
        (phone.connects().await, third.connects().await, first.connects().await);
    first.delete(&format!("/sessions/{}", phone.session)).await.is(204);
    assert_eq!(on_phone.closed_within(SOON).await, 4403);
    assert_eq!(on_phone.bye()["reconnect"], false);
    refresh(&app, &phone.refresh).await.refuses(401, "session_revoked");
    eventually("the phone's access token is refused", async || phone.get("/me").await.status == 401).await;
    phone.get("/me").await.refuses(401, "session_revoked");

    let stranger = app.user("stranger").await;
    stranger.delete(&format!("/sessions/{}", first.session)).await.refuses(404, "not_found");
    first.delete("/sessions/nonsense").await.refuses(404, "not_found");

    first.delete("/sessions").await.is(204);
    assert_eq!(on_third.closed_within(SOON).await, 4403);
    refresh(&app, &fourth.refresh).await.refuses(401, "session_revoked");
    on_first.done(json!({"type": "ping"})).await;
    assert_eq!(first.get("/sessions").await.is(200)["items"].as_array().unwrap().len(), 1);

    first.delete("/sessions/current").await.is(204);
    assert_eq!(on_first.closed_within(SOON).await, 4403);
    refresh(&app, &first.refresh).await.refuses(401, "session_revoked");
}

#[tokio::test]
async fn s2_a_revoked_session_can_not_connect_again() {
    let app = spawn_app().await;
    let (here, there) = {
        let here = app.user("revoked").await;
        let there = here.again().await;
        (here, there)
    };
    here.delete(&format!("/sessions/{}", there.session)).await.is(204);
    eventually("a revoked session's auth is refused", async || {
        let mut socket = crate::harness::Socket::open(app.address()).await;
        let answer = socket.ask(json!({"type": "auth", "token": there.access})).await;
        if answer["type"] == "ready" {
            return false;
        }
        assert_eq!(answer["code"], "session_revoked", "{answer}");
        assert_eq!(socket.closed().await, 4403);
        true
    })
    .await;
}

#[tokio::test]
async fn refreshing_rotates_both_tokens_of_the_same_session() {
    let app = spawn_app().await;
    let user = app.user("rotate").await;
    let next = refresh(&app, &user.refresh).await.is(200);
    assert_eq!(names(&next), "access_token expires_in refresh_token session token_type user");
    assert_eq!(next["session"], user.session);
    assert_ne!(text(&next, "refresh_token"), user.refresh);
    assert_ne!(text(&next, "access_token"), user.access);
    Request::new("GET", "/api/v1/me").bearer(&text(&next, "access_token")).send(app.address()).await.is(200);
    // The former access token is good until it expires.
    user.get("/me").await.is(200);
    refresh(&app, &text(&next, "refresh_token")).await.is(200);
}

#[tokio::test]
async fn r1_a_lost_answer_does_not_end_the_session() {
    let app = spawn_app().await;
    let user = app.user("lost").await;
    let lost = text(&refresh(&app, &user.refresh).await.is(200), "refresh_token");
    let again = text(&refresh(&app, &user.refresh).await.is(200), "refresh_token");
    assert_ne!(lost, again);
    // The one that got lost is dropped: a plain 401, and nothing ends.
    refresh(&app, &lost).await.refuses(401, "unauthenticated");
    let next = text(&refresh(&app, &again).await.is(200), "refresh_token");
    refresh(&app, &next).await.is(200);
}

#[tokio::test]
async fn r2_an_old_refresh_token_whose_successor_was_used_ends_the_session() {
    let app = spawn_app().await;
    let user = app.user("stolen").await;
    let mut socket = user.connects().await;
    let second = text(&refresh(&app, &user.refresh).await.is(200), "refresh_token");
    let third = text(&refresh(&app, &second).await.is(200), "refresh_token");
    refresh(&app, &user.refresh).await.refuses(401, "session_revoked");
    assert_eq!(socket.closed_within(SOON).await, 4403);
    refresh(&app, &third).await.refuses(401, "session_revoked");
    let log = app.log();
    assert!(log.lines().any(|line| line.contains(&user.session)), "no audit line about the session:\n{log}");
}

#[tokio::test]
async fn nonsense_is_no_refresh_token() {
    let app = spawn_app().await;
    let user = app.user("nonsense").await;
    for token in ["", "x", &user.access, &"r".repeat(43), &format!("{}x", user.refresh), "\u{1f980}"] {
        refresh(&app, token).await.refuses(401, "unauthenticated");
    }
    app.anonymous("POST", "/sessions/refresh", Some(json!({"refresh_token": 7}))).await.refuses(422, "invalid_field");
    app.anonymous("POST", "/sessions/refresh", Some(json!({}))).await.refuses(422, "invalid_field");
}

#[tokio::test]
async fn refresh_tokens_run_out() {
    let app = App::usual().set("AUTH__REFRESH_TTL_S", 1).spawn().await;
    let user = app.user("brief").await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!(refresh(&app, &user.refresh).await.status, 401);
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_both_stay_signed_in() {
    let app = spawn_app().await;
    let user = app.user("tabs").await;
    let (one, two) = tokio::join!(refresh(&app, &user.refresh), refresh(&app, &user.refresh));
    let tokens = [text(&one.is(200), "refresh_token"), text(&two.is(200), "refresh_token")];
    let mut alive = 0;
    for token in &tokens {
        alive += usize::from(refresh(&app, token).await.status == 200);
    }
    assert_eq!(alive, 1, "exactly the later successor lives");
}

#[tokio::test]
async fn r3_no_secret_stands_in_the_database() {
    let app = spawn_app().await;
    let user = app.user("dumped").await;
    let room = user.creates_room("dump").await;
    let next = text(&refresh(&app, &user.refresh).await.is(200), "refresh_token");
    let invite = user.post(&format!("/rooms/{room}/invites"), json!({})).await.is(201);
    let secrets = [user.refresh.clone(), next, text(&invite, "code"), user.password.clone(), user.access.clone()];
    let mut dump = Vec::new();
    for entry in std::fs::read_dir(app.directory()).unwrap() {
        dump.extend(std::fs::read(entry.unwrap().path()).unwrap_or_default());
    }
    let dump = String::from_utf8_lossy(&dump);
    assert!(dump.contains(&user.username), "the dump is the database");
    for secret in &secrets {
        // A prefix would say too much as well.
        assert!(secret.len() < 16 || !dump.contains(&secret[..16]), "{secret} is in the dump");
    }
    for secret in &secrets[..3] {
        assert!(secret.len() >= 22, "{secret} is no 128 random bits");
    }
}
