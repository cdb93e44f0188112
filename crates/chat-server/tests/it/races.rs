//! Many at once: what must happen once happens once, what must hold holds afterwards.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{App, Reply, User, encode, nonce, spawn_app};

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

async fn people(app: &App, count: usize) -> Vec<User> {
    let mut people = Vec::new();
    for _ in 0..count {
        people.push(app.user("crowd").await);
    }
    people
}

#[tokio::test]
async fn one_of_many_gets_the_username() {
    let app = spawn_app().await;
    let body = json!({"username": "wanted", "password": "correct horse"});
    let replies = join_all((0..10).map(|_| app.anonymous("POST", "/accounts", Some(body.clone())))).await;
    assert_eq!((count(&replies, 201), count(&replies, 409)), (1, 9));
}

#[tokio::test]
async fn one_of_many_changes_under_the_same_validator() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_room("contended").await;
    let path = format!("/rooms/{room}");
    let etag = alice.get(&path).await.header("etag").unwrap().to_owned();
    let change = |n: usize| {
        alice
            .request("PATCH", &path)
            .header("If-Match", &etag)
            .json(&json!({"topic": format!("change {n}")}))
            .send(app.address())
    };
    let replies = join_all((0..10).map(change)).await;
    assert_eq!((count(&replies, 200), count(&replies, 412)), (1, 9));
}

