//! Locks that somebody else holds: waits end, queues are bounded, a caller that goes away cancels nothing, and nothing is left
//! open behind anybody.

use std::time::{Duration, Instant};

use chat_contract::{World, named};
use chat_domain::{
    ids::{RoomId, UserId},
    pages::Window,
    ports::{AccountStore, LogStore, PasswordHash, RoomStore},
};
use chat_postgres::{Postgres, Settings};
use chat_testbed::{Direction, Proxy};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

use crate::fixture::{Fresh, fresh_with, server, settings};

/// Somebody else writes, until dropped.
async fn lock(fresh: &Fresh) -> AsyncPgConnection {
    let mut other = AsyncPgConnection::establish(&fresh.database().url()).await.unwrap();
    other.batch_execute("BEGIN; SELECT * FROM rooms FOR UPDATE").await.unwrap();
    other
}

async fn lobby(settings: &Settings) -> (Fresh, World, UserId, RoomId) {
    let fresh = fresh_with(settings).await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    (fresh, world, ann, room)
}

/// Waits until no session of this database is in a transaction: an answer is given before its snapshot is let go.
async fn nothing_is_open(fresh: &Fresh) {
    let open = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";
    for _ in 0..100 {
        if fresh.database().sql(open).trim() == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a transaction stays open");
}

/// Waits until a node's session in this database is so.
async fn a_node_is(fresh: &Fresh, so: &str) {
    let such = format!(
        "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'chat' AND {so}"
    );
    for _ in 0..100 {
        if fresh.database().sql(&such).trim() != "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no node is so: {so}");
}

const WAITING: &str = "wait_event_type = 'Lock'";

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_what_was_queued_is_written() {
    let (fresh, world, ann, room) = lobby(&Settings { write_queue: 2, writers: 1, ..settings() }).await;
    let held = lock(&fresh).await;
    let mut queued = Vec::new();
    let refused = loop {
        let command = world.command(ann, room, named(&format!("queued-{}", queued.len()), "hello"));
        let store = fresh.store.clone();
        let mut sent = tokio::spawn(async move { (Instant::now(), store.commit(vec![command]).await) });
        match tokio::time::timeout(Duration::from_millis(200), &mut sent).await {
            Ok(answer) => break answer.unwrap(),
            Err(_) => queued.push(sent),
        }
        assert!(queued.len() <= 3, "one with the connection, two in its queue");
    };
    let (asked, answer) = refused;
    assert_eq!(answer.unwrap_err().reason, "the store's queue is full");
    assert!(asked.elapsed() < Duration::from_secs(1));
    drop(held);
    for sent in queued {
        let (_, answer) = sent.await.unwrap();
        assert!(answer.unwrap()[0].is_ok());
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_nothing() {
    let (fresh, world, ann, room) = lobby(&Settings { writers: 1, ..settings() }).await;
    let held = lock(&fresh).await;
    let mut post = Box::pin(fresh.store.commit(vec![world.command(ann, room, named("gone", "hello"))]));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut post).await.is_err());
    drop(post);
    drop(held);
    // The next batch is written after it, by the same connection.
    world.does(ann, room, named("here", "hello")).await.unwrap();
    let posted = fresh.store.history(ann, room, Window::Latest, 10).await.unwrap().items;
    assert_eq!(posted.len(), 2);
    nothing_is_open(&fresh).await;
}

#[tokio::test]
async fn callers_that_go_away_at_any_moment_leave_no_transaction_open() {
    let (fresh, world, ann, room) = lobby(&settings()).await;
    for number in 0..60_u64 {
        let command = world.command(ann, room, named(&format!("number-{number}"), "hello"));
        let patience = Duration::from_micros(number * 40);
        drop(tokio::time::timeout(patience, fresh.store.commit(vec![command])).await);
        drop(tokio::time::timeout(patience, fresh.store.history(ann, room, Window::Latest, 10)).await);
        drop(tokio::time::timeout(patience, fresh.store.sync(ann, world.now())).await);
    }
    nothing_is_open(&fresh).await;
    // Whoever was acknowledged or not: the numbers have no holes.
    let (head, items) =
        (world.head(room).await, world.stores.log.history(ann, room, Window::Latest, 100).await.unwrap());
    assert_eq!(items.items.len() as u64, head - 2);
}

#[tokio::test]
async fn a_lock_that_is_never_given_back_ends_the_wait_and_nothing_else() {
    let (fresh, world, ann, room) = lobby(&Settings { lock_timeout: Duration::from_millis(100), ..settings() }).await;
    let held = lock(&fresh).await;
    let command = world.command(ann, room, named("late", "hello"));
    let refused = fresh.store.commit(vec![command.clone()]).await.unwrap_err();
    assert!(refused.reason.contains("lock timeout"), "{refused}");
    assert!(fresh.store.history(ann, room, Window::Latest, 10).await.is_ok(), "readers wait for no writer");
    drop(held);
    assert!(fresh.store.commit(vec![command]).await.unwrap()[0].is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_room_fails_no_other_of_its_batch() {
    let patience = Duration::from_secs(1);
    let (fresh, world, ann, all) = lobby(&Settings { writers: 1, lock_timeout: patience, ..settings() }).await;
    let locked = world.room("locked", &[ann]).await;
    let mut hand = AsyncPgConnection::establish(&fresh.database().url()).await.unwrap();
    let hold = "BEGIN; SELECT * FROM rooms WHERE name = 'locked' FOR UPDATE";
    hand.batch_execute(hold).await.unwrap();
    let post = |room, name| world.command(ann, room, named(name, name));
    let begun = Instant::now();
    let batch = vec![post(all, "one"), post(locked, "two"), post(all, "three"), post(locked, "four")];
    let answers = fresh.store.commit(batch.clone()).await.unwrap();
    assert!(begun.elapsed() < patience * 2, "{:?}", begun.elapsed());
    for (at, answer) in answers.iter().enumerate() {
        match answer {
            Ok(outcome) => assert_eq!((outcome.events[0].room, at % 2), (all, 0)),
            Err(refusal) => assert!(at % 2 == 1 && format!("{refusal:?}").contains("lock timeout"), "{refusal:?}"),
        }
    }
    assert!(answers[0].as_ref().unwrap().events[0].seq < answers[2].as_ref().unwrap().events[0].seq);

    // The connection waits as long as before; what is sent again is there once.
    let store = fresh.store.clone();
    let again = tokio::spawn(async move { store.commit(batch).await.unwrap() });
    a_node_is(&fresh, WAITING).await;
    tokio::time::sleep(patience * 6 / 10).await;
    hand.batch_execute("ROLLBACK").await.unwrap();
    assert!(again.await.unwrap().iter().all(Result::is_ok));
    nothing_is_open(&fresh).await;
    let posted = |room| fresh.store.history(ann, room, Window::Latest, 10);
    assert_eq!(posted(all).await.unwrap().items.len(), 2);
    assert_eq!(posted(locked).await.unwrap().items.len(), 2);
}

/// A node freezes in the middle of a transaction: the server has let it have its rooms, and it never hears of that.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_freezes_in_a_transaction_holds_its_rooms_for_a_moment_only() {
    let (fresh, world, ann, room) = lobby(&settings()).await;
    let line = Proxy::start(server().address()).unwrap();
    let url = fresh.database().url().replace(&server().port().to_string(), &line.address().port().to_string());
    let frozen = Postgres::open(&url, &settings()).await.unwrap();
    let first = world.command(ann, room, named("first", "hello"));
    assert!(frozen.commit(vec![first]).await.unwrap()[0].is_ok());

    let mut held = lock(&fresh).await;
    let post = world.command(ann, room, named("frozen", "hello"));
    let post = tokio::spawn(async move { frozen.commit(vec![post]).await });
    a_node_is(&fresh, WAITING).await;
    line.cut(Direction::ToClient);
    held.batch_execute("ROLLBACK").await.unwrap();
    a_node_is(&fresh, "state = 'idle in transaction'").await;
    let begun = Instant::now();
    let next = world.command(ann, room, named("next", "hello"));
    assert!(fresh.store.commit(vec![next]).await.unwrap()[0].is_ok());
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(1), "nothing was frozen: {waited:?}");
    assert!(waited < Duration::from_millis(3_500), "{waited:?}");
    line.heal();
    post.await.unwrap().unwrap_err();
    let posted = fresh.store.history(ann, room, Window::Latest, 10).await.unwrap().items;
    assert_eq!(posted.len(), 2, "what was frozen was undone");
}

/// A hand in the tables takes a session and then its user, a change of the password takes them the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_ends_in_a_deadlock_is_tried_again() {
    let (fresh, world, ann, _) = lobby(&settings()).await;
    let keep = world.signs_in(ann, 1).await;
    let other = world.signs_in(ann, 2).await;
    let mut hand = AsyncPgConnection::establish(&fresh.database().url()).await.unwrap();
    // Whoever looks first is the one who gives way.
    hand.batch_execute("SET deadlock_timeout = '30s'; BEGIN; SELECT * FROM sessions FOR UPDATE").await.unwrap();
    let (store, at) = (fresh.store.clone(), world.now());
    let change = async move { store.set_password(ann, PasswordHash("new".to_owned()), keep, at).await };
    let change = tokio::spawn(change);
    a_node_is(&fresh, WAITING).await;
    hand.batch_execute("SELECT * FROM users FOR UPDATE; COMMIT").await.unwrap();
    assert_eq!(change.await.unwrap(), Ok(vec![other]));
    assert_eq!(fresh.store.password(ann).await.unwrap(), Some(PasswordHash("new".to_owned())));
    nothing_is_open(&fresh).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(fresh.database().sql(deadlocks).trim(), "1");
}

