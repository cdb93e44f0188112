//! Rooms and their members: creating, finding, changing, joining, leaving, roles, mutes, bans, direct rooms.

use serde_json::{Value, json};

use crate::harness::{App, User, has, names, nonce, spawn_app};

async fn members(user: &User, room: &str) -> Vec<Value> {
    user.get(&format!("/rooms/{room}/members")).await.is(200)["items"].as_array().unwrap().clone()
}

async fn direct(user: &User, other: &User) -> String {
    let reply = user.post("/rooms", json!({"kind": "direct", "members": [other.id]})).await;
    reply.is(201)["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_creates_a_room_owns_it_and_is_told_where_it_is() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let body = json!({"kind": "private", "name": "Caf\u{65}\u{301}", "topic": "about coffee", "members": [bob.id]});
    let reply = alice.post("/rooms", body).await;
    let location = reply.header("location").expect("Location").to_owned();
    let room = reply.is(201);
    assert_eq!(names(&room), "archived created_at id kind name pins rev slow_mode_s topic");
    has(
        &room,
        json!({"kind": "private", "name": "Caf\u{e9}", "topic": "about coffee", "slow_mode_s": 0, "pins": [], "archived": false}),
    );
    let id = room["id"].as_str().unwrap();
    assert!(location.ends_with(&format!("/api/v1/rooms/{id}")), "{location}");
    assert_eq!(alice.get(&format!("/rooms/{id}")).await.is(200), room);
    let all = members(&alice, id).await;
    assert_eq!(all.len(), 2);
    let owner = all.iter().find(|member| member["user"] == alice.id).unwrap();
    assert_eq!(names(owner), "banned in joined_at muted_until rev role room user");
    has(owner, json!({"room": id, "role": "owner", "in": true, "muted_until": null, "banned": false}));
    has(all.iter().find(|member| member["user"] == bob.id).unwrap(), json!({"role": "member", "in": true}));
    bob.posts(id, "I was put in").await;
    // The log began with the room and its members: no holes, the head counts them.
    let head = alice.head(id).await;
    assert_eq!(alice.history(id).await.last().unwrap()["seq"], head);
}

#[tokio::test]
async fn a_replayed_creation_is_the_same_room_and_with_other_content_a_conflict() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let body = json!({"kind": "public", "name": "once", "nonce": nonce()});
    let room = alice.post("/rooms", body.clone()).await.is(201);
    assert_eq!(alice.post("/rooms", body.clone()).await.is(200)["id"], room["id"]);
    let mut other = body.clone();
    other["name"] = "twice".into();
    alice.post("/rooms", other).await.refuses(422, "nonce_conflict");
    let bob = app.user("bob").await;
    assert_ne!(bob.post("/rooms", body.clone()).await.is(201)["id"], room["id"], "nonces are per author");
    let twenty =
        (0..20).map(|_| alice.post("/rooms", json!({"kind": "public", "name": "race", "nonce": "race-race-race"})));
    let replies = futures_util::future::join_all(twenty).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    let ids: std::collections::HashSet<String> = replies.iter().map(|reply| reply.json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn nonsense_makes_no_room() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let too_long = "я".repeat(81);
    for name in ["", "  ", "a\u{202e}b", "a\u{200b}b", "a\0b", too_long.as_str()] {
        alice.post("/rooms", json!({"kind": "public", "name": name})).await.refuses_field("/name");
    }
    alice.post("/rooms", json!({"kind": "public", "name": "я".repeat(80)})).await.is(201);
    for body in [
        json!({}),
        json!({"kind": "secret", "name": "x"}),
        json!({"kind": "public", "name": 7}),
        json!({"kind": "public", "name": "x", "members": "y"}),
    ] {
        alice.post("/rooms", body).await.refuses(422, "invalid_field");
    }
    alice.post("/rooms", json!({"kind": "public", "name": "x", "nonce": "short"})).await.refuses_field("/nonce");
}

#[tokio::test]
async fn rooms_are_listed_and_public_ones_found_page_by_page() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(alice.creates_room(&format!("Gardening {n}")).await);
    }
    let hidden = alice.creates_private_room("Gardening in secret", &[]).await;
    let walk = async |user: &User, path: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = user.get(&format!("{path}&limit=2{cursor}")).await.is(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 2);
            found.extend(items.iter().map(|room| room["id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => {
                    assert!(page["next"].is_null());
                    return found;
                }
            }
        }
    };
    let mut mine = walk(&alice, "/rooms?").await;
    assert_eq!(mine.len(), 6);
    assert!(mine.contains(&hidden));
    mine.sort();
    mine.dedup();
    assert_eq!(mine.len(), 6, "no room twice");
    assert!(walk(&bob, "/rooms?").await.is_empty());
    let mut found = walk(&bob, "/rooms?scope=public&q=gardening").await;
    found.sort();
    let mut wanted = made.clone();
    wanted.sort();
    assert_eq!(found, wanted);
    assert!(walk(&bob, "/rooms?scope=public&q=no-such-room").await.is_empty());
    let next = alice.get("/rooms?limit=2").await.is(200)["next"].as_str().unwrap().to_owned();
    let tampered = format!("{}{}", if next.starts_with('A') { 'B' } else { 'A' }, &next[1..]);
    for cursor in ["x", "%00", tampered.as_str()] {
        alice.get(&format!("/rooms?cursor={cursor}")).await.refuses(400, "bad_request");
    }
    for limit in ["0", "-1", "101", "x", ""] {
        alice.get(&format!("/rooms?limit={limit}")).await.refuses(400, "bad_request");
    }
    alice.get("/rooms?scope=everything").await.refuses(400, "bad_request");
}

