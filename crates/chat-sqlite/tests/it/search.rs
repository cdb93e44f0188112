//! Searching by the index: the clauses once more where nothing waits for it, and what becomes of records that had none.

use std::time::Duration;

use chat_contract::{Fixture, Stores, World, library::Library, model::agree};
use chat_domain::{ids::UserId, objects::Message, pages::PageOf, words::Query};
use chat_memory::Memory;
use chat_sqlite::{Settings, Sqlite};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query,
    sql_types::BigInt,
};

use crate::fixture::{Fresh, fresh_with};

/// Everything is indexed before the next batch is looked at.
fn at_once() -> Settings {
    Settings { index_backlog: 0, index_slice: 3, index_idle: Duration::from_millis(1), ..Settings::default() }
}

async fn fresh() -> Fresh {
    fresh_with(&at_once())
}

chat_contract::search_contract!(fresh);

#[tokio::test]
async fn a_record_that_indexes_at_once_answers_as_the_record_in_memory_does() {
    for seed in [101, 102, 103, 104] {
        let file = fresh().await;
        agree(seed, 300, &Stores::of(Memory::new()), &file.stores()).await;
    }
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
}

/// Messages that are not in the index yet.
fn waiting(store: &Sqlite) -> i64 {
    let mut conn = SqliteConnection::establish(store.path().to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout=5000").unwrap();
    let count = "SELECT count(*) AS waiting FROM messages, searching WHERE place > upto";
    sql_query(count).get_result::<Waiting>(&mut conn).unwrap().waiting
}

async fn found(store: &Sqlite, reader: UserId, words: &str) -> Vec<Message> {
    let query = Query::parse(words).unwrap();
    let page = chat_domain::ports::LogStore::find(store, reader, &query, None, PageOf { after: None, limit: 100 });
    page.await.unwrap().items
}

#[tokio::test]
async fn a_writer_that_has_nothing_to_do_indexes_what_waits() {
    let fresh = fresh_with(&Settings { index_idle: Duration::from_millis(20), index_slice: 4, ..Settings::default() });
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("talk", &[ann]).await;
    for number in 0..10 {
        world.posts(ann, room, &format!("needle {number}")).await;
    }
    let begun = std::time::Instant::now();
    while waiting(&fresh.store) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(5), "nothing was indexed");
        assert_eq!(found(&fresh.store, ann, "needle").await.len(), 10, "half of it waits");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(found(&fresh.store, ann, "needle").await.len(), 10);
}

#[tokio::test]
async fn a_backlog_beyond_its_bound_is_indexed_between_two_batches() {
    let patient = Settings { index_backlog: 8, index_idle: Duration::from_secs(60), ..Settings::default() };
    let fresh = fresh_with(&patient);
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("talk", &[ann]).await;
    for number in 0..30 {
        world.posts(ann, room, &format!("needle {number}")).await;
        assert!(waiting(&fresh.store) <= 9);
    }
    assert_eq!(found(&fresh.store, ann, "needle").await.len(), 30);
}

#[tokio::test]
async fn a_record_of_before_there_was_a_search_is_searched_in_the_order_of_its_times() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let rooms = [world.room("z", &[ann]).await, world.room("a", &[ann]).await];
    let mut said = Vec::new();
    for number in 0..12 {
        let message = world.posts(ann, rooms[number % 2], "needle").await;
        said.push((message.room, message.seq));
    }
    said.reverse();
    let path = fresh.store.path().to_owned();
    let directory = fresh.directory;
    drop((world, fresh.store));
    let down = include_str!("../../../../migrations/sqlite/2026-11-28-000000_search/down.sql");
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout=5000").unwrap();
    conn.batch_execute(down).unwrap();
    conn.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261128000000'").unwrap();
    drop(conn);
    let store = Sqlite::open(&path, &Settings::default()).unwrap();
    assert_eq!(waiting(&store), 0, "all of it is in the index");
    let got: Vec<_> = found(&store, ann, "needle").await.iter().map(|m| (m.room, m.seq)).collect();
    assert_eq!(got, said);
    // What comes next is newer.
    let world = World::new(Stores::of(store.clone()));
    let next = world.posts(ann, rooms[0], "another needle").await;
    assert_eq!(found(&store, ann, "needle").await[0].seq, next.seq);
    drop(directory);
}

/// `just prove-search`
#[tokio::test]
#[ignore = "a proof for release builds"]
async fn prove_search() {
    let (fresh, waits) = (fresh().await, Duration::from_secs(3_600));
    let mut library = Library::fill(&fresh.world()).await;
    // A writer that is never idle, and may leave as much as by default.
    let store = Sqlite::open(fresh.store.path(), &Settings { index_idle: waits, ..Settings::default() }).unwrap();
    assert_eq!(waiting(&store), 0);
    let world = World::new(Stores::of(store.clone()));
    library.prove(&world, "SQLite").await;
    let most = Settings::default().index_backlog;
    library.post(&world, most).await;
    assert!(waiting(&store) > i64::try_from(most / 2).unwrap());
    library.prove(&world, "SQLite, the newest not indexed yet").await;
}
