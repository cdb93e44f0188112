//! Messages over REST: posting, replays, pages, edits, tombstones, reactions, pins, polling, search.

use serde_json::{Value, json};

use crate::harness::{Replica, User, encode, has, names, nonce, spawn_app};

struct Pair {
    alice: User,
    bob: User,
    room: String,
    _app: crate::harness::App,
}

/// Alice owns a private room, Bob is in it.
async fn pair() -> Pair {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("pair", &[&bob]).await;
    Pair { alice, bob, room, _app: app }
}

fn seqs(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|message| message["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_answered_whole_and_once_for_each_nonce() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let path = format!("/rooms/{room}/messages");
    let head = alice.head(room).await;
    let body = json!({"text": "one\r\ntwo", "nonce": nonce()});
    let message = alice.post(&path, body.clone()).await.is(201);
    assert_eq!(
        names(&message),
        "at author deleted edited_at mentions mentions_room nonce reactions reply_to rev room seq text"
    );
    has(
        &message,
        json!({"room": room, "seq": head + 1, "rev": head + 1, "author": alice.id, "text": "one\ntwo", "reply_to": null, "mentions": [],
            "mentions_room": false, "reactions": [], "edited_at": null, "deleted": false, "nonce": body["nonce"]}),
    );
    let replay = alice.post(&path, body.clone()).await;
    assert_eq!(replay.header("idempotent-replayed"), Some("true"));
    assert_eq!(replay.is(200), message);
    assert_eq!(alice.head(room).await, head + 1);
    let reply = bob.post(&path, json!({"text": "an answer", "nonce": body["nonce"], "reply_to": head + 1})).await;
    assert_eq!(reply.header("idempotent-replayed"), None, "nonces are per author");
    has(&reply.is(201), json!({"seq": head + 2, "reply_to": head + 1}));
    // The nonce is its author's business.
    let seen = bob.get(&format!("{path}/{}", head + 1)).await.is(200);
    assert!(seen.get("nonce").is_none_or(Value::is_null), "{seen}");
    assert_eq!(alice.get(&format!("{path}/{}", head + 1)).await.is(200)["nonce"], body["nonce"]);
}

#[tokio::test]
async fn n3_a_nonce_with_other_content_is_a_conflict_whatever_became_of_the_message() {
    let Pair { alice, room, .. } = &pair().await;
    let path = format!("/rooms/{room}/messages");
    let first = alice.posts(room, "first").await;
    let body = json!({"text": "original", "nonce": nonce(), "reply_to": first["seq"]});
    let message = alice.post(&path, body.clone()).await.is(201);
    let at = format!("{path}/{}", message["seq"]);
    let change = |name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body
    };
    let other_contents =
        [change("text", json!("changed")), change("reply_to", Value::Null), change("text", json!("original "))];
    for body in &other_contents {
        alice.post(&path, body.clone()).await.refuses(422, "nonce_conflict");
    }
    // Compared with the original, not with what an edit made of it.
    alice.patch(&at, json!({"text": "edited"})).await.is(200);
    assert_eq!(alice.post(&path, body.clone()).await.is(200)["seq"], message["seq"]);
    alice.post(&path, change("text", json!("edited"))).await.refuses(422, "nonce_conflict");
    alice.delete(&at).await.is(204);
    assert_eq!(alice.post(&path, body.clone()).await.is(200)["seq"], message["seq"], "a tombstone keeps its nonce");
    alice.post(&path, other_contents[0].clone()).await.refuses(422, "nonce_conflict");
}