#[tokio::test]
async fn a_room_is_changed_by_its_admins_under_a_validator() {
    let app = spawn_app().await;
    let (alice, admin, bob) = (app.user("alice").await, app.user("adm").await, app.user("bob").await);
    let room = alice.creates_room("changing").await;
    admin.joins(&room).await;
    bob.joins(&room).await;
    alice.makes(&room, &admin, "admin").await;
    let path = format!("/rooms/{room}");
    let reply = alice.get(&path).await;
    let etag = reply.header("etag").unwrap().to_owned();
    let before = reply.is(200);
    assert_eq!(etag, format!("\"{}\"", before["rev"]));
    assert_eq!(alice.request("GET", &path).header("If-None-Match", &etag).send(app.address()).await.status, 304);

    let mut watcher = bob.connects().await;
    watcher.subscribes(&room).await;
    let change = json!({"name": "changed", "topic": "new", "slow_mode_s": 0});
    let after = admin.request("PATCH", &path).header("If-Match", &etag).json(&change).send(app.address()).await.is(200);
    has(&after, json!({"name": "changed", "topic": "new"}));
    let event = watcher.event(&room, "room").await;
    assert_eq!(event["data"], after);
    assert_eq!((&event["seq"], &event["by"]), (&after["rev"], &json!(admin.id)));
    let stale = admin
        .request("PATCH", &path)
        .header("If-Match", &etag)
        .json(&json!({"name": "stale"}))
        .send(app.address())
        .await;
    stale.refuses(412, "precondition_failed");
    // The same again changes nothing and takes no number.
    assert_eq!(admin.patch(&path, change).await.is(200), after);
    // Absent is unchanged, null is cleared.
    let cleared = admin.patch(&path, json!({"topic": null})).await.is(200);
    assert_eq!(cleared["name"], "changed");
    assert!(cleared["topic"].is_null() || cleared["topic"] == "", "{cleared}");
    bob.patch(&path, json!({"name": "mine"})).await.refuses(403, "forbidden");
    for change in [json!({"name": ""}), json!({"slow_mode_s": -1}), json!({"archived": "yes"})] {
        admin.patch(&path, change).await.refuses(422, "invalid_field");
    }
}

