//! The file itself: who may read it, what it survives, what is refused.

use std::path::Path;

use chat_contract::{Stores, World};
use chat_sqlite::{OpenError, Settings, Sqlite};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query,
    sql_types::Text,
};

use crate::fixture::{fresh, path_in};

/// What SQLite says about the file's own health.
pub(crate) fn integrity(path: &Path) -> String {
    #[derive(QueryableByName)]
    struct Verdict {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    sql_query("PRAGMA integrity_check").get_result::<Verdict>(&mut conn).unwrap().integrity_check
}

#[cfg(unix)]
#[test]
fn directory_and_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data/deep/chat.db");
    let store = Sqlite::open(&path, &Settings::default()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path().join("data")), 0o700);
    assert_eq!(mode(&home.path().join("data/deep")), 0o700);
    assert_eq!(mode(store.path()), 0o600);
    assert_eq!(mode(&home.path().join("data/deep/chat.db-wal")), 0o600);
}

#[tokio::test]
async fn a_record_that_is_opened_again_has_the_same_history() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let before = world.log(room).await;
    let again = World::new(Stores::of(Sqlite::open(fresh.store.path(), &Settings::default()).unwrap()));
    assert_eq!(again.log(room).await, before);
    assert_ne!(fresh.store.new_epoch().await.unwrap(), before.epoch);
}

#[test]
fn a_record_of_a_newer_version_is_left_alone_unless_that_only_added() {
    let directory = tempfile::tempdir().unwrap();
    drop(Sqlite::open(path_in(&directory), &Settings::default()).unwrap());
    let mut conn = SqliteConnection::establish(path_in(&directory).to_str().unwrap()).unwrap();
    // The store's threads may still be closing their connections.
    conn.batch_execute("PRAGMA busy_timeout=5000").unwrap();
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')").unwrap();
    drop(Sqlite::open(path_in(&directory), &Settings::default()).unwrap());
    conn.batch_execute("UPDATE meta SET readable_since = '29990101000000'").unwrap();
    let refused = Sqlite::open(path_in(&directory), &Settings::default()).unwrap_err();
    assert!(matches!(&refused, OpenError::Newer { version, .. } if version == "29990101000000"), "{refused}");
}

#[test]
fn what_cannot_be_opened_is_told_in_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "not a directory").unwrap();
    let below = Sqlite::open(directory.path().join("file/chat.db"), &Settings::default()).unwrap_err();
    assert!(matches!(below, OpenError::Create { .. }), "{below}");
    let nonsense = directory.path().join("nonsense.db");
    std::fs::write(&nonsense, "this is not a database, though it is long enough to be taken for one".repeat(100))
        .unwrap();
    let refused = Sqlite::open(&nonsense, &Settings::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Open { .. }), "{refused}");
    assert!(!refused.to_string().contains('\n'));
}
