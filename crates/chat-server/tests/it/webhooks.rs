//! Webhooks: programs that post without an account, by an address that is shown once.

use std::{collections::BTreeSet, io::ErrorKind, net::SocketAddr, process::Stdio, time::Duration};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::harness::{App, PATIENCE, Reply, Request, User, has, names, nonce, spawn_app, within};

/// A webhook of a room: what its maker was answered.
async fn hooks(maker: &User, room: &str) -> Value {
    maker.post(&format!("/rooms/{room}/webhooks"), json!({"name": "GitLab"})).await.is(201)
}

/// What its maker gives to a program.
fn address(hook: &Value) -> &str {
    hook["url"].as_str().unwrap()
}

async fn delivers(app: &App, hook: &Value, body: &Value) -> Reply {
    Request::new("POST", address(hook)).json(body).send(app.address()).await
}

/// As `curl` does it; where there is none, as this suite does.
async fn curls(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["--silent", "--show-error", "--include", "--max-time", "10", "--data-binary", &body.to_string()]);
    for (name, value) in headers {
        curl.arg("--header").arg(format!("{name}: {value}"));
    }
    curl.arg(format!("http://{to}{path}")).stdin(Stdio::null()).kill_on_drop(true);
    match within(PATIENCE, "curl", curl.output()).await {
        Ok(done) => {
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            Reply::parse(&done.stdout, format!("curl {path}"), false)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let request = Request::new("POST", path).body(body.to_string());
            headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send(to).await
        }
        Err(error) => panic!("curl: {error}"),
    }
}

/// What GitLab sends when a pipeline ends, with a template that says `text`.
fn pipeline() -> Value {
    json!({
        "object_kind": "pipeline",
        "object_attributes": {"id": 31, "iid": 3, "ref": "main", "status": "success", "duration": 63, "variables": []},
        "user": {"id": 1, "name": "Administrator", "username": "root", "email": "[REDACTED]"},
        "project": {"id": 1, "name": "Gitlab Test", "path_with_namespace": "gitlab-org/gitlab-test", "avatar_url": null},
        "commit": {"id": "bcbb5ec396a2c0f828686f14fac9b80b780504f2", "message": "test\n", "timestamp": "2016-08-12T17:23:21Z"},
        "builds": [{"id": 380, "stage": "deploy", "status": "skipped"}, {"id": 377, "stage": "test", "status": "success"}],
        "text": "Pipeline #31 of gitlab-org/gitlab-test passed",
    })
}

#[tokio::test]
async fn a_gitlab_webhook_posts_with_curl() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("builds", &[&bob]).await;
    let hook = hooks(&alice, &room).await;
    assert_eq!(names(&hook), "bot by created_at id name room secret url");
    let mut socket = bob.connects().await;
    socket.subscribes(&room).await;
    let delivery = uuid::Uuid::now_v7().to_string();
    let headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", "GitLab/17.4.0"),
        ("X-Gitlab-Event", "Pipeline Hook"),
        ("X-Gitlab-Instance", "https://gitlab.example"),
        ("X-Gitlab-Event-UUID", "13792a34-cac6-4fda-95a8-c58e00a3954e"),
        ("Idempotency-Key", &delivery),
    ];
    let message = curls(app.address(), address(&hook), &headers, &pipeline()).await.is(201);
    has(&message, json!({"author": hook["bot"], "room": room, "nonce": delivery, "mentions_room": false}));
    let seen = socket.sees("Pipeline #31 of gitlab-org/gitlab-test passed").await;
    assert_eq!((&seen["by"], &seen["seq"]), (&hook["bot"], &message["seq"]));
    // GitLab did not hear the answer and tries again.
    let again = curls(app.address(), address(&hook), &headers, &pipeline()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.is(200), message);
    let line = bob.syncs(&room).await.unwrap();
    assert_eq!((&line["unread"], &line["last"]["author"]), (&json!(1), &hook["bot"]));
    let wrong = format!("{}x", address(&hook));
    curls(app.address(), &wrong, &headers, &pipeline()).await.refuses(404, "not_found");
    let plain = [("Content-Type", "text/plain")];
    curls(app.address(), address(&hook), &plain, &pipeline()).await.refuses(415, "unsupported_media");
    assert_eq!(bob.history(&room).await.len(), 1);
}

