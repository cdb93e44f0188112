//! What the server is compared with: one transaction per message, in the same store, on the same disk, in the same minute.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;

use crate::{
    cluster::blocking,
    limits::{self, OneTransaction, Writers},
    subject::Subject,
};

/// The database of the comparison, beside that of the nodes.
const DATABASE: &str = "rival";

/// At most so many connections write at once: what a generous pool has.
const CONNECTIONS: usize = 100;

/// One transaction per message.
pub(crate) enum Rival {
    /// SQLite; `None` while a slice is under way.
    Sqlite(Option<Box<Writers>>, usize),
    /// PostgreSQL.
    Postgres(OneTransaction),
}

impl Rival {
    /// The one that fits the server's store: PostgreSQL for a cluster, else SQLite in `dir`.
    ///
    /// # Errors
    /// When its store cannot be made.
    pub(crate) async fn open(subject: &Subject, dir: PathBuf, senders: usize, rooms: usize) -> anyhow::Result<Self> {
        let Some(backing) = &subject.backing else {
            let connections = senders.min(CONNECTIONS);
            let opened = tokio::task::spawn_blocking(move || Writers::open(&dir, connections, rooms)).await??;
            let connections = opened.connections();
            return Ok(Self::Sqlite(Some(Box::new(opened)), connections));
        };
        let postgres = std::sync::Arc::clone(&backing.postgres);
        let url = postgres.url(DATABASE);
        blocking(move || {
            postgres.drop_database(DATABASE)?;
            postgres.create_database(DATABASE, None)
        })
        .await?;
        Ok(Self::Postgres(OneTransaction::open(&url, senders.min(CONNECTIONS), rooms).await?))
    }

    /// What it is, for the report.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(_, connections) => {
                format!("SQLite, one transaction a message, {connections} connections")
            }
            Self::Postgres(rival) => {
                format!("PostgreSQL, one transaction a message, {} connections", rival.connections())
            }
        }
    }

    /// Writes for so long; answers the rows and the time.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn slice(&mut self, during: Duration) -> anyhow::Result<(u64, Duration)> {
        match self {
            Self::Sqlite(rival, _) => borrowed(rival, move |writers| writers.slice(during)).await,
            Self::Postgres(rival) => rival.slice(during).await,
        }
    }

    /// One connection that only inserts, for so long; `None` where nobody asked.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn alone(&mut self, during: Duration) -> anyhow::Result<Option<(u64, Duration)>> {
        match self {
            Self::Sqlite(rival, _) => borrowed(rival, move |writers| writers.alone(during)).await.map(Some),
            Self::Postgres(_) => Ok(None),
        }
    }

    /// Rows by COPY; `None` for a store that has none.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn copy(&mut self, during: Duration) -> anyhow::Result<Option<(u64, Duration)>> {
        match self {
            Self::Sqlite(..) => Ok(None),
            Self::Postgres(rival) => rival.copy(during).await.map(Some),
        }
    }
}

/// Lends what blocks to a thread that may.
async fn borrowed<T: Send + 'static>(
    rival: &mut Option<Box<Writers>>,
    work: impl FnOnce(&mut Writers) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let mut taken = rival.take().context("a slice was interrupted")?;
    let (taken, done) = tokio::task::spawn_blocking(move || {
        let done = work(&mut taken);
        (taken, done)
    })
    .await?;
    *rival = Some(taken);
    done
}

/// Bare synced writes in `dir`.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) async fn syncs(dir: PathBuf, during: Duration) -> anyhow::Result<(u64, Duration)> {
    blocking(move || limits::syncs(&dir, during)).await
}
