//! Rooms, members, bans, invites, pins.

use serde_json::json;

use crate::house::{House, Person};

async fn three() -> (Person, Person, Person) {
    let house = House::open().await;
    (house.person("ann").await, house.person("bob").await, house.person("cid").await)
}

#[actix_web::test]
async fn a_room_is_made_once_under_a_nonce() {
    let (ann, bob, _) = three().await;
    let wish = json!({"kind": "private", "name": "den", "members": [bob.id], "nonce": "nonce-0001"});
    let made = ann.post("/rooms", wish.clone()).await;
    made.is(201, "");
    let room = made.json();
    assert_eq!(made.header("location"), Some(format!("/api/v1/rooms/{}", room["id"].as_str().unwrap()).as_str()));
    let again = ann.post("/rooms", wish).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(again.json()["id"], room["id"]);
    let other = json!({"kind": "private", "name": "lair", "nonce": "nonce-0001"});
    ann.post("/rooms", other).await.is(422, "nonce_conflict");
    assert_eq!(bob.get("/rooms").await.json()["items"][0]["id"], room["id"]);
    let sync = bob.get("/sync").await.json();
    assert_eq!(sync["rooms"][0]["room"]["id"], room["id"]);
    for name in ["member", "epoch", "head", "floor", "read", "unread", "mentions", "last"] {
        assert!(sync["rooms"][0].get(name).is_some(), "{name}");
    }
}

#[actix_web::test]
async fn wishes_for_rooms_are_checked() {
    let (ann, bob, cid) = three().await;
    let many = vec![bob.id.clone(); 101];
    for (wish, pointer, code) in [
        (json!({"kind": "secret"}), "/kind", "malformed"),
        (json!({}), "/kind", "required"),
        (json!({"kind": "public", "name": "x\u{200b}"}), "/name", "not_allowed"),
        (json!({"kind": "public", "name": "ы".repeat(81)}), "/name", "too_long"),
        (json!({"kind": "public", "members": ["x"]}), "/members/0", "malformed"),
        (json!({"kind": "public", "members": many}), "/members", "too_long"),
        (json!({"kind": "public", "nonce": "short"}), "/nonce", "too_short"),
        (json!({"kind": "direct", "members": []}), "/members", "out_of_range"),
    ] {
        let answer = ann.post("/rooms", wish).await;
        answer.is(422, "invalid_field");
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)));
    }
    let direct = ann.makes("direct", &[&bob]).await;
    let again = bob.post("/rooms", json!({"kind": "direct", "members": [ann.id]})).await;
    assert_eq!((again.status, format!("/rooms/{}", again.json()["id"].as_str().unwrap())), (200, direct.clone()));
    ann.patch(&direct, json!({"name": "x"})).await.is(409, "conflict");
    ann.put(&format!("{direct}/members/{}", cid.id), json!({})).await.is(409, "conflict");
    ann.delete(&format!("{direct}/members/me")).await.is(409, "conflict");
    ann.post(&format!("{direct}/invites"), json!({})).await.is(409, "conflict");
}

#[actix_web::test]
async fn a_room_changes_only_while_it_is_as_it_was() {
    let (ann, _, _) = three().await;
    let room = ann.makes("public", &[]).await;
    let got = ann.get(&room).await;
    let tag = got.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", got.json()["rev"]));
    assert_eq!(ann.call("GET", &room, &[("If-None-Match", &format!("\"x\", W/{tag}"))], None).await.status, 304);
    let change = |topic: &str| Some(json!({"topic": topic}));
    let changed = ann.call("PATCH", &room, &[("If-Match", &tag)], change("tea")).await;
    changed.is(200, "");
    assert_eq!(changed.header("etag"), Some(format!("\"{}\"", changed.json()["rev"]).as_str()));
    for stale in [tag.as_str(), "\"nonsense\"", "nonsense", "W/\"1\""] {
        ann.call("PATCH", &room, &[("If-Match", stale)], change("milk")).await.is(412, "precondition_failed");
    }
    ann.call("PATCH", &room, &[("If-Match", "*")], change("milk")).await.is(200, "");
    let cleared = ann.patch(&room, json!({"topic": null, "unknown": 1})).await.json();
    assert_eq!((&cleared["topic"], &cleared["name"]), (&json!(null), &json!("a room")));
    ann.patch(&room, json!({"slow_mode_s": 21601})).await.is(422, "invalid_field");
    ann.patch(&room, json!({"slow_mode_s": null})).await.is(422, "invalid_field");
    ann.patch(&room, json!({"archived": true})).await.is(200, "");
    ann.post(&format!("{room}/messages"), json!({"text": "x", "nonce": "nonce-0001"})).await.is(403, "forbidden");
    ann.call("DELETE", &room, &[("If-Match", &tag)], None).await.is(412, "precondition_failed");
    let tag = ann.get(&room).await.header("etag").unwrap().to_owned();
    ann.call("DELETE", &room, &[("If-Match", &tag)], None).await.is(204, "");
    ann.get(&room).await.is(404, "not_found");
}