#[tokio::test]
async fn an_archived_room_is_read_only_until_it_is_opened_again() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_room("archive").await;
    bob.joins(&room).await;
    let said = bob.posts(&room, "before").await;
    assert_eq!(alice.patch(&format!("/rooms/{room}"), json!({"archived": true})).await.is(200)["archived"], true);
    bob.tries_to_post(&room, "after").await.refuses(403, "forbidden");
    alice.tries_to_post(&room, "after").await.refuses(403, "forbidden");
    let path = format!("/rooms/{room}/messages/{}", said["seq"]);
    bob.patch(&path, json!({"text": "edited"})).await.refuses(403, "forbidden");
    bob.puts(&format!("{path}/reactions/%F0%9F%91%8D")).await.refuses(403, "forbidden");
    assert_eq!(bob.history(&room).await.len(), 1);
    let mut socket = bob.connects().await;
    socket.refused(json!({"type": "send", "room": room, "nonce": nonce(), "text": "no"}), "forbidden").await;
    alice.patch(&format!("/rooms/{room}"), json!({"archived": false})).await.is(200);
    bob.posts(&room, "again").await;
}

#[tokio::test]
async fn only_an_owner_deletes_a_room_and_then_nobody_finds_it() {
    let app = spawn_app().await;
    let (alice, admin) = (app.user("alice").await, app.user("adm").await);
    let room = alice.creates_room("doomed").await;
    admin.joins(&room).await;
    alice.makes(&room, &admin, "admin").await;
    alice.posts(&room, "last words").await;
    let mut socket = admin.connects().await;
    socket.subscribes(&room).await;
    admin.delete(&format!("/rooms/{room}")).await.refuses(403, "forbidden");
    alice.delete(&format!("/rooms/{room}")).await.is(204);
    has(&socket.hears("evicted").await, json!({"room": room, "reason": "deleted"}));
    let path = format!("/rooms/{room}");
    for user in [&alice, &admin] {
        user.get(&path).await.refuses(404, "not_found");
        user.get(&format!("{path}/messages")).await.refuses(404, "not_found");
        user.tries_to_post(&room, "hello?").await.refuses(404, "not_found");
        assert!(user.syncs(&room).await.is_none());
    }
    alice.delete(&path).await.refuses(404, "not_found");
    let frame = json!({"type": "subscribe", "rooms": [{"room": room}]});
    has(&socket.done(frame).await["rooms"][0], json!({"status": "error", "code": "not_found"}));
}

#[tokio::test]
async fn public_rooms_are_joined_and_private_ones_are_not() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (open, closed) = (alice.creates_room("open").await, alice.creates_private_room("closed", &[]).await);
    // A stranger may look at a public room, not into it.
    bob.get(&format!("/rooms/{open}")).await.is(200);
    bob.get(&format!("/rooms/{open}/messages")).await.refuses(403, "forbidden");
    bob.get(&format!("/rooms/{open}/members")).await.refuses(403, "forbidden");
    let member = bob.joins(&open).await;
    has(&member, json!({"room": open, "user": bob.id, "role": "member", "in": true}));
    let head = alice.head(&open).await;
    assert_eq!(bob.puts(&format!("/rooms/{open}/members/me")).await.is(200), member);
    assert_eq!(alice.head(&open).await, head, "repeating takes no number");
    bob.puts(&format!("/rooms/{closed}/members/me")).await.refuses(404, "not_found");
    bob.leaves(&open).await;
    bob.delete(&format!("/rooms/{open}/members/me")).await.refuses(404, "not_found"); // who is not there
    assert_eq!(
        alice.delete(&format!("/rooms/{open}/members/{}", bob.id)).await.refuses(404, "not_found")["status"],
        404
    );
    assert_eq!(alice.head(&open).await, head + 1);
}

#[tokio::test]
async fn a_hidden_room_answers_a_stranger_byte_for_byte_like_no_room() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let hidden = alice.creates_private_room("hidden", &[]).await;
    alice.posts(&hidden, "psst").await;
    let unknown = uuid::Uuid::now_v7().to_string();
    for (method, path, body) in [
        ("GET", "", None),
        ("PATCH", "", Some(json!({"name": "x"}))),
        ("DELETE", "", None),
        ("GET", "/members", None),
        ("PUT", "/members/me", None),
        ("GET", "/messages", None),
        ("POST", "/messages", Some(json!({"text": "x", "nonce": "12345678"}))),
        ("GET", "/messages/1", None),
        ("GET", "/changes?epoch=x&after=0", None),
        ("PUT", "/read", Some(json!({"seq": 1}))),
        ("GET", "/bans", None),
        ("GET", "/invites", None),
    ] {
        let look = async |room: &str| {
            let path = format!("/rooms/{room}{path}");
            let reply = bob
                .request(method, &path)
                .maybe_json(body.clone())
                .header("X-Request-Id", "same-same")
                .send(app.address())
                .await;
            (reply.status, reply.steady_headers(), reply.text())
        };
        let (ours, theirs) = (look(&hidden).await, look(&unknown).await);
        assert_eq!(ours.0, 404, "{method} {path}");
        assert_eq!(ours, theirs, "{method} {path}");
    }
}

