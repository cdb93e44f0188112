//! Messages, reactions, history, changes, markers.

use serde_json::{Value, json};

use crate::house::{House, Person};

async fn two() -> (Person, Person, String) {
    let house = House::open().await;
    let (ann, bob) = (house.person("ann").await, house.person("bob").await);
    let room = ann.makes("private", &[&bob]).await;
    (ann, bob, room)
}

#[actix_web::test]
async fn n2_n3_a_nonce_posts_once() {
    let (ann, bob, room) = two().await;
    let messages = format!("{room}/messages");
    let draft = json!({"text": "hi\r\nbob", "nonce": "nonce-0001"});
    let posted = ann.post(&messages, draft.clone()).await;
    posted.is(201, "");
    let message = posted.json();
    assert_eq!(
        (&message["text"], &message["nonce"], &message["rev"]),
        (&json!("hi\nbob"), &json!("nonce-0001"), &message["seq"])
    );
    assert_eq!(posted.header("idempotent-replayed"), None);
    let again = ann.post(&messages, draft.clone()).await;
    assert_eq!((again.status, again.header("idempotent-replayed"), again.json()), (200, Some("true"), message.clone()));
    ann.post(&messages, json!({"text": "other", "nonce": "nonce-0001"})).await.is(422, "nonce_conflict");
    bob.post(&messages, draft).await.is(201, "");
    let seen = bob.get(&format!("{messages}/{}", message["seq"])).await;
    assert_eq!(
        (seen.json().get("nonce"), seen.header("etag")),
        (None, Some(format!("\"{}\"", message["rev"]).as_str()))
    );
    let history = bob.get(&messages).await.json();
    assert_eq!(history["items"].as_array().unwrap().iter().filter(|m| m.get("nonce").is_some()).count(), 1);
}

#[actix_web::test]
async fn u3_texts_are_checked() {
    let (ann, _, room) = two().await;
    for (text, code) in [
        (json!("a\u{0}"), "not_allowed"),
        (json!("a\rb"), "not_allowed"),
        (json!("\u{85}"), "not_allowed"),
        (json!("\u{fffe}"), "not_allowed"),
        (json!(" \n\t"), "blank"),
        (json!("😀".repeat(4001)), "too_long"),
        (json!(1), "wrong_type"),
        (json!(null), "wrong_type"),
    ] {
        let answer = ann.post(&format!("{room}/messages"), json!({"text": text, "nonce": "nonce-0001"})).await;
        answer.is(422, "invalid_field");
        assert_eq!(answer.json()["errors"][0]["code"], code);
    }
    ann.says(&room, "nonce-0001", &"😀".repeat(4000)).await;
    assert_eq!(ann.says(&room, "nonce-0002", "x\u{202e}y").await["text"], "x\u{202e}y", "u4");
}

#[actix_web::test]
async fn a_message_is_edited_and_deleted_by_its_author() {
    let (ann, bob, room) = two().await;
    let message = bob.says(&room, "nonce-0001", "one").await;
    let path = format!("{room}/messages/{}", message["seq"]);
    ann.patch(&path, json!({"text": "two"})).await.is(403, "forbidden");
    let thumb = format!("{path}/reactions/%F0%9F%91%8D");
    ann.call("PUT", &thumb, &[], None).await.is(204, "");
    bob.call("PUT", &thumb, &[], None).await.is(204, "");
    let tag = ann.get(&path).await.header("etag").unwrap().to_owned();
    let edited = bob.call("PATCH", &path, &[("If-Match", &tag)], Some(json!({"text": "two"}))).await;
    edited.is(200, "");
    let body = edited.json();
    assert_eq!((&body["text"], &body["nonce"]), (&json!("two"), &json!("nonce-0001")));
    assert_eq!(body["reactions"], json!([{"emoji": "👍", "count": 2, "me": true}]));
    assert_eq!(edited.header("etag"), Some(format!("\"{}\"", body["rev"]).as_str()));
    bob.call("PATCH", &path, &[("If-Match", &tag)], Some(json!({"text": "3"}))).await.is(412, "precondition_failed");
    let same = bob.patch(&path, json!({"text": "two"})).await.json();
    assert_eq!(same["rev"], body["rev"], "nothing changed");
    ann.call("DELETE", &path, &[("If-Match", "\"1\"")], None).await.is(412, "precondition_failed");
    ann.delete(&path).await.is(204, "");
    ann.delete(&path).await.is(204, "");
    for answer in [bob.get(&path).await, bob.patch(&path, json!({"text": "x"})).await] {
        answer.is(410, "gone");
    }
    for method in ["PUT", "DELETE"] {
        bob.call(method, &thumb, &[], None).await.is(410, "gone");
    }
    bob.get(&format!("{path}/reactions")).await.is(410, "gone");
    let replayed = bob.post(&format!("{room}/messages"), json!({"text": "one", "nonce": "nonce-0001"})).await;
    assert_eq!((replayed.status, &replayed.json()["deleted"]), (200, &json!(true)));
}