#[tokio::test]
async fn a_bot_is_shown_and_is_nobody() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("builds").await;
    let hook = hooks(&alice, &room).await;
    let bot = hook["bot"].as_str().unwrap();
    let user = alice.get(&format!("/users/{bot}")).await.is(200);
    has(&user, json!({"id": bot, "bot": true, "deleted": false, "display_name": "GitLab"}));
    assert_eq!(alice.get(&format!("/users?ids={bot}")).await.is(200)["items"], json!([user]));
    let username = user["username"].as_str().unwrap();
    for query in ["hook-", "gitlab", username] {
        assert_eq!(alice.get(&format!("/users?q={query}")).await.is(200)["items"], json!([]), "{query}");
    }
    let account = json!({"username": username, "password": "correct horse battery"});
    app.anonymous("POST", "/accounts", Some(account.clone())).await.refuses_field("/username");
    app.anonymous("POST", "/sessions", Some(account)).await.refuses(401, "bad_credentials");
    alice.put(&format!("/rooms/{room}/members/{bot}"), json!({})).await.refuses(404, "not_found");
    alice.puts(&format!("/rooms/{room}/bans/{bot}")).await.refuses(404, "not_found");
    alice.delete(&format!("/rooms/{room}/members/{bot}")).await.refuses(404, "not_found");
    for kind in ["private", "direct"] {
        alice.post("/rooms", json!({"kind": kind, "members": [bot]})).await.refuses_field("/members");
    }
    let said = delivers(&app, &hook, &json!({"text": format!("@{} @{username} @room", alice.username)})).await.is(201);
    has(&said, json!({"mentions": [alice.id], "mentions_room": false}));
    let members = alice.get(&format!("/rooms/{room}/members")).await.is(200);
    assert_eq!(members["items"].as_array().unwrap().len(), 1, "the bot is no member");
}

#[tokio::test]
async fn a_webhook_ends_by_hand_and_with_its_room_and_rests_with_its_archive() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("ends", &[&bob]).await;
    let (one, two) = (hooks(&alice, &room).await, hooks(&alice, &room).await);
    let head = alice.head(&room).await;
    let nonced = json!({"text": "built", "nonce": nonce()});
    let said = delivers(&app, &two, &nonced).await.is(201);
    assert_eq!(said["seq"], head + 1, "making webhooks took no number");
    alice.patch(&format!("/rooms/{room}"), json!({"archived": true})).await.is(200);
    delivers(&app, &two, &json!({"text": "late"})).await.refuses(403, "forbidden");
    assert_eq!(delivers(&app, &two, &nonced).await.is(200), said);
    alice.patch(&format!("/rooms/{room}"), json!({"archived": false, "slow_mode_s": 60})).await.is(200);
    for text in ["one", "two"] {
        delivers(&app, &two, &json!({"text": text})).await.is(201);
    }
    let path = format!("/rooms/{room}/webhooks/{}", one["id"].as_str().unwrap());
    bob.delete(&path).await.refuses(403, "forbidden");
    alice.delete(&path).await.is(204);
    alice.delete(&path).await.refuses(404, "not_found");
    delivers(&app, &one, &json!({"text": "late"})).await.refuses(404, "not_found");
    alice.get(&format!("/users/{}", one["bot"].as_str().unwrap())).await.is(200);
    let message = format!("/rooms/{room}/messages/{}", said["seq"]);
    alice.patch(&message, json!({"text": "mine"})).await.refuses(403, "forbidden");
    bob.delete(&message).await.refuses(403, "forbidden");
    alice.delete(&message).await.is(204);
    let listed = alice.get(&format!("/rooms/{room}/webhooks")).await.is(200);
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["id"]), (1, &two["id"]));
    assert!(!listed.to_string().contains(two["secret"].as_str().unwrap()));
    alice.delete(&format!("/rooms/{room}")).await.is(204);
    delivers(&app, &two, &json!({"text": "late"})).await.refuses(404, "not_found");
}

#[tokio::test]
async fn a_webhook_has_the_rate_of_a_user_by_default() {
    let app = App::usual().with_default_rates().spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("rated").await;
    let hook = hooks(&alice, &room).await;
    let bodies: Vec<Value> = (0..30).map(|n| json!({"text": format!("delivery {n}")})).collect();
    let replies = futures_util::future::join_all(bodies.iter().map(|body| delivers(&app, &hook, body))).await;
    let accepted = replies.iter().filter(|reply| reply.status == 201).count();
    assert!((10..=20).contains(&accepted), "a burst of 10 and 5 a second, not {accepted}");
    for refused in replies.into_iter().filter(|reply| reply.status != 201) {
        assert!(refused.header("retry-after").is_some());
        assert!(refused.refuses(429, "rate_limited")["retry_ms"].as_u64().unwrap() <= 2_000);
    }
    // People are not held back by it: the room's own rate is higher.
    alice.posts(&room, "still here").await;
}