#[tokio::test]
async fn admins_add_mute_and_kick_members_and_only_owners_touch_admins() {
    let app = spawn_app().await;
    let (owner, admin, second, bob, eve) = (
        app.user("owner").await,
        app.user("adm").await,
        app.user("sec").await,
        app.user("bob").await,
        app.user("eve").await,
    );
    let room = owner.creates_private_room("ranks", &[]).await;
    let at = |user: &User| format!("/rooms/{room}/members/{}", user.id);
    for user in [&admin, &second, &bob] {
        has(&owner.adds(&room, user).await, json!({"user": user.id, "in": true, "role": "member"}));
    }
    for user in [&admin, &second] {
        assert_eq!(owner.makes(&room, user, "admin").await["role"], "admin");
    }
    let head = owner.head(&room).await;
    owner.makes(&room, &admin, "admin").await;
    assert_eq!(owner.head(&room).await, head, "repeating takes no number");

    bob.put(&at(&eve), json!({})).await.refuses(403, "forbidden");
    bob.delete(&at(&second)).await.refuses(403, "forbidden");
    bob.put(&at(&bob), json!({"role": "admin"})).await.refuses(403, "forbidden");
    admin.put(&at(&bob), json!({"role": "admin"})).await.refuses(403, "forbidden");
    admin.put(&at(&second), json!({"role": "member"})).await.refuses(403, "forbidden");
    admin.put(&at(&second), json!({"muted_until": "2099-01-01T00:00:00.000Z"})).await.refuses(403, "forbidden");
    admin.delete(&at(&second)).await.refuses(403, "forbidden");
    admin.delete(&at(&owner)).await.refuses(403, "forbidden");
    admin.puts(&format!("/rooms/{room}/bans/{}", owner.id)).await.refuses(403, "forbidden");
    admin.put(&at(&admin), json!({"role": "owner"})).await.refuses(403, "forbidden");
    admin.adds(&room, &eve).await;
    admin.kicks(&room, &eve).await;
    admin.delete(&at(&eve)).await.refuses(404, "not_found");
    owner.put(&at(&bob), json!({"role": "king"})).await.refuses(422, "invalid_field");
    owner.put(&at(&bob), json!({"muted_until": "tomorrow"})).await.refuses(422, "invalid_field");
    owner.put(&format!("/rooms/{room}/members/{}", uuid::Uuid::now_v7()), json!({})).await.refuses(404, "not_found");
    owner.put(&format!("/rooms/{room}/members/nonsense"), json!({})).await.refuses(404, "not_found");
    // A second owner, so that the first may go.
    owner.delete(&format!("/rooms/{room}/members/me")).await.refuses(409, "conflict");
    owner.makes(&room, &admin, "owner").await;
    owner.leaves(&room).await;
    admin.makes(&room, &second, "member").await;
}

#[tokio::test]
async fn a_mute_holds_over_both_doors_until_its_time_and_over_a_return() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_room("quiet").await;
    bob.joins(&room).await;
    let before = json!({"text": "before", "nonce": nonce()});
    let said = bob.post(&format!("/rooms/{room}/messages"), before.clone()).await.is(201);
    let member = alice.mutes(&room, &bob, "2099-01-01T00:00:00.000Z").await;
    assert_eq!(member["muted_until"], "2099-01-01T00:00:00.000Z");
    bob.tries_to_post(&room, "hm").await.refuses(403, "muted");
    let mut socket = bob.connects().await;
    socket.refused(json!({"type": "send", "room": room, "nonce": nonce(), "text": "hm"}), "muted").await;
    // What was said before is answered again all the same.
    assert_eq!(bob.post(&format!("/rooms/{room}/messages"), before).await.is(200)["seq"], said["seq"]);
    bob.leaves(&room).await;
    bob.puts(&format!("/rooms/{room}/members/me")).await;
    bob.tries_to_post(&room, "hm").await.refuses(403, "muted");
    let member = alice.put(&format!("/rooms/{room}/members/{}", bob.id), json!({"muted_until": null})).await.is(200);
    assert!(member["muted_until"].is_null());
    bob.posts(&room, "free").await;
    // A mute that is over is none.
    alice.mutes(&room, &bob, "2020-01-01T00:00:00.000Z").await;
    bob.posts(&room, "still free").await;
}