#[tokio::test]
async fn n2_one_nonce_50_times_at_once_over_both_doors_is_one_message() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let path = format!("/rooms/{room}/messages");
    let head = alice.head(room).await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(alice.connects().await);
    }
    let once = json!({"text": "once", "nonce": nonce()});
    let frame = json!({"type": "send", "room": room, "nonce": once["nonce"], "text": "once"});
    let over_rest = futures_util::future::join_all((0..25).map(|_| alice.post(&path, once.clone())));
    let over_sockets = futures_util::future::join_all(sockets.iter_mut().map(async |socket| {
        let ids = socket.begins_all((0..5).map(|_| frame.clone())).await;
        let mut answers = Vec::new();
        for id in ids {
            answers.push(socket.answer(id, "send").await);
        }
        answers
    }));
    let (replies, answers) = futures_util::future::join(over_rest, over_sockets).await;
    let mut fresh = 0;
    for reply in replies {
        fresh += usize::from(reply.status == 201);
        let message = reply.json();
        assert_eq!((&message["seq"], &message["text"]), (&json!(head + 1), &json!("once")));
    }
    for answer in answers.into_iter().flatten() {
        has(&answer, json!({"type": "ok", "seq": head + 1, "rev": head + 1}));
        fresh += usize::from(answer["duplicate"] == false);
    }
    assert_eq!(fresh, 1);
    assert_eq!(bob.history(room).await.len(), 1);
}

#[tokio::test]
async fn replays_are_answered_where_a_new_message_would_be_refused() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_room("replays").await;
    bob.joins(&room).await;
    let path = format!("/rooms/{room}/messages");
    let body = json!({"text": "mine", "nonce": nonce()});
    alice.patch(&format!("/rooms/{room}"), json!({"slow_mode_s": 600})).await.is(200);
    let seq = bob.post(&path, body.clone()).await.is(201)["seq"].clone();
    let mut socket = bob.connects().await;
    let frame = json!({"type": "send", "room": room, "nonce": body["nonce"], "text": "mine"});
    let again = async |socket: &mut crate::harness::Socket, what: &str| {
        let reply = bob.post(&path, body.clone()).await;
        assert_eq!((reply.status, reply.json()["seq"].clone()), (200, seq.clone()), "{what}: {}", reply.text());
        has(&socket.done(frame.clone()).await, json!({"seq": seq, "duplicate": true}));
        let other = bob.post(&path, json!({"text": "new", "nonce": nonce()})).await;
        assert!([403, 429].contains(&other.status), "{what}: a new message {}", other.text());
    };
    again(&mut socket, "slow mode").await;
    alice.mutes(&room, &bob, "2099-01-01T00:00:00.000Z").await;
    again(&mut socket, "muted").await;
    alice.patch(&format!("/rooms/{room}"), json!({"archived": true})).await.is(200);
    again(&mut socket, "archived").await;
    alice.patch(&format!("/rooms/{room}"), json!({"archived": false})).await.is(200);
    alice.kicks(&room, &bob).await;
    again(&mut socket, "kicked").await;
    alice.bans(&room, &bob).await;
    again(&mut socket, "banned").await;
    alice.delete(&format!("/rooms/{room}")).await.is(204);
    bob.post(&path, body.clone()).await.refuses(404, "not_found");
    socket.refused(frame.clone(), "not_found").await;
}

