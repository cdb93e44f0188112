//! A lock that another process holds: waits end, queues are bounded, and a caller that goes away cancels nothing.

use std::time::{Duration, Instant};

use chat_contract::named;
use chat_domain::{
    pages::Window,
    ports::{LogStore, RoomStore},
};
use chat_sqlite::Settings;
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

use crate::fixture::{Fresh, fresh_with};

/// Somebody else writes, until dropped.
fn lock(fresh: &Fresh) -> SqliteConnection {
    let mut other = SqliteConnection::establish(fresh.store.path().to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    other
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_what_was_queued_is_written() {
    let fresh = fresh_with(&Settings { write_queue: 2, ..Settings::default() });
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let held = lock(&fresh);

    let mut queued = Vec::new();
    let refused = loop {
        let command = world.command(ann, room, named(&format!("queued-{}", queued.len()), "hello"));
        let store = fresh.store.clone();
        let mut sent = tokio::spawn(async move { (Instant::now(), store.commit(vec![command]).await) });
        match tokio::time::timeout(Duration::from_millis(200), &mut sent).await {
            Ok(answer) => break answer.unwrap(),
            Err(_) => queued.push(sent),
        }
        assert!(queued.len() <= 3, "one with the writer, two in its queue");
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
    let fresh = fresh_with(&Settings::default());
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let held = lock(&fresh);
    let mut post = Box::pin(fresh.store.commit(vec![world.command(ann, room, named("gone", "hello"))]));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut post).await.is_err());
    drop(post);
    drop(held);
    // The next batch is written after it.
    world.does(ann, room, named("here", "hello")).await.unwrap();
    let posted = fresh.store.history(ann, room, Window::Latest, 10).await.unwrap().items;
    assert_eq!(posted.len(), 2);
}

#[tokio::test]
async fn a_lock_that_is_never_given_back_ends_the_wait_and_nothing_else() {
    let settings = Settings { busy_timeout: Duration::from_millis(100), ..Settings::default() };
    let fresh = fresh_with(&settings);
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let held = lock(&fresh);
    let command = world.command(ann, room, named("late", "hello"));
    assert!(fresh.store.commit(vec![command.clone()]).await.unwrap_err().reason.contains("locked"));
    assert!(fresh.store.history(ann, room, Window::Latest, 10).await.is_ok(), "readers wait for no writer");
    drop(held);
    assert!(fresh.store.commit(vec![command]).await.unwrap()[0].is_ok());
}

#[tokio::test]
async fn a_caller_waits_no_longer_than_its_patience() {
    let settings = Settings { write_timeout: Duration::from_millis(500), ..Settings::default() };
    let fresh = fresh_with(&settings);
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let held = lock(&fresh);
    let late = fresh.store.commit(vec![world.command(ann, room, named("late", "hello"))]).await;
    assert_eq!(late.unwrap_err().reason, "the store did not answer in time");
    drop(held);
}

#[tokio::test]
async fn batches_that_wait_together_are_all_answered_in_their_places() {
    let fresh = fresh_with(&Settings { commit_commands: 7, ..Settings::default() });
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let held = lock(&fresh);
    let mut waiting = Vec::new();
    for number in 0..10 {
        let names = (0..3).map(|n| named(&format!("{number}-{n}"), &format!("{number} {n}")));
        let batch = names.map(|action| world.command(ann, room, action)).collect();
        let store = fresh.store.clone();
        waiting.push(tokio::spawn(async move { store.commit(batch).await }));
        tokio::task::yield_now().await;
    }
    drop(held);
    let mut seqs = Vec::new();
    for (number, batch) in waiting.into_iter().enumerate() {
        for (n, answer) in batch.await.unwrap().unwrap().into_iter().enumerate() {
            let chat_domain::command::Reply::Posted { message, duplicate: false } = answer.unwrap().reply else {
                panic!()
            };
            assert_eq!(message.text.as_ref().unwrap().as_str(), format!("{number} {n}"));
            seqs.push(message.seq);
        }
    }
    let head = world.head(room).await;
    assert_eq!(seqs, (head - 29..=head).collect::<Vec<_>>(), "in the order of the calls, without holes");
}
