//! Opening the record: by several nodes at once, by an older program, where it can't be had.

use std::time::{Duration, Instant};

use chat_contract::{Stores, World};
use chat_postgres::{OpenError, Postgres, Settings};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::join_all;

use crate::fixture::{Database, fresh, server, settings};

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_open_an_empty_database_at_once_and_have_one_history() {
    let database = Database::empty();
    let opened = (0..6).map(|_| {
        let url = database.url();
        tokio::spawn(async move { Postgres::open(&url, &settings()).await.unwrap() })
    });
    let nodes: Vec<Postgres> = join_all(opened.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
    let world = World::new(Stores::of(nodes[0].clone()));
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    for node in nodes {
        let other = World::new(Stores::of(node));
        assert_eq!(other.log(room).await, world.log(room).await);
    }
    assert_eq!(database.sql("SELECT count(*) FROM meta").trim(), "1");
}

#[tokio::test]
async fn a_record_that_is_opened_again_has_the_same_history_until_another_is_begun() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let before = world.log(room).await;
    let again = World::new(Stores::of(fresh.other_node().await));
    assert_eq!(again.log(room).await, before);
    assert_ne!(fresh.store.new_epoch().await.unwrap(), before.epoch);
    assert_ne!(again.log(room).await.epoch, before.epoch, "other nodes hear of it");
}

#[tokio::test]
async fn a_record_of_a_newer_version_is_left_alone_unless_that_only_added() {
    let database = Database::migrated();
    database.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let beside = Postgres::open(&database.url(), &settings()).await.unwrap();
    beside.identity().await.unwrap();
    database.sql("UPDATE meta SET readable_since = '29990101000000'");
    let refused = Postgres::open(&database.url(), &settings()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Newer { version, .. } if version == "29990101000000"), "{refused}");
}

#[tokio::test]
async fn what_the_migrations_made_they_take_away() {
    let database = Database::migrated();
    for down in [
        include_str!("../../../../migrations/postgres/2026-11-28-000200_restoring/down.sql"),
        include_str!("../../../../migrations/postgres/2026-11-28-000100_webhooks/down.sql"),
        include_str!("../../../../migrations/postgres/2026-11-28-000000_search/down.sql"),
        include_str!("../../../../migrations/postgres/2026-01-01-000000_record/down.sql"),
    ] {
        database.sql(&format!("BEGIN; {down} COMMIT;"));
    }
    database.sql("DELETE FROM __diesel_schema_migrations");
    let left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname !~ 'diesel'";
    assert_eq!(database.sql(left), "");
    Postgres::open(&database.url(), &settings()).await.unwrap();
    assert_ne!(database.sql(left), "");
}

#[tokio::test]
async fn waiting_for_another_nodes_migration_ends() {
    let database = Database::migrated();
    let mut other = AsyncPgConnection::establish(&database.url()).await.unwrap();
    other.batch_execute("SELECT pg_advisory_lock(7163381027549401)").await.unwrap();
    let hasty = Settings { migrate_timeout: Duration::from_millis(300), ..settings() };
    let refused = Postgres::open(&database.url(), &hasty).await.unwrap_err();
    assert!(matches!(refused, OpenError::Busy { .. }), "{refused}");
    // A patient node gets its turn.
    let url = database.url();
    let patient = tokio::spawn(async move { Postgres::open(&url, &settings()).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!patient.is_finished());
    drop(other);
    assert!(patient.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let database = Database::empty();
    let name = "test_ascii";
    database.sql(&format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0"));
    let refused = Postgres::open(&server().url(name), &settings()).await.unwrap_err();
    database.sql(&format!("DROP DATABASE {name} WITH (FORCE)"));
    assert!(matches!(&refused, OpenError::Encoding { encoding, .. } if encoding == "SQL_ASCII"), "{refused}");
}

#[tokio::test]
async fn l2_what_cannot_be_reached_is_told_soon_in_one_sentence_without_the_password() {
    let port = chat_testbed::free_port().unwrap();
    // Somebody who listens and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let hasty = Settings { connect_timeout: Duration::from_millis(500), ..settings() };
    for place in [format!("127.0.0.1:{port}/chat"), format!("{silent}/chat"), "127.0.0.1:1/chat".to_owned()] {
        let begun = Instant::now();
        let url = format!("postgres://ann:hunter2@{place}?sslmode=disable");
        let refused = Postgres::open(&url, &hasty).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(3));
        assert!(matches!(refused, OpenError::Connect { .. }), "{refused}");
        let told = format!("{refused} {refused:?}");
        assert!(refused.to_string().contains(&place), "{told}");
        assert!(!told.contains("hunter2") && !refused.to_string().contains('\n'), "{told}");
    }
    let missing = Postgres::open(&server().url("no_such_database"), &settings()).await.unwrap_err();
    assert!(missing.to_string().contains("\"no_such_database\" does not exist"), "{missing}");
}

#[tokio::test]
async fn l2_a_password_that_is_not_encoded_is_shown_in_no_part() {
    for password in
        ["hunter@2", "hunter2@", "@hunter2", "hun@ter@2", "hunt/er@2", "12/hunter@2", "hunt?er=@2", "h?u/n#t@er2"]
    {
        let url = format!("postgres://ann:{password}@127.0.0.1:1/chat?sslmode=disable");
        let refused = Postgres::open(&url, &settings()).await.unwrap_err();
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains("hun") && !told.contains("er@") && !told.contains("@2"), "{told}");
        let sentences = [
            "cannot connect to the database 127.0.0.1:1/chat: ",
            "the database URL is not valid: it is not clear where",
        ];
        assert!(sentences.iter().any(|sentence| refused.to_string().starts_with(sentence)), "{told}");
    }
}

#[tokio::test]
async fn l2_the_handle_shows_no_password() {
    let database = Database::migrated();
    let url = database.url().replace("postgres@", "postgres:hunter2@");
    let store = Postgres::open(&url, &settings()).await.unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_database_has_one_name_for_all_nodes_and_its_copy_another() {
    let fresh = fresh().await;
    let name = fresh.store.identity().await.unwrap();
    assert_eq!(fresh.other_node().await.identity().await.unwrap(), name);
    fresh.store.new_epoch().await.unwrap();
    assert_eq!(fresh.store.identity().await.unwrap(), name, "another history of the same database");

    // Both are copies of one template, so they share all that is in their tables.
    let sibling = crate::fixture::fresh().await;
    let other = sibling.store.identity().await.unwrap();
    assert_ne!(other, name);
    let (server, database) = name.split_once('-').unwrap();
    assert_eq!(other.split_once('-').unwrap().0, server, "of the same server");
    assert_ne!(server, "unknown");
    let oid = fresh.database().sql("SELECT oid FROM pg_database WHERE datname = current_database()");
    assert_eq!(oid.trim(), database);
}

#[tokio::test]
async fn a_user_without_rights_has_a_database_with_a_name() {
    let database = Database::empty();
    database.sql(
        "CREATE ROLE nobody_much LOGIN; GRANT ALL ON SCHEMA public TO nobody_much;
        REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    );
    let url = database.url().replace("postgres@", "nobody_much@");
    let store = Postgres::open(&url, &settings()).await.unwrap();
    let oid = database.sql("SELECT oid FROM pg_database WHERE datname = current_database()");
    assert_eq!(store.identity().await.unwrap(), format!("unknown-{}", oid.trim()));
    assert_eq!(store.identity().await.unwrap(), format!("unknown-{}", oid.trim()), "on a connection that is whole");
    database.sql("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC");
    assert!(!store.identity().await.unwrap().starts_with("unknown"));
}
