//! A backup: whole while others write, private, never in anybody's way, and another history once it is used.

use std::{fs, path::Path};

use chat_contract::{Stores, World, named};
use chat_domain::{
    objects::Epoch,
    pages::{Cursor, PageOf, Window},
    ports::{Archive, LogStore, Reader, RoomStore},
    refusal::{Refusal, ResetReason},
    words::Query,
};
use chat_sqlite::{BackupError, Settings, Sqlite, backup};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

use crate::{
    file::integrity,
    fixture::{Fresh, fresh, path_in},
};

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn epoch_at_start(path: &Path) -> Epoch {
    Sqlite::open(path, &Settings::default()).unwrap().epoch().await.unwrap()
}

#[tokio::test]
async fn a_backup_is_whole_and_its_first_use_begins_another_history() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    for n in 0..50 {
        world.does(ann, room, named(&format!("before-{n}"), &format!("said {n}"))).await.unwrap();
    }
    let before = world.log(room).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("backup.db");
    let bytes = backup(fresh.store.path(), &to).unwrap();
    assert_eq!(fs::metadata(&to).unwrap().len(), bytes);
    assert_eq!(names(elsewhere.path()), ["backup.db"], "nothing lies about");
    assert_eq!(integrity(&to), "ok");
    for n in 0..5 {
        world.does(ann, room, named(&format!("after-{n}"), "too late")).await.unwrap();
    }
    assert_eq!(world.log(room).await.epoch, before.epoch, "the record itself goes on");

    let restored = Sqlite::open(&to, &Settings::default()).unwrap();
    let there = World::new(Stores::of(restored.clone()));
    let log = there.log(room).await;
    assert_eq!(log.head, before.head);
    assert_ne!(log.epoch, before.epoch);
    let cursor = Cursor { epoch: Some(before.epoch.clone()), after: before.head };
    let answer = restored.changes(Reader::House, room, cursor, 10).await;
    assert!(matches!(answer, Err(Refusal::ResetRequired { reason: ResetReason::Epoch, .. })), "{answer:?}");
    assert_eq!(restored.history(ann, room, Window::Latest, 100).await.unwrap().items.len(), 50);
    let found = restored.find(ann, &Query::parse("\"aid 4\"").unwrap(), None, PageOf { after: None, limit: 100 }).await;
    assert_eq!(found.unwrap().items.len(), 11);
    there.does(ann, room, named("goes-on", "and on")).await.unwrap();
    drop((there, restored));
    assert_eq!(epoch_at_start(&to).await, log.epoch, "the second use is a restart");
}

#[tokio::test]
async fn a_backup_of_a_record_in_the_middle_of_writing_has_no_half_batch() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let directory = tempfile::tempdir().unwrap();
    let writes = async {
        for n in 0..60 {
            let pair = ["a", "b"].map(|side| world.command(ann, room, named(&format!("{n}-pair-{side}"), "said")));
            assert!(fresh.store.commit(pair.into()).await.unwrap().iter().all(Result::is_ok));
        }
    };
    let (from, to) = (fresh.store.path().to_owned(), directory.path().to_owned());
    let copies = tokio::task::spawn_blocking(move || {
        for n in 0..5 {
            backup(&from, &to.join(format!("{n}.db"))).unwrap();
        }
    });
    let ((), copied) = tokio::join!(writes, copies);
    copied.unwrap();
    for n in 0..5 {
        let copy = Sqlite::open(directory.path().join(format!("{n}.db")), &Settings::default()).unwrap();
        let log = World::new(Stores::of(copy.clone())).log(room).await;
        let items = copy.history(ann, room, Window::Latest, 200).await.unwrap().items;
        assert_eq!(items.len() % 2, 0);
        if let Some(last) = items.last() {
            assert_eq!(last.seq, log.head);
        }
    }
}