#[tokio::test]
async fn u3_texts_hold_no_control_characters_and_are_not_empty() {
    let Pair { alice, room, .. } = &pair().await;
    for text in [
        "",
        " ",
        "\n\t ",
        "\u{3000}",
        "a\0b",
        "a\u{1}b",
        "a\u{1b}[31mb",
        "a\rb",
        "a\u{7f}b",
        "a\u{85}b",
        "a\u{9b}b",
        "a\u{fffe}b",
        "a\u{ffff}b",
        "a\u{fdd0}b",
        "a\u{1fffe}b",
    ] {
        alice.tries_to_post(room, text).await.refuses_field("/text");
    }
    let longest = "🦀".repeat(4_000);
    for text in [
        "a\nb\tc",
        "\u{202e}sdrawkcab",
        "  x  ",
        "👩\u{200d}👩",
        longest.as_str(),
        "<img src=x onerror=alert(1)>",
        "e\u{301}",
    ] {
        assert_eq!(alice.posts(room, text).await["text"], text, "u4: stored as it is");
    }
    assert_eq!(alice.tries_to_post(room, &"🦀".repeat(4_001)).await.refuses_field("/text"), "too_long");
    let path = format!("/rooms/{room}/messages");
    for bad in ["", "short12", "has space", "dotted.nonce", "ümlaut-nonce", &"n".repeat(65)] {
        alice.post(&path, json!({"text": "x", "nonce": bad})).await.refuses_field("/nonce");
    }
    alice.post(&path, json!({"text": "x", "nonce": "n".repeat(64)})).await.is(201);
    alice.post(&path, json!({"text": "x", "nonce": "Az_-4567"})).await.is(201);
    alice.post(&path, json!({"text": "x"})).await.refuses(422, "invalid_field");
    alice.post(&path, json!({"text": "x", "nonce": nonce(), "reply_to": "1"})).await.refuses(422, "invalid_field");
}

#[tokio::test]
async fn pages_of_history_go_by_seq_in_every_direction() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let first = alice.head(room).await + 1;
    for n in 0..10 {
        alice.posts(room, &format!("message {n}")).await;
    }
    let last = first + 9;
    let page = async |query: &str| bob.get(&format!("/rooms/{room}/messages?{query}")).await.is(200);
    let newest = page("limit=3").await;
    assert_eq!(names(&newest), "epoch floor head items more_after more_before");
    assert_eq!(seqs(&newest), [last - 2, last - 1, last]);
    has(&newest, json!({"head": last, "floor": 0, "more_before": true, "more_after": false}));
    assert!(newest["epoch"].as_str().is_some_and(|epoch| !epoch.is_empty()));

    let before = page(&format!("before={}&limit=3", last - 2)).await;
    assert_eq!(seqs(&before), [last - 5, last - 4, last - 3]);
    has(&before, json!({"more_before": true, "more_after": true}));
    let start = page(&format!("before={}", first + 2)).await;
    assert_eq!(seqs(&start), [first, first + 1]);
    has(&start, json!({"more_before": false, "more_after": true}));

    let after = page(&format!("after={}&limit=4", first)).await;
    assert_eq!(seqs(&after), [first + 1, first + 2, first + 3, first + 4]);
    has(&after, json!({"more_before": true, "more_after": true}));
    let end = page(&format!("after={}", last - 1)).await;
    assert_eq!(seqs(&end), [last]);
    assert_eq!(end["more_after"], false);
    let from_zero = page("after=0&limit=100").await;
    assert_eq!(seqs(&from_zero), (first..=last).collect::<Vec<_>>());

    let around = page(&format!("around={}&limit=5", first + 4)).await;
    assert_eq!(seqs(&around), (first + 2..=first + 6).collect::<Vec<_>>());
    has(&around, json!({"more_before": true, "more_after": true}));

    for query in [format!("after={last}"), format!("after={}", last + 100)] {
        assert_eq!(seqs(&page(&query).await), [0_u64; 0], "{query}");
    }
    for query in [
        "before=1&after=2",
        "before=3&around=3",
        "after=1&around=1",
        "limit=0",
        "limit=101",
        "limit=x",
        "before=-1",
        "after=x",
        "around=1.5",
    ] {
        bob.get(&format!("/rooms/{room}/messages?{query}")).await.refuses(400, "bad_request");
    }
}

