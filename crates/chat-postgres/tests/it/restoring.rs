//! A record that was restored or moved begins another history by itself; one that was not keeps its own.

use std::time::{Duration, Instant};

use chat_contract::{Stores, World};
use chat_domain::{objects::Epoch, ports::Archive};
use chat_postgres::Postgres;

use crate::fixture::{Database, server, settings};

/// What a dump and its restore do to the row: it is written again, by somebody else.
const OUT_OF_A_DUMP: &str = "
    CREATE TEMPORARY TABLE dumped AS SELECT * FROM home;
    TRUNCATE home;
    INSERT INTO home SELECT * FROM dumped";

async fn open(database: &Database) -> Postgres {
    Postgres::open(&database.url(), &settings()).await.unwrap()
}

async fn epoch_at_start(database: &Database) -> Epoch {
    open(database).await.epoch().await.unwrap()
}

fn home(database: &Database) -> String {
    database.sql("SELECT system, database, timeline, written = xmin::text FROM home").trim().to_owned()
}

#[tokio::test]
async fn a_restart_keeps_the_history_and_so_does_all_housekeeping() {
    let database = Database::empty();
    let epoch = epoch_at_start(&database).await;
    let row = home(&database);
    let [system, oid, timeline, original] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
    assert!(system.parse::<u64>().is_ok() && oid.parse::<u32>().is_ok(), "{row}");
    assert_eq!((timeline, original), ("00000001", "t"));
    assert_eq!(epoch_at_start(&database).await, epoch);
    for housekeeping in ["VACUUM FREEZE home", "VACUUM FULL home", "CLUSTER home USING home_pkey", "REINDEX TABLE home"]
    {
        database.sql(housekeeping);
        assert_eq!(epoch_at_start(&database).await, epoch, "{housekeeping}");
    }
    assert_eq!(home(&database), row);
}

#[tokio::test]
async fn the_first_start_after_the_migration_only_takes_down_where_it_is() {
    let database = Database::empty();
    let epoch = epoch_at_start(&database).await;
    database.sql("DELETE FROM home");
    assert_eq!(epoch_at_start(&database).await, epoch);
    assert!(home(&database).ends_with("|t"));
}

#[tokio::test]
async fn each_trace_of_a_restore_begins_another_history_once() {
    let database = Database::empty();
    let mut epoch = epoch_at_start(&database).await;
    for (trace, what) in [
        (OUT_OF_A_DUMP, "a dump"),
        ("UPDATE home SET timeline = '0000000A', written = pg_current_xact_id()::xid::text", "a timeline"),
        ("UPDATE home SET system = '7', written = pg_current_xact_id()::xid::text", "a server"),
        ("UPDATE home SET database = '7', written = pg_current_xact_id()::xid::text", "a database"),
    ] {
        database.sql(trace);
        let another = epoch_at_start(&database).await;
        assert_ne!(another, epoch, "{what}");
        assert_eq!(epoch_at_start(&database).await, another, "{what}, and only once");
        epoch = another;
    }
}

#[tokio::test]
async fn a_database_that_was_copied_on_its_server_has_a_history_of_its_own() {
    let original = Database::empty();
    let store = open(&original).await;
    let epoch = store.epoch().await.unwrap();
    drop(store);
    let name = original.url().rsplit('/').next().unwrap().to_owned();
    // Whoever is connected to the original must have gone.
    let connected =
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()");
    while original.sql(&connected).trim() != "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let copy = format!("{name}_copy");
    server().create_database(&copy, Some(&name)).unwrap();
    let there = Postgres::open(&server().url(&copy), &settings()).await.unwrap().epoch().await.unwrap();
    server().drop_database(&copy).unwrap();
    assert_ne!(there, epoch);
    assert_eq!(epoch_at_start(&original).await, epoch);
}

#[tokio::test]
async fn nodes_that_start_at_once_after_a_restore_begin_one_history() {
    let database = Database::empty();
    let before = epoch_at_start(&database).await;
    database.sql(OUT_OF_A_DUMP);
    let (one, two, three) =
        tokio::join!(epoch_at_start(&database), epoch_at_start(&database), epoch_at_start(&database));
    assert_ne!(one, before);
    assert_eq!((&two, &three), (&one, &one));
}

#[tokio::test]
async fn a_running_node_notices_too() {
    let database = Database::empty();
    let nodes = [open(&database).await, open(&database).await];
    let world = World::new(Stores::of(nodes[0].clone()));
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let before = world.log(room).await;
    // In the middle of a restore, when the row is back and the epoch is not, nothing is decided yet.
    database.sql("CREATE TABLE kept AS SELECT * FROM meta; DELETE FROM meta");
    database.sql(OUT_OF_A_DUMP);
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    assert!(home(&database).ends_with("|f"));
    database.sql("INSERT INTO meta SELECT * FROM kept");
    let begun = Instant::now();
    while world.log(room).await.epoch == before.epoch {
        assert!(begun.elapsed() < Duration::from_secs(7), "nobody noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = world.log(room).await;
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    assert_eq!(world.log(room).await, after, "the other node saw that it was done");
    assert_eq!(after.head, before.head);
}

#[tokio::test]
async fn a_copy_that_is_under_way_keeps_the_history_it_is_given() {
    let database = Database::empty();
    let given = Epoch("given".into());
    let store = open(&database).await;
    assert!(store.begin_filling(&given).await.unwrap());
    database.sql(OUT_OF_A_DUMP);
    assert_eq!(epoch_at_start(&database).await, given);
    store.end_filling().await.unwrap();
    assert_eq!(epoch_at_start(&database).await, given, "where it is was taken down meanwhile");
    database.sql(OUT_OF_A_DUMP);
    assert_ne!(epoch_at_start(&database).await, given);
}

#[tokio::test]
async fn who_may_not_ask_much_changes_nothing_and_still_notices_a_dump() {
    let database = Database::empty();
    let epoch = epoch_at_start(&database).await;
    let row = home(&database);
    database.sql(
        "CREATE ROLE asks_little LOGIN; GRANT ALL ON SCHEMA public TO asks_little;
        GRANT ALL ON ALL TABLES IN SCHEMA public TO asks_little;
        ALTER TABLE search OWNER TO asks_little;
        REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;
        REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC",
    );
    let url = database.url().replace("postgres@", "asks_little@");
    let little = || async { Postgres::open(&url, &settings()).await.unwrap().epoch().await.unwrap() };
    assert_eq!(little().await, epoch);
    assert_eq!(home(&database), row, "what others know is kept");
    database.sql(OUT_OF_A_DUMP);
    let another = little().await;
    assert_ne!(another, epoch);
    assert_eq!(epoch_at_start(&database).await, another, "who knows more takes it down, and no more");
    assert_eq!(home(&database), row);
}