#[tokio::test]
async fn a_room_with_people_never_loses_its_last_owner() {
    let app = spawn_app().await;
    let people = people(&app, 3).await;
    let [one, two, member] = &people[..] else { unreachable!() };
    for _ in 0..5 {
        let room = one.creates_private_room("owned", &[two, member]).await;
        one.makes(&room, two, "owner").await;
        let path = format!("/rooms/{room}/members/me");
        let (first, second) = tokio::join!(one.delete(&path), two.delete(&path));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
        let members = member.get(&format!("/rooms/{room}/members")).await.is(200);
        assert_eq!(
            members["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["role"] == "owner" && one["in"] == true)
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn the_fiftieth_pin_is_one_of_many() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let room = alice.creates_private_room("pins", &[]).await;
    let mut seqs = Vec::new();
    for n in 0..55 {
        seqs.push(alice.posts(&room, &format!("{n}")).await["seq"].as_u64().unwrap());
    }
    let replies = join_all(seqs.iter().map(async |seq| alice.puts(&format!("/rooms/{room}/pins/{seq}")).await)).await;
    assert_eq!((count(&replies, 204), count(&replies, 409)), (50, 5));
    assert_eq!(alice.get(&format!("/rooms/{room}")).await.is(200)["pins"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn reactions_of_many_are_counted_and_every_change_has_its_number() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let people = people(&app, 8).await;
    let room = alice.creates_private_room("applause", &people.iter().collect::<Vec<_>>()).await;
    let message = alice.posts(&room, "ta-da").await;
    let seq = message["seq"].as_u64().unwrap();
    let path = format!("/rooms/{room}/messages/{seq}/reactions/{}", encode("👏"));
    let twice = people.iter().chain(&people);
    let replies = join_all(twice.map(|user| user.puts(&path))).await;
    assert_eq!(count(&replies, 204), 16);
    let seen = alice.get(&format!("/rooms/{room}/messages/{seq}")).await.is(200);
    assert_eq!(seen["reactions"], json!([{"emoji": "👏", "count": 8}]));
    assert_eq!(
        (seen["rev"].as_u64(), alice.head(&room).await),
        (Some(seq + 8), seq + 8),
        "eight changes, eight numbers"
    );
    let gone = join_all(people.iter().map(|user| user.delete(&path))).await;
    assert_eq!(count(&gone, 204), 8);
    assert_eq!(alice.get(&format!("/rooms/{room}/messages/{seq}")).await.is(200)["reactions"], json!([]));
}

#[tokio::test]
async fn joining_and_leaving_at_once_leave_no_hole_and_no_doubt() {
    let app = spawn_app().await;
    let alice = app.user("alice").await;
    let people = people(&app, 5).await;
    let room = alice.creates_room("door").await;
    let page = alice.get(&format!("/rooms/{room}/messages")).await.is(200);
    let path = format!("/rooms/{room}/members/me");
    let moves = people.iter().map(async |user| {
        let mut changes = 0;
        for _ in 0..6 {
            let (joined, left) = tokio::join!(user.puts(&path), user.delete(&path));
            changes += usize::from(joined.status == 201) + usize::from(left.status == 204);
            assert!(
                [200, 201].contains(&joined.status) && [204, 404].contains(&left.status),
                "{} {}",
                joined.status,
                left.status
            );
        }
        changes
    });
    let changes: usize = join_all(moves).await.into_iter().sum();
    let first = page["head"].as_u64().unwrap();
    assert_eq!(alice.head(&room).await, first + changes as u64, "each change took one number");
    let members = alice.get(&format!("/rooms/{room}/members")).await.is(200);
    for user in &people {
        let is_member = user.get(&format!("/rooms/{room}/messages")).await.status == 200;
        let listed =
            members["items"].as_array().unwrap().iter().any(|member| member["user"] == user.id && member["in"] == true);
        assert_eq!(is_member, listed);
        assert_eq!(user.syncs(&room).await.is_some(), listed);
    }
}

#[tokio::test]
async fn a_send_beside_a_kick_is_either_before_it_or_refused() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    for _ in 0..5 {
        let room = alice.creates_private_room("beside", &[&bob]).await;
        let path = format!("/rooms/{room}/messages");
        let sends = join_all((0..6).map(|_| bob.post(&path, json!({"text": "x", "nonce": nonce()}))));
        let (replies, ()) = tokio::join!(sends, alice.kicks(&room, &bob));
        let epoch = alice.get(&path).await.is(200)["epoch"].clone();
        let all = alice.get(&format!("/rooms/{room}/changes?after=0&epoch={}", epoch.as_str().unwrap())).await.is(200);
        let gone =
            all["members"].as_array().unwrap().iter().find(|member| member["user"] == bob.id).unwrap()["rev"].as_u64();
        for reply in replies {
            match reply.status {
                201 => assert!(reply.json()["seq"].as_u64() < gone, "posted after the removal"),
                _ => drop(reply.refuses(404, "not_found")),
            }
        }
    }
}

#[tokio::test]
async fn markers_moved_at_once_end_at_the_highest() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("markers", &[&bob]).await;
    let mut seqs: Vec<Value> = Vec::new();
    for n in 0..8 {
        seqs.push(alice.posts(&room, &format!("{n}")).await["seq"].clone());
    }
    let mut socket = bob.connects().await;
    let path = format!("/rooms/{room}/read");
    let over_rest = join_all(seqs.iter().rev().map(|seq| bob.put(&path, json!({"seq": seq}))));
    let over_socket = socket.begins_all(seqs.iter().map(|seq| json!({"type": "read", "room": room, "seq": seq})));
    let (replies, ids) = tokio::join!(over_rest, over_socket);
    for id in ids {
        socket.answer(id, "read").await;
    }
    assert_eq!(count(&replies, 204), 8);
    let entry = bob.syncs(&room).await.unwrap();
    assert_eq!((&entry["read"], &entry["unread"]), (&seqs[7], &json!(0)));
}

#[tokio::test]
async fn an_account_deleted_while_it_posts_leaves_a_room_that_holds_together() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let room = alice.creates_private_room("leaver", &[&bob]).await;
    let path = format!("/rooms/{room}/messages");
    let first = alice.head(&room).await;
    let sends = join_all((0..8).map(|_| bob.post(&path, json!({"text": "x", "nonce": nonce()}))));
    let delete = bob.request("DELETE", "/me").json(&json!({"password": bob.password})).send(app.address());
    let (replies, deleted) = tokio::join!(sends, delete);
    deleted.is(204);
    assert!(replies.iter().all(|reply| [201, 401, 404].contains(&reply.status)));
    let posted = count(&replies, 201) as u64;
    assert_eq!(alice.head(&room).await, first + posted + 1, "the posts, and the change that removed the user");
    assert_eq!(alice.history(&room).await.len() as u64, posted);
}