#[tokio::test]
async fn a_writer_that_holds_the_file_is_no_obstacle() {
    let fresh = fresh().await;
    let mut other = SqliteConnection::establish(fresh.store.path().to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    backup(fresh.store.path(), &fresh.directory.path().join("backup.db")).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let fresh = fresh().await;
    let to = fresh.directory.path().join("backup.db");
    backup(fresh.store.path(), &to).unwrap();
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_is_left_behind() {
    let fresh = fresh().await;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("diary"), "dear diary").unwrap();
    let refused = backup(fresh.store.path(), &at("diary")).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    assert_eq!(fs::read_to_string(at("diary")).unwrap(), "dear diary");
    fs::write(at("begun.partial"), "another backup").unwrap();
    let refused = backup(fresh.store.path(), &at("begun")).unwrap_err();
    assert!(matches!(refused, BackupError::Unfinished(_)), "{refused}");
    assert_eq!(fs::read_to_string(at("begun.partial")).unwrap(), "another backup");
    let refused = backup(&at("nothing.db"), &at("backup.db")).unwrap_err();
    assert!(matches!(refused, BackupError::NoRecord(_)), "{refused}");
    let refused = backup(fresh.store.path(), &at("nowhere/backup.db")).unwrap_err();
    assert!(matches!(refused, BackupError::Write { .. }), "{refused}");
    let refused = backup(&at("diary"), &at("backup.db")).unwrap_err();
    assert!(matches!(refused, BackupError::Copy { .. } | BackupError::Open(_)), "{refused}");
    assert_eq!(names(directory.path()), ["begun.partial", "diary"]);
}

#[tokio::test]
async fn what_a_killed_backup_left_is_cleared_away_and_what_another_holds_is_not() {
    let fresh = fresh().await;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let left = "SQLite format 3\0 and no more";
    fs::write(at("daily.partial"), left).unwrap();
    let other = fs::File::open(at("daily.partial")).unwrap();
    other.lock().unwrap();
    let refused = backup(fresh.store.path(), &at("daily")).unwrap_err();
    assert!(matches!(refused, BackupError::Unfinished(_)), "{refused}");
    assert_eq!(fs::read_to_string(at("daily.partial")).unwrap(), left);
    drop(other);
    for log in ["daily.partial-wal", "daily.partial-shm", "daily.partial-journal"] {
        fs::write(at(log), "of a file that is no more").unwrap();
    }
    backup(fresh.store.path(), &at("daily")).unwrap();
    fs::write(at("weekly.partial"), "").unwrap();
    backup(fresh.store.path(), &at("weekly")).unwrap();
    assert_eq!(names(directory.path()), ["daily", "weekly"]);
    assert_eq!(integrity(&at("daily")), "ok");
}

#[tokio::test]
async fn a_record_that_is_damaged_is_not_backed_up() {
    let Fresh { store, directory } = fresh().await;
    let world = World::new(Stores::of(store));
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    for n in 0..200 {
        world.does(ann, room, named(&format!("damaged-{n}"), "said")).await.unwrap();
    }
    drop(world);
    let (path, to) = (path_in(&directory), directory.path().join("backup.db"));
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    // Every page can be read, and what it holds can't be.
    conn.batch_execute(
        "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
         UPDATE users SET id = x'00'; PRAGMA wal_checkpoint(TRUNCATE)",
    )
    .unwrap();
    drop(conn);
    let refused = backup(&path, &to).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged { .. }), "{refused}");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&path, bytes).unwrap();
    let refused = backup(&path, &to).unwrap_err();
    assert!(matches!(refused, BackupError::Copy { .. }), "{refused}");
    assert!(!names(directory.path()).iter().any(|name| name.starts_with("backup")));
}

#[tokio::test]
async fn another_process_may_begin_another_history() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let before = world.log(room).await;
    let other = Sqlite::open(fresh.store.path(), &Settings::default()).unwrap();
    let begun = other.new_epoch().await.unwrap();
    assert_ne!(begun, before.epoch);
    let heads = fresh.store.heads(&[room]).await.unwrap();
    assert_eq!((&heads[0].1.epoch, heads[0].1.head), (&begun, before.head), "who runs on the file hears of it");
}