#[actix_web::test]
async fn reactions_are_emoji_and_are_listed() {
    let (ann, bob, room) = two().await;
    let seq = ann.says(&room, "nonce-0001", "x").await["seq"].clone();
    let path = format!("{room}/messages/{seq}/reactions");
    for emoji in ["%F0%9F%91%8D", "%23%EF%B8%8F%E2%83%A3", "%E2%9D%A4%EF%B8%8F%E2%80%8D%F0%9F%94%A5"] {
        ann.call("PUT", &format!("{path}/{emoji}"), &[], None).await.is(204, "");
        ann.call("PUT", &format!("{path}/{emoji}"), &[], None).await.is(204, "");
    }
    bob.call("PUT", &format!("{path}/%F0%9F%91%8D"), &[], None).await.is(204, "");
    for bad in ["a", "%2F", "%FF", "%F0%9F%91%8Da", "%00"] {
        ann.call("PUT", &format!("{path}/{bad}"), &[], None).await.is(422, "invalid_field");
    }
    let mut found = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = bob.get(&format!("{path}?{query}")).await.json();
        found.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=1&cursor={next}");
    }
    assert_eq!(found.len(), 4);
    let thumbs = bob.get(&format!("{path}?emoji=%F0%9F%91%8D")).await.json();
    assert_eq!(thumbs["items"], json!([{"emoji": "👍", "user": ann.id}, {"emoji": "👍", "user": bob.id}]));
    bob.get(&format!("{path}?emoji=x")).await.is(400, "bad_request");
    bob.call("DELETE", &format!("{path}/%F0%9F%91%8D"), &[], None).await.is(204, "");
    let reactions = bob.get(&format!("{room}/messages/{seq}")).await.json()["reactions"].clone();
    assert_eq!(reactions[0], json!({"emoji": "👍", "count": 1}), "no `me` for who took it back");
}

#[actix_web::test]
async fn history_is_read_by_places() {
    let (ann, bob, room) = two().await;
    let mut seqs: Vec<Value> = Vec::new();
    for n in 0..5 {
        seqs.push(ann.says(&room, &format!("nonce-{n:04}"), "x").await["seq"].clone());
    }
    let read = async |query: &str| {
        let answer = bob.get(&format!("{room}/messages{query}")).await;
        answer.is(200, "");
        let body = answer.json();
        let items: Vec<Value> = body["items"].as_array().unwrap().iter().map(|m| m["seq"].clone()).collect();
        (items, body["more_before"] == true, body["more_after"] == true)
    };
    assert_eq!(read("?limit=2").await, (seqs[3..].to_vec(), true, false));
    assert_eq!(read(&format!("?before={}&limit=2", seqs[3])).await, (seqs[1..3].to_vec(), true, true));
    assert_eq!(read(&format!("?after={}&limit=2", seqs[0])).await, (seqs[1..3].to_vec(), true, true));
    assert!(read(&format!("?around={}&limit=3", seqs[2])).await.0.contains(&seqs[2]));
    assert_eq!(read("?after=999999").await.0, Vec::<Value>::new());
    let body = bob.get(&format!("{room}/messages")).await.json();
    assert!(body["epoch"].is_string() && body["head"].is_u64() && body["floor"] == 0);
}

