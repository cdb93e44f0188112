//! An embedded chat moves into a cluster by one command, and nobody's client notices but for the address.

use std::process::Output;

use chat_contract::{Stores, model::agree_across_a_copy};
use chat_memory::Memory;
use chat_postgres::Postgres;
use chat_sqlite::Sqlite;
use serde_json::json;

use crate::{
    harness::{App, Replica, SECRET, Socket, User, encode},
    record::{self, runs},
};

async fn copy(from: &str, to: &str) -> Output {
    runs(&["copy", "--from", from, "--to", to], &[]).await
}

#[tokio::test]
async fn an_embedded_chat_moves_into_a_cluster_whole() {
    let mut old = App::usual().set("STORE__URL", "sqlite:chat.db").set("REDIS__URL", "").spawn().await;
    let (alice, bob) = (old.user("alice").await, old.user("bob").await);
    let room = alice.creates_private_room("moved", &[&bob]).await;
    for n in 0..30 {
        alice.posts(&room, &format!("said {n} to @{}", bob.username)).await;
    }
    let edited = alice.posts(&room, "draft").await["seq"].as_u64().unwrap();
    alice.patch(&format!("/rooms/{room}/messages/{edited}"), json!({"text": "final"})).await.is(200);
    bob.puts(&format!("/rooms/{room}/messages/{edited}/reactions/{}", encode("👍"))).await.is(204);
    alice.puts(&format!("/rooms/{room}/pins/{edited}")).await.is(204);
    bob.reads(&room, 10).await;
    let nonced = json!({"text": "once", "nonce": "sent-before-the-move"});
    let first = alice.post(&format!("/rooms/{room}/messages"), nonced.clone()).await.is(201);
    let hook = alice.post(&format!("/rooms/{room}/webhooks"), json!({"name": "CI"})).await.is(201);
    let url = hook["url"].as_str().unwrap().trim_start_matches("/api/v1").to_owned();
    let built = json!({"text": "built", "nonce": "built-before-the-move"});
    let built_at = old.anonymous("POST", &url, Some(built.clone())).await.is(201)["seq"].clone();
    let epoch = bob.get(&format!("/rooms/{room}/messages?limit=1")).await.is(200)["epoch"].clone();
    let (history, line) = (bob.history(&room).await, bob.syncs(&room).await.unwrap());
    let head = bob.head(&room).await;
    old.signal(rustix::process::Signal::TERM);
    old.ended().await;
    let (from, to) = (format!("sqlite:{}", old.directory().join("chat.db").display()), record::database());
    let copied = copy(&from, &to).await;
    let said = String::from_utf8_lossy(&copied.stdout).into_owned();
    assert!(copied.status.success(), "{said}{}", String::from_utf8_lossy(&copied.stderr));
    assert!(said.contains("messages") && said.ends_with("copied and verified\n"), "{said}");
    // Again: nothing to do, and the same is said.
    assert_eq!(String::from_utf8_lossy(&copy(&from, &to).await.stdout), said);
    let node = App::usual().set("STORE__URL", &to).spawn().await;
    let there = |user: &User| user.at(&node);
    assert_eq!(there(&bob).history(&room).await, history);
    assert_eq!(there(&bob).syncs(&room).await.unwrap(), line);
    let sought = there(&bob).get("/search?q=%22aid%201%22").await.is(200);
    assert_eq!(sought["items"].as_array().unwrap().len(), 11, "{sought}");
    // A cursor of before is good, a nonce of before is known, a refresh token of before signs in.
    let mut socket: Socket = there(&bob).connects().await;
    assert_eq!(socket.resumes(&room, &epoch, 5).await["status"], "catchup");
    let mut replica = Replica::at(5);
    while replica.cursor < head {
        replica.apply(&socket.hears("batch").await);
    }
    assert_eq!(there(&alice).post(&format!("/rooms/{room}/messages"), nonced).await.is(200)["seq"], first["seq"]);
    assert_eq!(node.anonymous("POST", &url, Some(built)).await.is(200)["seq"], built_at);
    let refresh = json!({"refresh_token": bob.refresh});
    node.anonymous("POST", "/sessions/refresh", Some(refresh)).await.is(200);
    assert_eq!(there(&alice).posts(&room, "goes on").await["seq"], head + 1);
}

#[tokio::test]
async fn a_chat_in_use_is_not_overwritten() {
    let mut old = App::usual().set("STORE__URL", "sqlite:chat.db").set("REDIS__URL", "").spawn().await;
    old.user("somebody").await;
    old.kill().await;
    let to = record::database();
    let node = App::usual().set("STORE__URL", &to).spawn().await;
    let alice = node.user("alice").await;
    let refused = copy(&format!("sqlite:{}", old.directory().join("chat.db").display()), &to).await;
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("the target holds another chat"), "{why}");
    alice.get("/me").await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_moved_in_the_middle_answers_as_if_it_had_not() {
    for seed in [1, 2, 3, 5] {
        let directory = tempfile::tempdir().unwrap();
        let old = Sqlite::open(directory.path().join("chat.db"), &chat_sqlite::Settings::default()).unwrap();
        let new = Postgres::open(&record::database(), &chat_postgres::Settings::default()).await.unwrap();
        let from = (&Stores::of(old.clone()), &old as _);
        let to = (&Stores::of(new.clone()), &new as _);
        agree_across_a_copy(seed, 200, &Stores::of(Memory::new()), from, to).await;
    }
}

#[tokio::test]
async fn a_copy_of_a_server_that_runs_is_refused() {
    let old = App::usual().set("STORE__URL", "sqlite:chat.db").set("REDIS__URL", "").spawn().await;
    old.user("somebody").await;
    let refused = copy(&format!("sqlite:{}", old.directory().join("chat.db").display()), &record::database()).await;
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("stop it first"), "{why}");
    old.user("else").await;
}

#[tokio::test]
async fn a_chat_that_moved_is_not_overwritten_by_what_it_was() {
    let mut old = App::usual().set("STORE__URL", "sqlite:chat.db").set("REDIS__URL", "").spawn().await;
    let alice = old.user("alice").await;
    let room = alice.creates_private_room("moved", &[]).await;
    alice.posts(&room, "before").await;
    old.kill().await;
    let (from, to) = (format!("sqlite:{}", old.directory().join("chat.db").display()), record::database());
    assert!(copy(&from, &to).await.status.success());
    let node = App::usual().set("STORE__URL", &to).spawn().await;
    let head = alice.at(&node).posts(&room, "after").await["seq"].clone();
    assert_eq!(copy(&from, &to).await.status.code(), Some(1));
    assert_eq!(alice.at(&node).history(&room).await.last().unwrap()["seq"], head);
    assert_eq!(alice.at(&node).posts(&room, "and on").await["seq"], head.as_u64().unwrap() + 1);
}

#[tokio::test]
async fn a_record_that_was_copied_in_part_is_not_served() {
    let to = record::database();
    let name = to.rsplit('/').next().unwrap();
    record::postgres().run_sql(name, "UPDATE meta SET filling = TRUE").unwrap();
    let refused = runs(&["serve"], &[("DATABASE_URL", &to), ("CHAT_AUTH__SECRET", SECRET)]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("begun and not finished"));
}