#[actix_web::test]
async fn people_come_and_go() {
    let (ann, bob, cid) = three().await;
    let room = ann.makes("public", &[]).await;
    let joined = bob.call("PUT", &format!("{room}/members/me"), &[], None).await;
    joined.is(201, "");
    assert_eq!(joined.json()["in"], true);
    bob.put(&format!("{room}/members/me"), json!({})).await.is(200, "");
    bob.put(&format!("{room}/members/{}", cid.id), json!({})).await.is(403, "forbidden");
    let added = ann.put(&format!("{room}/members/{}", cid.id), json!({"role": "admin"})).await;
    assert_eq!((added.status, &added.json()["role"]), (201, &json!("admin")));
    let muted = json!({"muted_until": "2030-01-01T00:00:00Z"});
    let bobs = format!("{room}/members/{}", bob.id);
    assert_eq!(cid.put(&bobs, muted).await.json()["muted_until"], "2030-01-01T00:00:00.000Z");
    assert_eq!(cid.put(&bobs, json!({"muted_until": null})).await.json()["muted_until"], json!(null));
    cid.put(&bobs, json!({"role": "king"})).await.is(422, "invalid_field");
    cid.put(&bobs, json!({"muted_until": "soon"})).await.is(422, "invalid_field");
    let page = ann.get(&format!("{room}/members?limit=2")).await.json();
    let next = page["next"].as_str().unwrap().to_owned();
    assert_eq!(ann.get(&format!("{room}/members?cursor={next}")).await.json()["items"].as_array().unwrap().len(), 1);
    ann.delete(&format!("{room}/members/me")).await.is(409, "conflict");
    cid.delete(&bobs).await.is(204, "");
    cid.delete(&bobs).await.is(404, "not_found");
    cid.put(&format!("{room}/bans/{}", bob.id), json!({})).await.is(204, "");
    assert_eq!(cid.get(&format!("{room}/bans")).await.json()["items"][0]["user"], json!(bob.id));
    bob.put(&format!("{room}/members/me"), json!({})).await.is(403, "forbidden");
    cid.delete(&format!("{room}/bans/{}", bob.id)).await.is(204, "");
    bob.put(&format!("{room}/members/me"), json!({})).await.is(201, "");
    bob.delete(&format!("{room}/members/me")).await.is(204, "");
    ann.put(&format!("{room}/members/nonsense"), json!({})).await.is(404, "not_found");
}

#[actix_web::test]
async fn the_directory_is_paged_and_its_cursors_are_its_own() {
    let (ann, bob, _) = three().await;
    for _ in 0..3 {
        ann.makes("public", &[]).await;
    }
    ann.makes("private", &[]).await;
    let page = bob.get("/rooms?scope=public&q=ROOM&limit=2").await.json();
    let next = page["next"].as_str().unwrap();
    let rest = bob.get(&format!("/rooms?scope=public&q=ROOM&cursor={next}")).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &json!(null)));
    bob.get(&format!("/rooms?cursor={next}")).await.is(400, "bad_request");
    let mut tampered = next.to_owned();
    tampered.replace_range(3..4, if next.as_bytes()[3] == b'A' { "B" } else { "A" });
    bob.get(&format!("/rooms?scope=public&q=ROOM&cursor={tampered}")).await.is(400, "bad_request");
    assert_eq!(bob.get("/rooms").await.json(), json!({"items": [], "next": null}));
}

#[actix_web::test]
async fn an_invite_lets_in_until_it_is_spent() {
    let (ann, bob, cid) = three().await;
    let room = ann.makes("private", &[]).await;
    let made = ann.post(&format!("{room}/invites"), json!({"expires_in": 60, "max_uses": 1})).await;
    made.is(201, "");
    let (id, code) = (made.json()["id"].clone(), made.json()["code"].as_str().unwrap().to_owned());
    let list = ann.get(&format!("{room}/invites")).await;
    assert!(!list.body.contains(&code), "the code is shown once");
    assert_eq!(list.json()["items"][0]["id"], id);
    let came = bob.call("POST", &format!("/invites/{code}"), &[], None).await;
    came.is(200, "");
    assert_eq!(came.json()["member"]["user"], json!(bob.id));
    assert_eq!(format!("/rooms/{}", came.json()["room"]["id"].as_str().unwrap()), room);
    cid.post(&format!("/invites/{code}"), json!({})).await.is(410, "gone");
    cid.post("/invites/unknown", json!({})).await.is(404, "not_found");
    let expiring = ann.post(&format!("{room}/invites"), json!({"expires_in": 60})).await.json();
    cid.house.clock.pass(61);
    cid.post(&format!("/invites/{}", expiring["code"].as_str().unwrap()), json!({})).await.is(410, "gone");
    let bare = ann.call("POST", &format!("{room}/invites"), &[], None).await;
    assert_eq!((bare.status, &bare.json()["expires_at"]), (201, &json!(null)));
    let id = bare.json()["id"].as_str().unwrap().to_owned();
    ann.delete(&format!("{room}/invites/{id}")).await.is(204, "");
    cid.post(&format!("/invites/{}", bare.json()["code"].as_str().unwrap()), json!({})).await.is(404, "not_found");
    for wish in [json!({"expires_in": 0}), json!({"expires_in": 31_536_001}), json!({"max_uses": 0})] {
        ann.post(&format!("{room}/invites"), wish).await.is(422, "invalid_field");
    }
}

#[actix_web::test]
async fn the_fifty_first_pin_is_a_conflict() {
    let (ann, _, _) = three().await;
    let room = ann.makes("private", &[]).await;
    for n in 0..51 {
        let seq = ann.says(&room, &format!("nonce-{n:04}"), "x").await["seq"].clone();
        let (status, code) = if n < 50 { (204, "") } else { (409, "conflict") };
        ann.call("PUT", &format!("{room}/pins/{seq}"), &[], None).await.is(status, code);
    }
    let pins = ann.get(&room).await.json()["pins"].as_array().unwrap().clone();
    ann.delete(&format!("{room}/pins/{}", pins[0])).await.is(204, "");
    assert_eq!(ann.get(&room).await.json()["pins"].as_array().unwrap().len(), 49);
}