#[tokio::test]
async fn one_message_has_a_validator() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let message = alice.posts(room, "validate me").await;
    let path = format!("/rooms/{room}/messages/{}", message["seq"]);
    let reply = bob.get(&path).await;
    let etag = reply.header("etag").unwrap().to_owned();
    assert_eq!(etag, format!("\"{}\"", message["rev"]));
    assert_eq!(bob.request("GET", &path).header("If-None-Match", &etag).send(bob.to).await.status, 304);
    let edited = alice.patch(&path, json!({"text": "edited"})).await.is(200);
    let fresh = bob.request("GET", &path).header("If-None-Match", &etag).send(bob.to).await;
    assert_eq!(fresh.header("etag"), Some(format!("\"{}\"", edited["rev"]).as_str()));
    for seq in ["0", "999999", "-1", "x", "1.5", "9007199254740992", "99999999999999999999"] {
        bob.get(&format!("/rooms/{room}/messages/{seq}")).await.refuses(404, "not_found");
    }
    // A number of the log that is no message.
    bob.get(&format!("/rooms/{room}/messages/1")).await.refuses(404, "not_found");
}

#[tokio::test]
async fn only_the_author_edits_and_the_same_text_is_no_edit() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let message = bob.posts(room, "draft").await;
    let path = format!("/rooms/{room}/messages/{}", message["seq"]);
    alice.patch(&path, json!({"text": "censored"})).await.refuses(403, "forbidden");
    let edited = bob.patch(&path, json!({"text": "final"})).await.is(200);
    let head = alice.head(room).await;
    has(&edited, json!({"seq": message["seq"], "rev": head, "text": "final", "at": message["at"], "deleted": false}));
    assert!(edited["edited_at"].is_string());
    assert_eq!(bob.patch(&path, json!({"text": "final"})).await.is(200), edited);
    assert_eq!(alice.head(room).await, head);
    bob.patch(&path, json!({"text": ""})).await.refuses_field("/text");
    bob.patch(&path, json!({})).await.refuses(422, "invalid_field");
}

#[tokio::test]
async fn author_or_admin_leaves_a_tombstone() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let (by_bob, by_alice) = (bob.posts(room, "@here? oops").await, alice.posts(room, "mine").await);
    let path = |message: &Value| format!("/rooms/{room}/messages/{}", message["seq"]);
    bob.delete(&path(&by_alice)).await.refuses(403, "forbidden");
    alice.puts(&format!("{}/reactions/{}", path(&by_bob), encode("👍"))).await.is(204);
    alice.delete(&path(&by_bob)).await.is(204);
    let head = alice.head(room).await;
    alice.delete(&path(&by_bob)).await.is(204);
    bob.delete(&path(&by_bob)).await.is(204);
    assert_eq!(alice.head(room).await, head, "deleting the deleted takes no number");
    bob.get(&path(&by_bob)).await.refuses(410, "gone");
    bob.patch(&path(&by_bob), json!({"text": "back"})).await.refuses(410, "gone");
    bob.puts(&format!("{}/reactions/{}", path(&by_bob), encode("👍"))).await.refuses(410, "gone");
    bob.delete(&format!("{}/reactions/{}", path(&by_bob), encode("👍"))).await.refuses(410, "gone");
    let tombstone = alice.history(room).await.into_iter().find(|message| message["seq"] == by_bob["seq"]).unwrap();
    has(&tombstone, json!({"deleted": true, "author": bob.id, "rev": head}));
    for (name, empty) in [
        ("text", [json!(null), json!("")]),
        ("mentions", [json!(null), json!([])]),
        ("reactions", [json!(null), json!([])]),
    ] {
        assert!(empty.contains(tombstone.get(name).unwrap_or(&Value::Null)), "{name} of {tombstone}");
    }
    // A reply to a tombstone is a reply to a message of the room.
    let reply = json!({"text": "what was it?", "nonce": nonce(), "reply_to": by_bob["seq"]});
    assert!([201, 410].contains(&alice.post(&format!("/rooms/{room}/messages"), reply).await.status));
}

