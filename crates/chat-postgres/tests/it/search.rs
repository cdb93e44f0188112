//! Searching: by words alone where the server has no trigrams, and what becomes of records that had no search.

use std::time::Duration;

use chat_contract::{Stores, World, draft, library::Library, text};
use chat_domain::{
    command::{Action, Reply},
    ids::{RoomId, Seq, UserId},
    pages::PageOf,
    ports::{Archive, LogStore},
    words::Query,
};
use chat_postgres::{Postgres, Settings};

use crate::fixture::{Database, fresh, fresh_with, settings};

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
    // What waits for the index is found by parts of its words, too.
    settled(&database).await;
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

/// What is not in the index yet.
fn waiting(database: &Database) -> u32 {
    let rows = "SELECT (SELECT count(*) FROM search_waiting) + (SELECT count(*) FROM search_edited)";
    database.sql(rows).trim().parse().unwrap()
}

fn indexed(database: &Database) -> u32 {
    database.sql("SELECT count(*) FROM search").trim().parse().unwrap()
}

/// Until nothing waits.
async fn settled(database: &Database) {
    for _ in 0..1_200 {
        if waiting(database) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the indexer leaves {} rows", waiting(database));
}

/// Leaves indexing to others.
fn holding_back() -> Settings {
    Settings { index_slice: 0, ..settings() }
}

fn hurried() -> Settings {
    Settings { index_slice: 7, index_pause: Duration::from_millis(1), ..settings() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_exact_before_while_and_after_messages_are_indexed() {
    let fresh = fresh_with(&holding_back()).await;
    let (world, database) = (fresh.world(), fresh.database());
    let [ann, bob] = world.users(["ann", "bob"]).await;
    let rooms = [world.room("one", &[ann, bob]).await, world.room("two", &[ann, bob]).await];
    let mut said = Vec::new();
    for number in 0..40 {
        let message = world.posts(ann, rooms[number % 2], &format!("the needle {number}")).await;
        said.push((message.room, message.seq));
    }
    let edit = |words| Action::Edit { seq: said[0].1, text: text(words), if_match: None };
    let delete = |(_, seq): (RoomId, Seq)| Action::Delete { seq, if_match: None };
    world.ok(ann, rooms[0], edit("reworded early")).await;
    world.ok(ann, rooms[1], delete(said[1])).await;
    let mut needles: Vec<_> = said[2..].iter().rev().copied().collect();
    assert_eq!((indexed(database), found(&fresh.store, bob, "needle").await), (0, needles.clone()));
    assert_eq!(found(&fresh.store, bob, "reworded").await, said[..1]);

    // Each search sees one moment of the move, whichever.
    let other = Postgres::open(&database.url(), &hurried()).await.unwrap();
    while waiting(database) > 0 {
        assert_eq!(found(&fresh.store, bob, "needle").await, needles);
        assert_eq!(found(&fresh.store, bob, "reworded").await, said[..1]);
    }
    drop(other);
    assert_eq!((indexed(database), found(&fresh.store, bob, "needle").await), (39, needles.clone()));

    // And now with rows that the index has.
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.ok(ann, rooms[0], edit("a needle again")).await;
    world.ok(ann, rooms[1], delete(said[39])).await;
    needles.remove(0);
    needles.push(said[0]);
    for _ in 0..3 {
        assert_eq!(found(&fresh.store, bob, "needle").await, needles);
        assert_eq!(found(&fresh.store, bob, "again needle").await, said[..1]);
        assert_eq!(found(&fresh.store, bob, "reworded").await, []);
        world.ok(ann, rooms[0], edit("a needle once again")).await;
    }
    assert_eq!(waiting(database), 3);
    let other = fresh.other_node().await;
    settled(database).await;
    assert_eq!((indexed(database), found(&other, bob, "needle").await), (38, needles));
    assert_eq!(found(&other, bob, "once again").await, said[..1]);
    assert_eq!(found(&other, bob, "reworded").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_index_at_once_and_every_message_is_found_once() {
    let fresh = fresh_with(&hurried()).await;
    let other = Postgres::open(&fresh.database().url(), &hurried()).await.unwrap();
    let worlds = [fresh.world(), World::new(Stores::of(other.clone()))];
    let ann = worlds[0].user("ann").await;
    let room = worlds[0].room("talk", &[ann]).await;
    let mut said: Vec<(RoomId, Seq)> = Vec::new();
    for number in 0..90_usize {
        let batch = (0..5).map(|_| (ann, room, Action::Post(draft("needle")))).collect();
        for outcome in worlds[number % 2].batch(batch).await {
            let Reply::Posted { message, .. } = outcome.unwrap().reply else { panic!("posted nothing") };
            said.insert(0, (room, message.seq));
        }
        let newest = &said[..said.len().min(100)];
        assert_eq!(found(&other, ann, "needle").await, newest, "after {number}");
        let (_, seq) = said.remove(3);
        worlds[number % 2].ok(ann, room, Action::Edit { seq, text: text("hay"), if_match: None }).await;
    }
    settled(fresh.database()).await;
    assert_eq!((indexed(fresh.database()), found(&other, ann, "hay").await.len()), (450, 90));
    assert_eq!(found(&fresh.store, ann, "needle").await, said[..100]);
}

#[tokio::test]
async fn a_page_is_cut_short_when_too_much_waits_and_goes_on() {
    let fresh = fresh_with(&holding_back()).await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("talk", &[ann]).await;
    let seq = world.posts(ann, room, "needle").await.seq;
    fresh.database().sql(&format!(
        "INSERT INTO messages (room, seq, rev, author, at, text, mentions_room, fingerprint)
            SELECT '{room}', s, s, '{ann}', 1, 'hay', FALSE, '\\x00' FROM generate_series({seq} + 1, {seq} + 10000) AS s;
         INSERT INTO search_waiting (room, first_seq, last_seq)
            SELECT '{room}', {seq} + s, {seq} + s + 99 FROM generate_series(1, 9901, 100) AS s"
    ));
    let (query, mut after, mut got) = (Query::parse("needle").unwrap(), None, Vec::new());
    for page in 0..9 {
        let found = fresh.store.find(ann, &query, None, PageOf { after, limit: 10 }).await.unwrap();
        assert!(page > 0 || (found.items.is_empty() && found.next.is_some()), "the first page can't look at all");
        got.extend(found.items.into_iter().map(|message| message.seq));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((got, after), (vec![seq], None));
}

/// `just prove-search`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a proof for release builds"]
async fn prove_search() {
    let fresh = fresh().await;
    let mut library = Library::fill(&fresh.world()).await;
    settled(fresh.database()).await;
    library.prove(&fresh.world(), "PostgreSQL").await;
}