#[tokio::test]
async fn a_ban_removes_and_keeps_out_until_it_is_lifted() {
    let app = spawn_app().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let (open, closed) = (alice.creates_room("open").await, alice.creates_private_room("closed", &[&bob]).await);
    bob.joins(&open).await;
    for room in [&open, &closed] {
        alice.bans(room, &bob).await;
        let head = alice.head(room).await;
        alice.bans(room, &bob).await;
        assert_eq!(alice.head(room).await, head, "repeating takes no number");
        let bans = alice.get(&format!("/rooms/{room}/bans")).await.is(200);
        assert!(bans.to_string().contains(&bob.id), "{bans}");
        assert_eq!(bans["items"].as_array().unwrap().len(), 1);
    }
    bob.get(&format!("/rooms/{closed}")).await.refuses(404, "not_found");
    bob.get(&format!("/rooms/{open}/messages")).await.refuses(403, "forbidden");
    bob.puts(&format!("/rooms/{open}/members/me")).await.refuses(403, "forbidden");
    bob.get(&format!("/rooms/{open}/bans")).await.refuses(403, "forbidden");
    let invite = alice.post(&format!("/rooms/{open}/invites"), json!({})).await.is(201);
    let code = invite["code"].as_str().unwrap();
    assert!([403, 404].contains(&bob.posts_nothing(&format!("/invites/{code}")).await.status));
    let again = alice.put(&format!("/rooms/{open}/members/{}", bob.id), json!({})).await;
    assert!([403, 409].contains(&again.status), "a banned user is not added: {}", again.text());
    // Somebody who never was in can be banned as well.
    alice.bans(&open, &carol).await;
    carol.puts(&format!("/rooms/{open}/members/me")).await.refuses(403, "forbidden");

    alice.delete(&format!("/rooms/{open}/bans/{}", bob.id)).await.is(204);
    has(&bob.joins(&open).await, json!({"role": "member", "banned": false, "in": true}));
}

#[tokio::test]
async fn who_comes_back_is_a_plain_member() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_room("again").await;
    bob.joins(&room).await;
    alice.makes(&room, &bob, "admin").await;
    bob.leaves(&room).await;
    has(&bob.joins(&room).await, json!({"role": "member", "in": true}));
    let all = members(&alice, &room).await;
    assert_eq!(all.iter().filter(|member| member["user"] == bob.id).count(), 1);
}

#[tokio::test]
async fn the_last_owner_leaves_only_an_empty_room() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_room("owned").await;
    bob.joins(&room).await;
    alice.delete(&format!("/rooms/{room}/members/me")).await.refuses(409, "conflict");
    // Nor may the last owner become something less.
    let reply = alice.put(&format!("/rooms/{room}/members/{}", alice.id), json!({"role": "member"})).await;
    assert_eq!(reply.status, 409, "{}", reply.text());
    bob.leaves(&room).await;
    alice.leaves(&room).await;
}

