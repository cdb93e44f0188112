//! Searching: by words alone where the server has no trigrams, and what becomes of records that had no search.

use chat_contract::{Stores, World, library::Library};
use chat_domain::{
    ids::{RoomId, Seq, UserId},
    pages::PageOf,
    ports::{Archive, LogStore},
    words::Query,
};
use chat_postgres::Postgres;

use crate::fixture::{Database, fresh, settings};

async fn found(store: &Postgres, reader: UserId, words: &str) -> Vec<(RoomId, Seq)> {
    let query = Query::parse(words).unwrap();
    let page = store.find(reader, &query, None, PageOf { after: None, limit: 100 }).await.unwrap();
    page.items.iter().map(|message| (message.room, message.seq)).collect()
}

/// Takes the search away, as if it had never been.
fn before_there_was_a_search(database: &Database) {
    let down = include_str!("../../../../migrations/postgres/2026-11-28-000000_search/down.sql");
    database
        .sql(&format!("BEGIN; {down} COMMIT; DELETE FROM __diesel_schema_migrations WHERE version = '20261128000000'"));
}

#[tokio::test]
async fn a_record_of_before_there_was_a_search_is_searched_in_the_order_of_its_times() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let rooms = [world.room("z", &[ann]).await, world.room("a", &[ann]).await];
    let mut said = Vec::new();
    for number in 0..12 {
        let message = world.posts(ann, rooms[number % 2], "the Nadel").await;
        said.push((message.room, message.seq));
    }
    said.reverse();
    before_there_was_a_search(fresh.database());
    let store = fresh.other_node().await;
    assert!(store.finds_parts());
    assert_eq!(found(&store, ann, "ade").await, said);
    let world = World::new(Stores::of(store.clone()));
    let next = world.posts(ann, rooms[0], "another Nadel").await;
    assert_eq!(found(&store, ann, "nadel").await[0], (next.room, next.seq), "what comes next is newer");
}

#[tokio::test]
async fn who_may_not_have_trigrams_finds_whole_words_and_says_what_to_do() {
    let database = Database::empty();
    database.sql("CREATE ROLE no_extensions LOGIN; GRANT ALL ON SCHEMA public TO no_extensions");
    let url = database.url().replace("postgres@", "no_extensions@");
    let store = Postgres::open(&url, &settings()).await.unwrap();
    assert!(!store.finds_parts());
    let world = World::new(Stores::of(store.clone()));
    let [ann, bob] = world.users(["ann", "bob"]).await;
    let room = world.room("talk", &[ann]).await;
    let seq = world.posts(ann, room, "Fixed in CHAT-4711, привет мир! 東京都で会議 https://example.org/a").await.seq;
    for words in
        ["fixed", "chat-4711", "ПРИВЕТ", "東京", "都で会", "\"привет мир\"", "example.org", "in", "a", "4711 мир"]
    {
        assert_eq!(found(&store, ann, words).await, [(room, seq)], "{words}");
        assert_eq!(found(&store, bob, words).await, [], "{words}");
    }
    for words in ["ривет", "fix", "hat-47", "absent"] {
        assert_eq!(found(&store, ann, words).await, [], "{words}");
    }
    // An administrator does what the log asks for.
    database.sql("CREATE EXTENSION pg_trgm");
    let again = Postgres::open(&url, &settings()).await.unwrap();
    assert!(again.finds_parts());
    for words in ["ривет", "fix", "hat-47", "in мир"] {
        assert_eq!(found(&again, ann, words).await, [(room, seq)], "{words}");
    }
    assert_eq!(
        database.sql("SELECT relname FROM pg_class WHERE relname IN ('search_words', 'search_pieces')"),
        "search_pieces\n"
    );
    drop((store, again, world));
    database.sql("DROP OWNED BY no_extensions; DROP ROLE no_extensions");
}

#[tokio::test]
async fn trigrams_are_found_in_whichever_schema_they_are() {
    let database = Database::empty();
    database.sql("CREATE SCHEMA \"Odd place\"; CREATE EXTENSION pg_trgm SCHEMA \"Odd place\"");
    let store = Postgres::open(&database.url(), &settings()).await.unwrap();
    let world = World::new(Stores::of(store.clone()));
    let ann = world.user("ann").await;
    let room = world.room("talk", &[ann]).await;
    let seq = world.posts(ann, room, "a haystack").await.seq;
    assert!(store.finds_parts());
    assert_eq!(found(&store, ann, "yst").await, [(room, seq)]);
}

#[tokio::test]
async fn a_copy_is_searched_when_it_is_whole() {
    let (from, to) = (fresh().await, fresh().await);
    let world = from.world();
    let ann = world.user("ann").await;
    let rooms = [world.room("z", &[ann]).await, world.room("a", &[ann]).await];
    let mut said = Vec::new();
    for number in 0..12 {
        let message = world.posts(ann, rooms[number % 2], "needle").await;
        said.push((message.room, message.seq));
    }
    said.reverse();
    let (source, target): (&dyn Archive, &dyn Archive) = (&from.store, &to.store);
    chat_domain::usecases::copying::copy(source, target, |_, _| {}).await.unwrap();
    assert_eq!(found(&to.store, ann, "eed").await, said);
}

/// `just prove-search`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a proof for release builds"]
async fn prove_search() {
    let fresh = fresh().await;
    let mut library = Library::fill(&fresh.world()).await;
    library.prove(&fresh.world(), "PostgreSQL").await;
}
