//! The simplest durable chat: SQLite, one transaction with one INSERT per message.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
// The bundled engine is linked, nothing of the crate is named.
use diesel::{
    Connection as _, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{BigInt, Text},
};
use libsqlite3_sys as _;

/// A database of its own, and how many rows it has.
pub(crate) struct OneInsert {
    db: SqliteConnection,
    rows: i64,
}

impl OneInsert {
    /// A fresh database in `dir`: WAL, `synchronous=FULL`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("one-insert.db");
        let mut db = SqliteConnection::establish(path.to_str().context("the directory's name is no UTF-8")?)?;
        db.batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE messages (room INTEGER, seq INTEGER, nonce TEXT, text TEXT, PRIMARY KEY (room, seq), UNIQUE (nonce));",
        )?;
        Ok(Self { db, rows: 0 })
    }

    /// Inserts for so long, one immediate transaction a row; answers the rows and the time.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn slice(&mut self, during: Duration) -> anyhow::Result<(u64, Duration)> {
        let (text, before) = ("x".repeat(100), self.rows);
        let start = Instant::now();
        while start.elapsed() < during {
            self.rows += 1;
            let rows = self.rows;
            self.db.immediate_transaction(|db| {
                sql_query("INSERT INTO messages VALUES (1, ?, ?, ?)")
                    .bind::<BigInt, _>(rows)
                    .bind::<Text, _>(format!("nonce-{rows}"))
                    .bind::<Text, _>(&text)
                    .execute(db)
            })?;
        }
        Ok(((self.rows - before).unsigned_abs(), start.elapsed()))
    }
}
