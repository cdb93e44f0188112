//! The usual durable chat: PostgreSQL, a pool of connections, one transaction per message that moves the room's head and
//! inserts the row. And what the server can take at all: COPY.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::SinkExt as _;
use tokio::{task::JoinSet, time::Instant};
use tokio_postgres::{Client, NoTls, Statement};

/// A table as a chat has it: numbers of a room without holes, a nonce that is there once.
const TABLES: &str = "
    CREATE TABLE rooms (id UUID PRIMARY KEY, head BIGINT NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE messages (
        room UUID NOT NULL, author UUID NOT NULL, seq BIGINT NOT NULL, rev BIGINT NOT NULL, at BIGINT NOT NULL,
        text TEXT, nonce TEXT COLLATE \"C\", fingerprint BYTEA NOT NULL,
        PRIMARY KEY (room, seq)
    );
    CREATE UNIQUE INDEX messages_nonce ON messages (room, author, nonce) WHERE nonce IS NOT NULL;
    CREATE TABLE copied (LIKE messages INCLUDING ALL);";

/// Bytes handed to COPY at once.
const CHUNK: usize = 64 * 1024;

/// Connections that write one message after the other.
pub(crate) struct OneTransaction {
    workers: Vec<Worker>,
    rooms: Vec<String>,
    copies: u64,
}

struct Worker {
    client: Client,
    head: Statement,
    insert: Statement,
    number: usize,
    sent: u64,
}

impl OneTransaction {
    /// Tables and so many rooms in an empty database, and so many connections to it.
    ///
    /// # Errors
    /// When the database does not play.
    pub(crate) async fn open(url: &str, connections: usize, rooms: usize) -> anyhow::Result<Self> {
        let client = connect(url).await?;
        client.batch_execute(TABLES).await?;
        let fill =
            "INSERT INTO rooms SELECT gen_random_uuid(), 0 FROM generate_series(1, $1::bigint) RETURNING id::text";
        let rows = client.query(fill, &[&i64::try_from(rooms)?]).await?;
        let rooms = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        // A plan that is made while the tables are empty stays bad.
        client.batch_execute("ANALYZE").await?;
        let mut workers = Vec::with_capacity(connections);
        for number in 0..connections.max(1) {
            let client = connect(url).await?;
            let move_head = "UPDATE rooms SET head = head + 1 WHERE id = $1::text::uuid RETURNING head";
            let insert = "INSERT INTO messages (room, author, seq, rev, at, text, nonce, fingerprint)
                VALUES ($1::text::uuid, $1::text::uuid, $2, $2, $2, $3, $4, $5)";
            let (head, insert) = (client.prepare(move_head).await?, client.prepare(insert).await?);
            workers.push(Worker { client, head, insert, number, sent: 0 });
        }
        Ok(Self { workers, rooms, copies: 0 })
    }

    /// How many connections write.
    pub(crate) fn connections(&self) -> usize {
        self.workers.len()
    }

    /// Writes for so long over all connections; answers the rows and the time.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) async fn slice(&mut self, during: Duration) -> anyhow::Result<(u64, Duration)> {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for worker in self.workers.drain(..) {
            tasks.spawn(worker.work(self.rooms.clone(), start + during));
        }
        let mut rows = 0;
        while let Some(done) = tasks.join_next().await {
            let (worker, sent) = done??;
            rows += sent;
            self.workers.push(worker);
        }
        Ok((rows, start.elapsed()))
    }

    /// Copies rows into a table of the same shape for so long, in one transaction; answers the rows and the time.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) async fn copy(&mut self, during: Duration) -> anyhow::Result<(u64, Duration)> {
        let client = &self.workers.first().context("no connection")?.client;
        let start = Instant::now();
        let sink =
            client.copy_in("COPY copied (room, author, seq, rev, at, text, nonce, fingerprint) FROM STDIN").await?;
        let mut sink = Box::pin(sink);
        let (text, before) = ("x".repeat(100), self.copies);
        let mut rooms = self.rooms.iter().cycle();
        while start.elapsed() < during {
            let mut chunk = String::with_capacity(CHUNK + 400);
            while chunk.len() < CHUNK {
                self.copies += 1;
                let (room, n) = (rooms.next().context("no room")?, self.copies);
                chunk.push_str(&format!("{room}\t{room}\t{n}\t{n}\t{n}\t{text}\tnonce-{n}\t\\\\x{n:064x}\n"));
            }
            sink.send(std::io::Cursor::new(chunk.into_bytes())).await?;
        }
        sink.as_mut().finish().await?;
        Ok((self.copies - before, start.elapsed()))
    }
}

impl Worker {
    /// One transaction after the other; with many rooms each goes to another one.
    async fn work(mut self, rooms: Vec<String>, until: Instant) -> anyhow::Result<(Self, u64)> {
        let (text, before) = ("x".repeat(100), self.sent);
        let mut room = rooms.iter().cycle().skip(self.number);
        while Instant::now() < until {
            self.sent += 1;
            let room = room.next().context("no room")?;
            let nonce = format!("{}-{}", self.number, self.sent);
            let transaction = self.client.transaction().await?;
            let head: i64 = transaction.query_one(&self.head, &[room]).await?.try_get(0)?;
            transaction.execute(&self.insert, &[room, &head, &text, &nonce, &[0_u8; 32].as_slice()]).await?;
            transaction.commit().await?;
        }
        let sent = self.sent - before;
        Ok((self, sent))
    }
}

async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("connecting to PostgreSQL")?;
    // It ends with the client; what goes wrong on it, the client's calls say.
    tokio::spawn(connection);
    Ok(client)
}

#[cfg(test)]
mod tests;