#[tokio::test]
async fn reactions_are_counted_once_for_each_person() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let message = alice.posts(room, "react").await;
    let path = format!("/rooms/{room}/messages/{}", message["seq"]);
    let thumb = format!("{path}/reactions/{}", encode("👍"));
    let flag = format!("{path}/reactions/{}", encode("🏳️‍🌈"));
    alice.puts(&thumb).await.is(204);
    bob.puts(&thumb).await.is(204);
    bob.puts(&flag).await.is(204);
    let head = alice.head(room).await;
    bob.puts(&thumb).await.is(204);
    assert_eq!(alice.head(room).await, head, "already there");
    let seen = bob.get(&path).await.is(200);
    assert_eq!(seen["rev"], head);
    assert_eq!(
        seen["reactions"],
        json!([{"emoji": "👍", "count": 2, "me": true}, {"emoji": "🏳️‍🌈", "count": 1, "me": true}])
    );
    let seen = alice.get(&path).await.is(200);
    assert_eq!(seen["reactions"][0], json!({"emoji": "👍", "count": 2, "me": true}));
    assert!(seen["reactions"][1].get("me").is_none_or(|me| me == false), "{seen}");
    let all = alice.get(&format!("{path}/reactions")).await.is(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 3, "{all}");
    assert_eq!(names(&all["items"][0]), "emoji user");
    let thumbs = alice.get(&format!("{path}/reactions?emoji={}", encode("👍"))).await.is(200);
    let users: std::collections::BTreeSet<String> =
        thumbs["items"].as_array().unwrap().iter().map(|one| one["user"].as_str().unwrap().to_owned()).collect();
    assert_eq!(users, [alice.id.clone(), bob.id.clone()].into());
    bob.delete(&thumb).await.is(204);
    let head = alice.head(room).await;
    bob.delete(&thumb).await.is(204);
    assert_eq!(alice.head(room).await, head, "not there any more");
    assert_eq!(alice.get(&path).await.is(200)["reactions"][0]["count"], 1);
    for nonsense in ["x", "thumbsup", &encode("👍👍"), "%20", &encode("\u{202e}")] {
        let reply = bob.puts(&format!("{path}/reactions/{nonsense}")).await;
        assert!([404, 422].contains(&reply.status), "{nonsense}: {}", reply.text());
    }
    bob.puts(&format!("/rooms/{room}/messages/999999/reactions/{}", encode("👍"))).await.refuses(404, "not_found");
}

#[tokio::test]
async fn admins_pin_up_to_fifty_messages() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let mut sent = Vec::new();
    for n in 0..51 {
        sent.push(alice.posts(room, &format!("pin {n}")).await["seq"].as_u64().unwrap());
    }
    let pin = |seq: u64| format!("/rooms/{room}/pins/{seq}");
    bob.puts(&pin(sent[0])).await.refuses(403, "forbidden");
    for seq in &sent[..50] {
        alice.puts(&pin(*seq)).await.is(204);
    }
    alice.puts(&pin(sent[50])).await.refuses(409, "conflict");
    let head = alice.head(room).await;
    alice.puts(&pin(sent[0])).await.is(204);
    assert_eq!(alice.head(room).await, head, "already pinned");
    let pins = bob.get(&format!("/rooms/{room}")).await.is(200)["pins"].clone();
    let mut pins: Vec<u64> = pins.as_array().unwrap().iter().map(|seq| seq.as_u64().unwrap()).collect();
    pins.sort_unstable();
    assert_eq!(pins, sent[..50]);
    alice.delete(&pin(sent[0])).await.is(204);
    alice.puts(&pin(sent[50])).await.is(204);
    alice.puts(&pin(999_999)).await.refuses(404, "not_found");
    bob.delete(&pin(sent[50])).await.refuses(403, "forbidden");
}