/// What came of one delivery: whether it was accepted, or when to try again.
async fn outcome(app: &App, hook: &Value, body: &Value) -> Result<(), Duration> {
    let reply = delivers(app, hook, body).await;
    if reply.status == 201 {
        return Ok(());
    }
    assert!(reply.header("retry-after").is_some(), "{}", reply.text());
    let problem = reply.refuses(429, "rate_limited");
    Err(Duration::from_millis(problem["retry_ms"].as_u64().unwrap()))
}

/// The texts of a webhook's bot in the whole history, in order.
async fn said_by(reader: &User, room: &str, bot: &Value) -> Vec<String> {
    let (mut after, mut texts) = (0, Vec::new());
    loop {
        let page = reader.get(&format!("/rooms/{room}/messages?after={after}&limit=100")).await.is(200);
        let items = page["items"].as_array().unwrap();
        let Some(last) = items.last() else { return texts };
        after = last["seq"].as_u64().unwrap();
        let of_bot = items.iter().filter(|message| message["author"] == *bot);
        texts.extend(of_bot.map(|message| message["text"].as_str().unwrap().to_owned()));
    }
}

#[tokio::test]
async fn of_a_thousand_deliveries_in_a_row_none_is_lost_silently() {
    let options = App::usual().set("LIMITS__SENDS_PER_USER_BURST", 20).set("LIMITS__SENDS_PER_USER_PER_SECOND", 100);
    let app = options.spawn().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("flood").await;
    let hook = hooks(&alice, &room).await;
    let body = |n: usize| json!({"text": format!("delivery {n}"), "nonce": format!("delivery-{n:04}")});
    let (app, hook) = (&app, &hook);
    let mut waiting: Vec<usize> = (0..1_000).collect();
    let mut accepted = BTreeSet::new();
    for round in 0..200 {
        let deliveries = waiting.iter().map(|n| async move { (*n, outcome(app, hook, &body(*n)).await) });
        let outcomes: Vec<_> = stream::iter(deliveries).buffered(16).collect().await;
        let patience = outcomes.iter().filter_map(|(_, outcome)| outcome.err()).max();
        for (n, outcome) in outcomes {
            assert!(outcome.is_err() || accepted.insert(n), "{n} was accepted twice");
        }
        // What was accepted is there once, and nothing else is.
        let said = said_by(&alice, &room, &hook["bot"]).await;
        let expected: BTreeSet<String> = accepted.iter().map(|n| format!("delivery {n}")).collect();
        assert_eq!(said.len(), accepted.len(), "round {round}");
        assert_eq!(said.into_iter().collect::<BTreeSet<_>>(), expected, "round {round}");
        waiting.retain(|n| !accepted.contains(n));
        assert!(round > 0 || patience.is_some(), "a thousand in a row are limited");
        let Some(patience) = patience else { break };
        // A bucket that is full again lets a burst through; what is still over it waits for the next round.
        tokio::time::sleep(patience + Duration::from_millis(200)).await;
    }
    assert!(waiting.is_empty() && accepted.len() == 1_000, "{} still wait", waiting.len());
    assert_eq!(delivers(app, hook, &body(0)).await.is(200)["text"], "delivery 0", "a replay");
}

#[tokio::test]
async fn a_webhook_that_is_removed_while_it_posts_falls_silent() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("race").await;
    let hook = hooks(&alice, &room).await;
    delivers(&app, &hook, &json!({"text": "before"})).await.is(201);
    let posts = async {
        let bodies: Vec<Value> = (0..100).map(|n| json!({"text": format!("delivery {n}")})).collect();
        stream::iter(bodies.iter().map(|body| delivers(&app, &hook, body))).buffered(8).collect::<Vec<Reply>>().await
    };
    let path = format!("/rooms/{room}/webhooks/{}", hook["id"].as_str().unwrap());
    let removes = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        alice.delete(&path).await.is(204);
        alice.head(&room).await
    };
    let (replies, head) = tokio::join!(posts, removes);
    for reply in &replies {
        assert!([201, 404, 429].contains(&reply.status), "{}", reply.text());
    }
    assert_ne!(delivers(&app, &hook, &json!({"text": "after"})).await.status, 201);
    assert_eq!(alice.head(&room).await, head, "nothing is posted once the removal was answered");
}
