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

use crate::figures::per_second;

/// Rows per second into a fresh database in `dir`: WAL, `synchronous=FULL`, one immediate transaction a row.
///
/// # Errors
/// When the database cannot be made or written.
pub(crate) fn one_insert_per_message(dir: &Path, during: Duration) -> anyhow::Result<f64> {
    let path = dir.join("one-insert.db");
    let mut db = SqliteConnection::establish(path.to_str().context("the directory's name is no UTF-8")?)?;
    db.batch_execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE messages (room INTEGER, seq INTEGER, nonce TEXT, text TEXT, PRIMARY KEY (room, seq), UNIQUE (nonce));",
    )?;
    let text = "x".repeat(100);
    let start = Instant::now();
    let mut rows = 0_i64;
    while start.elapsed() < during {
        rows += 1;
        db.immediate_transaction(|db| {
            sql_query("INSERT INTO messages VALUES (1, ?, ?, ?)")
                .bind::<BigInt, _>(rows)
                .bind::<Text, _>(format!("nonce-{rows}"))
                .bind::<Text, _>(&text)
                .execute(db)
        })?;
    }
    Ok(per_second(rows.unsigned_abs(), start.elapsed()))
}