#[tokio::test]
async fn a_direct_room_is_one_for_each_pair() {
    let app = spawn_app().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let room = direct(&alice, &bob).await;
    let again = alice.post("/rooms", json!({"kind": "direct", "members": [bob.id]})).await.is(200);
    assert_eq!(again["id"], room.as_str());
    let from_the_other_side = bob.post("/rooms", json!({"kind": "direct", "members": [alice.id]})).await.is(200);
    assert_eq!(from_the_other_side["id"], room.as_str());
    for wrong in [json!([]), json!([alice.id]), json!([bob.id, carol.id])] {
        let reply = alice.post("/rooms", json!({"kind": "direct", "members": wrong})).await;
        assert!([409, 422].contains(&reply.status), "{wrong}: {}", reply.text());
    }
    let ten = (0..10).map(|_| carol.post("/rooms", json!({"kind": "direct", "members": [bob.id]})));
    let ids: std::collections::HashSet<String> =
        futures_util::future::join_all(ten).await.into_iter().map(|reply| reply.json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "one room however many ask at once");
    carol.get(&format!("/rooms/{room}")).await.refuses(404, "not_found");
    assert!(!alice.get("/rooms?scope=public").await.is(200).to_string().contains(&room));
}

#[tokio::test]
async fn in_a_direct_room_two_are_equal_and_stay_so() {
    let app = spawn_app().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let room = direct(&alice, &bob).await;
    let path = format!("/rooms/{room}");
    let all = members(&bob, &room).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["role"], all[1]["role"]);
    for user in [&alice, &bob] {
        let other = if user.id == alice.id { &bob } else { &alice };
        for change in
            [json!({"name": "x"}), json!({"topic": "x"}), json!({"slow_mode_s": 5}), json!({"archived": true})]
        {
            user.patch(&path, change).await.refuses(409, "conflict");
        }
        user.put(&format!("{path}/members/{}", other.id), json!({"role": "admin"})).await.refuses(409, "conflict");
        user.put(&format!("{path}/members/{}", carol.id), json!({})).await.refuses(409, "conflict");
        user.delete(&format!("{path}/members/{}", other.id)).await.refuses(409, "conflict");
        user.delete(&format!("{path}/members/me")).await.refuses(409, "conflict");
        user.puts(&format!("{path}/bans/{}", other.id)).await.refuses(409, "conflict");
        user.post(&format!("{path}/invites"), json!({})).await.refuses(409, "conflict");
        let said = user.posts(&room, "between us").await;
        user.puts(&format!("{path}/pins/{}", said["seq"])).await.is(204);
    }
}

#[tokio::test]
async fn slow_mode_makes_members_wait_and_admins_not() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_room("slow").await;
    bob.joins(&room).await;
    alice.patch(&format!("/rooms/{room}"), json!({"slow_mode_s": 2})).await.is(200);
    let first = json!({"text": "first", "nonce": nonce()});
    let path = format!("/rooms/{room}/messages");
    bob.post(&path, first.clone()).await.is(201);
    let problem = bob.tries_to_post(&room, "second").await.refuses(429, "slow_mode");
    let wait = problem["retry_ms"].as_u64().unwrap();
    assert!((1..=2_000).contains(&wait), "{wait}");
    bob.post(&path, first).await.is(200);
    let mut socket = bob.connects().await;
    let error =
        socket.refused(json!({"type": "send", "room": room, "nonce": nonce(), "text": "third"}), "slow_mode").await;
    assert!(error["retry"] == true && error["retry_ms"].as_u64().unwrap() <= 2_000, "{error}");
    for _ in 0..2 {
        alice.posts(&room, "admins need not wait").await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(wait + 100)).await;
    bob.posts(&room, "second").await;
}

#[tokio::test]
async fn the_limits_in_force_are_told() {
    let app = App::usual().set("LIMITS__TEXT_CHARS", 10).set("LIMITS__SUBSCRIPTIONS", 7).spawn().await;
    let meta = app.anonymous("GET", "/meta", None).await.is(200);
    assert!(meta["version"].is_string() && meta["limits"].is_object(), "{meta}");
    assert_eq!(meta["registration"], "open");
    assert_eq!(meta["limits"]["text"].as_u64().or(meta["limits"]["text_chars"].as_u64()), Some(10), "{meta}");
    let alice = app.user("alice").await;
    let socket = alice.connects().await;
    assert_eq!(socket.ready["limits"], meta["limits"], "both doors tell the same");
    assert_eq!(meta["limits"]["subscriptions"], 7);
    let room = alice.creates_room("short").await;
    alice.posts(&room, "0123456789").await;
    assert_eq!(alice.tries_to_post(&room, "0123456789a").await.refuses_field("/text"), "too_long");
}
