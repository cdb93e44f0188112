//! The usual durable chat on SQLite: a connection per sender, one transaction per message that moves the room's head and inserts
//! the row. And the least that any such chat must do: one connection that does nothing but insert.

use std::{
    path::{Path, PathBuf},
    thread,
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

/// A table as a chat has it: numbers of a room without holes, a nonce that is there once.
const TABLES: &str = "
    CREATE TABLE rooms (id INTEGER PRIMARY KEY, head INTEGER NOT NULL);
    CREATE TABLE messages (
        room INTEGER NOT NULL, seq INTEGER NOT NULL, author INTEGER NOT NULL, nonce TEXT NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (room, seq)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX messages_nonce ON messages (room, author, nonce);";

/// How long a connection waits for its turn.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(path: &Path) -> anyhow::Result<SqliteConnection> {
    let mut db = SqliteConnection::establish(path.to_str().context("the directory's name is no UTF-8")?)?;
    let patience = PATIENCE.as_millis();
    db.batch_execute(&format!(
        "PRAGMA busy_timeout = {patience}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    ))?;
    Ok(db)
}

/// A file of its own, and the connections that write into it.
pub(crate) struct Writers {
    path: PathBuf,
    writers: Vec<Writer>,
    lone: Writer,
}

struct Writer {
    db: SqliteConnection,
    rooms: i64,
    number: i64,
    sent: i64,
}

impl Writers {
    /// A fresh database in `dir` with so many rooms: WAL, `synchronous=FULL`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(dir: &Path, connections: usize, rooms: usize) -> anyhow::Result<Self> {
        let (path, rooms) = (dir.join("one-transaction.db"), i64::try_from(rooms)?);
        let mut db = connect(&path)?;
        db.batch_execute(TABLES)?;
        db.immediate_transaction(|db| {
            (1..=rooms).try_for_each(|room| {
                sql_query("INSERT INTO rooms VALUES (?, 0)").bind::<BigInt, _>(room).execute(db).map(drop)
            })
        })?;
        let writer = |number| anyhow::Ok(Writer { db: connect(&path)?, rooms, number, sent: 0 });
        let writers = (1..=i64::try_from(connections.max(1))?).map(writer).collect::<anyhow::Result<_>>()?;
        let lone = writer(0)?;
        Ok(Self { writers, lone, path })
    }

    /// How many connections write.
    pub(crate) fn connections(&self) -> usize {
        self.writers.len()
    }

    /// All of them write for so long; answers the rows and the time.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) fn slice(&mut self, during: Duration) -> anyhow::Result<(u64, Duration)> {
        let start = Instant::now();
        let rows: anyhow::Result<u64> = thread::scope(|scope| {
            let tasks: Vec<_> =
                self.writers.iter_mut().map(|writer| scope.spawn(move || writer.write(start + during))).collect();
            let done = tasks.into_iter().map(|task| task.join().map_err(|_| anyhow::anyhow!("a writer panicked"))?);
            done.sum()
        });
        Ok((rows.with_context(|| self.path.display().to_string())?, start.elapsed()))
    }

    /// One connection inserts for so long and does nothing else; answers the rows and the time.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) fn alone(&mut self, during: Duration) -> anyhow::Result<(u64, Duration)> {
        let start = Instant::now();
        Ok((self.lone.insert(start + during)?, start.elapsed()))
    }
}

impl Writer {
    /// One transaction after the other; with many rooms each goes to another one.
    fn write(&mut self, until: Instant) -> anyhow::Result<u64> {
        let (text, before) = ("x".repeat(100), self.sent);
        while Instant::now() < until {
            self.sent += 1;
            let room = (self.number + self.sent) % self.rooms + 1;
            let (author, nonce) = (self.number, format!("nonce-{}", self.sent));
            self.db.immediate_transaction(|db| {
                sql_query("UPDATE rooms SET head = head + 1 WHERE id = ?").bind::<BigInt, _>(room).execute(db)?;
                sql_query("INSERT INTO messages SELECT id, head, ?, ?, ? FROM rooms WHERE id = ?")
                    .bind::<BigInt, _>(author)
                    .bind::<Text, _>(&nonce)
                    .bind::<Text, _>(&text)
                    .bind::<BigInt, _>(room)
                    .execute(db)
            })?;
        }
        Ok((self.sent - before).unsigned_abs())
    }

    /// The row alone, into a room that does not exist.
    fn insert(&mut self, until: Instant) -> anyhow::Result<u64> {
        let (text, before) = ("x".repeat(100), self.sent);
        while Instant::now() < until {
            self.sent += 1;
            let (seq, nonce) = (self.sent, format!("nonce-{}", self.sent));
            self.db.immediate_transaction(|db| {
                sql_query("INSERT INTO messages VALUES (0, ?, 0, ?, ?)")
                    .bind::<BigInt, _>(seq)
                    .bind::<Text, _>(&nonce)
                    .bind::<Text, _>(&text)
                    .execute(db)
            })?;
        }
        Ok((self.sent - before).unsigned_abs())
    }
}