#[tokio::test]
async fn s5_nothing_of_another_room_can_be_named() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let other = alice.creates_private_room("other", &[]).await;
    // Far beyond the numbers of the first room.
    for n in 0..6 {
        alice.posts(&other, &format!("secret {n}")).await;
    }
    let foreign = alice.head(&other).await;
    assert!(foreign > alice.head(room).await);
    let at = format!("/rooms/{room}/messages/{foreign}");
    let reply = json!({"text": "see", "nonce": nonce(), "reply_to": foreign});
    bob.post(&format!("/rooms/{room}/messages"), reply).await.refuses(404, "not_found");
    bob.get(&at).await.refuses(404, "not_found");
    bob.patch(&at, json!({"text": "x"})).await.refuses(404, "not_found");
    alice.patch(&at, json!({"text": "x"})).await.refuses(404, "not_found");
    alice.delete(&at).await.refuses(404, "not_found");
    bob.puts(&format!("{at}/reactions/{}", encode("👍"))).await.refuses(404, "not_found");
    alice.puts(&format!("/rooms/{room}/pins/{foreign}")).await.refuses(404, "not_found");
    let mut socket = bob.connects().await;
    for frame in [
        json!({"type": "send", "room": room, "nonce": nonce(), "text": "x", "reply_to": foreign}),
        json!({"type": "edit", "room": room, "seq": foreign, "text": "x"}),
        json!({"type": "delete", "room": room, "seq": foreign}),
        json!({"type": "react", "room": room, "seq": foreign, "emoji": "👍", "on": true}),
    ] {
        socket.refused(frame, "not_found").await;
    }
}

#[tokio::test]
async fn polling_sees_the_same_as_a_socket() {
    let Pair { alice, bob, room, .. } = &pair().await;
    let page = bob.get(&format!("/rooms/{room}/messages")).await.is(200);
    let (epoch, head) = (page["epoch"].as_str().unwrap(), page["head"].as_u64().unwrap());
    let changes = async |after: u64, limit: u64| {
        bob.get(&format!("/rooms/{room}/changes?epoch={epoch}&after={after}&limit={limit}")).await
    };
    let mut socket = bob.connects().await;
    socket.subscribes(room).await;
    let (mut live, mut polled, mut stepwise) = (Replica::at(head), Replica::at(head), Replica::at(head));
    for n in 0..6 {
        alice.posts(room, &format!("message {n}")).await;
    }
    let seq = head + 2;
    alice.patch(&format!("/rooms/{room}/messages/{seq}"), json!({"text": "edited"})).await.is(200);
    alice.delete(&format!("/rooms/{room}/messages/{}", seq + 1)).await.is(204);
    bob.puts(&format!("/rooms/{room}/messages/{seq}/reactions/{}", encode("👍"))).await.is(204);
    alice.patch(&format!("/rooms/{room}"), json!({"topic": "changed"})).await.is(200);
    alice.mutes(room, bob, "2099-01-01T00:00:00.000Z").await;
    let end = alice.head(room).await;
    while live.cursor < end {
        let event = socket
            .wait(crate::harness::PATIENCE, "an event", |frame| {
                frame["type"] == "event" && frame["room"] == room.as_str()
            })
            .await;
        live.apply(&event);
    }
    let batch = changes(head, 500).await.is(200);
    for name in ["epoch", "from", "to", "head", "more", "messages", "members"] {
        assert!(batch.get(name).is_some(), "{name} of {batch}");
    }
    polled.apply_batch(&batch);
    assert_eq!(polled, live);
    while stepwise.cursor < end {
        stepwise.apply_batch(&changes(stepwise.cursor, 2).await.is(200));
    }
    assert_eq!(stepwise, live);
    let nothing = changes(end, 500).await.is(200);
    has(&nothing, json!({"from": end, "to": end, "messages": [], "members": [], "more": false}));
    changes(end + 1, 500).await.refuses(410, "reset_required");
    bob.get(&format!("/rooms/{room}/changes?epoch=another&after=0")).await.refuses(410, "reset_required");
    for query in ["limit=0", "limit=501", "after=x", "after=-1"] {
        bob.get(&format!("/rooms/{room}/changes?epoch={epoch}&{query}")).await.refuses(400, "bad_request");
    }
}