#[actix_web::test]
async fn changes_are_polled_and_void_cursors_reset() {
    let (ann, bob, room) = two().await;
    let start = bob.get(&format!("{room}/messages")).await.json();
    let (epoch, head) = (start["epoch"].as_str().unwrap().to_owned(), start["head"].clone());
    let seq = ann.says(&room, "nonce-0001", "x").await["seq"].clone();
    let batch = bob.get(&format!("{room}/changes?epoch={epoch}&after={head}")).await;
    batch.is(200, "");
    let body = batch.json();
    assert_eq!((&body["from"], &body["to"], &body["messages"][0]["seq"]), (&head, &seq, &seq));
    assert!(body["messages"][0].get("nonce").is_none());
    for (query, reason) in [("epoch=other&after=0", "epoch"), ("after=999", "ahead")] {
        let answer = bob.get(&format!("{room}/changes?{query}")).await;
        answer.is(410, "reset_required");
        let body = answer.json();
        assert_eq!((&body["reason"], &body["epoch"]), (&json!(reason), &json!(epoch)));
    }
}

#[actix_web::test]
async fn markers_only_move_forward() {
    let (ann, bob, room) = two().await;
    let seq = ann.says(&room, "nonce-0001", "@bob").await["seq"].as_u64().unwrap();
    let unread = async || {
        let line = bob.get("/sync").await.json()["rooms"][0].clone();
        (line["unread"].clone(), line["mentions"].clone(), line["read"].clone())
    };
    let before = unread().await;
    assert_eq!((&before.0, &before.1), (&json!(1), &json!(1)));
    bob.put(&format!("{room}/read"), json!({"seq": 999_999})).await.is(204, "");
    assert_eq!(unread().await, (json!(0), json!(0), json!(seq)));
    bob.put(&format!("{room}/read"), json!({"seq": 1})).await.is(204, "");
    assert_eq!(unread().await.2, json!(seq));
    for wrong in [json!({"seq": 0}), json!({"seq": -1}), json!({"seq": "1"}), json!({})] {
        bob.put(&format!("{room}/read"), wrong).await.is(422, "invalid_field");
    }
}

#[actix_web::test]
async fn s5_messages_of_other_rooms_are_not_found() {
    let (ann, bob, room) = two().await;
    let other = ann.makes("private", &[]).await;
    for n in 0..5 {
        ann.says(&other, &format!("nonce-{n:04}"), "secret").await;
    }
    let seq = ann.says(&other, "nonce-1000", "secret").await["seq"].clone();
    let replying = json!({"text": "x", "nonce": "nonce-0001", "reply_to": seq});
    bob.post(&format!("{room}/messages"), replying).await.is(404, "not_found");
    let path = format!("{room}/messages/{seq}");
    bob.patch(&path, json!({"text": "x"})).await.is(404, "not_found");
    bob.delete(&path).await.is(404, "not_found");
    bob.call("PUT", &format!("{path}/reactions/%F0%9F%91%8D"), &[], None).await.is(404, "not_found");
    ann.call("PUT", &format!("{room}/pins/{seq}"), &[], None).await.is(404, "not_found");
    let hidden = bob.get(&other).await;
    let unknown = bob.get("/rooms/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b").await;
    let strip = |answer: &crate::house::Answer| {
        let mut body = answer.json();
        body["instance"] = json!("");
        (answer.status, body)
    };
    assert_eq!(strip(&hidden), strip(&unknown), "the same bytes");
}