#[tokio::test]
async fn a_caller_waits_no_longer_than_its_patience_and_leaves_nothing_open() {
    let (fresh, world, ann, room) = lobby(&Settings { write_timeout: Duration::from_secs(1), ..settings() }).await;
    let held = lock(&fresh).await;
    let begun = Instant::now();
    let late = fresh.store.commit(vec![world.command(ann, room, named("late", "hello"))]).await;
    assert!(late.is_err());
    assert!(begun.elapsed() < Duration::from_secs(8));
    drop(held);
    assert!(world.does(ann, room, named("next", "hello")).await.is_ok());
    nothing_is_open(&fresh).await;
}

#[tokio::test]
async fn no_connection_that_becomes_free_ends_the_wait() {
    let patience = Duration::from_millis(200);
    let (fresh, world, ann, room) = lobby(&Settings { writers: 1, wait_timeout: patience, ..settings() }).await;
    let held = lock(&fresh).await;
    let (store, first) = (fresh.store.clone(), world.command(ann, room, named("first", "hello")));
    let first = tokio::spawn(async move { store.commit(vec![first]).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second = fresh.store.commit(vec![world.command(ann, room, named("second", "hello"))]).await;
    assert_eq!(second.unwrap_err().reason, "no connection of the store became free in time");
    drop(held);
    assert!(first.await.unwrap().unwrap()[0].is_ok());
}

#[test]
fn a_handle_may_be_called_from_another_runtime_than_its_own() {
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (fresh, world, ann, room) = home.block_on(lobby(&settings()));
    // A worker of a web server: one thread, no time, no sockets of ours.
    let worker = tokio::runtime::Builder::new_current_thread().build().unwrap();
    worker.block_on(async {
        world.does(ann, room, named("hello", "hello")).await.unwrap();
        assert_eq!(fresh.store.history(ann, room, Window::Latest, 10).await.unwrap().items.len(), 1);
        fresh.store.ping().await.unwrap();
    });
    drop(fresh);
    drop(home);
}
