//! Searching: what is found and by whom, in pages, from the moment it is acknowledged.

use serde_json::{Value, json};

use crate::harness::{Reply, User, encode, has, names, spawn_app};

async fn search(user: &User, words: &str, rest: &str) -> Reply {
    user.get(&format!("/search?q={}{rest}", encode(words))).await
}

async fn found(user: &User, words: &str) -> Vec<Value> {
    search(user, words, "&limit=100").await.is(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_was_said_is_found_at_once_in_any_script_and_by_parts() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("talk", &[&bob]).await;
    for (text, queries) in [
        ("Fixed in CHAT-4711", vec!["chat-4711", "CHAT-47", "4711", "fixed chat", "in"]),
        ("see https://example.org/a-b?c=1&d=%20#e", vec!["https://example.org/a-b?c=1&d=%20#e", "xample.or", "a-b"]),
        ("Съешь ещё этих мягких французских булок", vec!["БУЛОК", "ранцуз", "\"этих мягких\""]),
        ("明日は東京都で会議があります", vec!["東京", "京都", "都", "会議があ"]),
        ("안녕하세요 여러분", vec!["안녕", "하세요"]),
        ("100% sure* \"so\" (NEAR) it's a_b", vec!["100%", "sure*", "\"so", "(near)", "it's", "a_b"]),
    ] {
        let said = alice.posts(&room, text).await;
        for query in queries {
            let items = found(&bob, query).await;
            assert!(items.iter().any(|item| item["seq"] == said["seq"]), "{query} is in {text}");
        }
    }
    assert!(found(&bob, "chat-4712").await.is_empty());
    let item = &found(&bob, "4711").await[0];
    let path = format!("/rooms/{room}/messages/{}", item["seq"]);
    assert_eq!(*item, bob.get(&path).await.is(200), "the same object as everywhere");
    has(item, json!({"room": room, "author": alice.id, "text": "Fixed in CHAT-4711", "deleted": false}));
}

#[tokio::test]
async fn an_edit_is_found_as_it_is_now_and_what_is_deleted_never() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("talk").await;
    let said = alice.posts(&room, "first wording").await;
    let path = format!("/rooms/{room}/messages/{}", said["seq"]);
    alice.patch(&path, json!({"text": "second wording"})).await.is(200);
    assert!(found(&alice, "first").await.is_empty());
    assert_eq!(found(&alice, "second").await[0]["text"], "second wording");
    alice.delete(&path).await.is(204);
    for words in ["first", "second", "wording"] {
        assert!(found(&alice, words).await.is_empty(), "{words}");
    }
}

#[tokio::test]
async fn only_those_who_are_in_find_anything() {
    let app = spawn_app().await;
    let (alice, bob, eve) = (app.user("alice").await, app.user("bob").await, app.user("eve").await);
    let rooms = [alice.creates_room("open").await, alice.creates_private_room("closed", &[&bob, &eve]).await];
    bob.joins(&rooms[0]).await;
    eve.joins(&rooms[0]).await;
    for room in &rooms {
        alice.posts(room, "a needle").await;
    }
    let stranger = app.user("stranger").await;
    for user in [&bob, &eve] {
        assert_eq!(found(user, "needle").await.len(), 2);
    }
    for room in &rooms {
        alice.kicks(room, &bob).await;
        alice.bans(room, &eve).await;
    }
    for user in [&bob, &eve, &stranger] {
        assert!(found(user, "needle").await.is_empty());
        for room in &rooms {
            search(user, "needle", &format!("&room={room}")).await.refuses(404, "not_found");
        }
    }
    let one = search(&alice, "needle", &format!("&room={}", rooms[1])).await.is(200);
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    assert_eq!(one["items"][0]["room"], rooms[1].as_str());
    search(&alice, "needle", &format!("&room={}", uuid::Uuid::now_v7())).await.refuses(404, "not_found");
    alice.delete(&format!("/rooms/{}", rooms[1])).await.is(204);
    assert_eq!(found(&alice, "needle").await.len(), 1);
    app.anonymous("GET", "/search?q=needle", None).await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn pages_are_newest_first_and_stay_while_more_is_said() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let rooms = [alice.creates_private_room("one", &[&bob]).await, alice.creates_private_room("two", &[&bob]).await];
    let mut said = Vec::new();
    for number in 0..11 {
        let room = &rooms[number % 2];
        let message = alice.posts(room, &format!("needle {number}")).await;
        said.push((message["room"].clone(), message["seq"].clone()));
        bob.posts(room, "hay").await;
    }
    said.reverse();
    let (mut got, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = search(&bob, "needle", &format!("&limit=3{cursor}")).await.is(200);
        assert_eq!(names(&page), "items next");
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        got.extend(items.iter().map(|item| (item["room"].clone(), item["seq"].clone())));
        alice.posts(&rooms[0], "a newer needle").await;
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(got, said);

    let next = search(&bob, "needle", "&limit=3").await.is(200)["next"].as_str().unwrap().to_owned();
    let tampered = format!("{}{}", if next.starts_with('A') { 'B' } else { 'A' }, &next[1..]);
    for cursor in ["x", "%00", tampered.as_str()] {
        search(&bob, "needle", &format!("&cursor={cursor}")).await.refuses(400, "bad_request");
    }
    search(&bob, "hay", &format!("&cursor={next}")).await.refuses(400, "bad_request");
    search(&bob, "needle", &format!("&room={}&cursor={next}", rooms[0])).await.refuses(400, "bad_request");
    for limit in ["0", "101", "x"] {
        search(&bob, "needle", &format!("&limit={limit}")).await.refuses(400, "bad_request");
    }
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_refused_in_clear_words() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    alice.get("/search").await.refuses(400, "bad_request");
    alice.get("/search?q=a&q=b").await.refuses(400, "bad_request");
    for (words, code) in [("", "blank"), (" \t ", "blank"), ("\"\"", "blank"), ("a\0b", "not_allowed")] {
        let problem = search(&alice, words, "").await.refuses(400, "bad_request");
        assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]), (&json!("/q"), &json!(code)));
    }
    let problem = search(&alice, &"я".repeat(257), "").await.refuses(400, "bad_request");
    has(&problem["errors"][0], json!({"code": "too_long", "max": 256}));
    search(&alice, &"я".repeat(256), "").await.is(200);
    search(&alice, "a", "&room=nonsense").await.refuses(400, "bad_request");
    for odd in ["' OR 1=1 --", "%_\\", "\"", "a AND b OR NOT c*", "') | ('", "<->", ":*", "\u{E022}", "🏳️‍🌈"]
    {
        search(&alice, odd, "").await.is(200);
    }
}
