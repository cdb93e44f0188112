//! `chat-server new-epoch` and `chat-server backup`: what operators do to the record as a whole.

use std::path::Path;

use chat_domain::objects::Epoch;
use chat_postgres::Postgres;
use chat_sqlite::{BackupError, Sqlite};

use super::{AssemblyError, bounds};
use crate::config::{Settings, StoreUrl};

/// Begins another history of the record of the settings. Nodes that run on it notice at their next look at the heads of rooms,
/// and reset whoever listens.
///
/// # Errors
/// [`AssemblyError`].
pub async fn new_epoch(settings: &Settings) -> Result<Epoch, AssemblyError> {
    match &settings.store.url {
        StoreUrl::Memory => Err(AssemblyError::NoHistory),
        StoreUrl::Sqlite(path) if !path.is_file() => Err(AssemblyError::NoRecord(path.display().to_string())),
        StoreUrl::Sqlite(path) => Ok(Sqlite::open(path, &bounds::sqlite(settings))?.new_epoch().await?),
        StoreUrl::Postgres(url) => {
            let url = url.expose().unwrap_or_default();
            Ok(Postgres::open(url, &bounds::postgres(settings)).await?.new_epoch().await?)
        }
    }
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupRefused {
    /// Only the embedded record is a file.
    #[error("store.url: {0}")]
    NotAFile(&'static str),
    /// The file can't be copied.
    #[error(transparent)]
    Failed(#[from] BackupError),
}

/// Copies the embedded record to a new file, while a server runs or not. Answers how many bytes it has.
///
/// # Errors
/// [`BackupRefused`].
pub fn backup(store: &StoreUrl, to: &Path) -> Result<u64, BackupRefused> {
    match store {
        StoreUrl::Sqlite(path) => Ok(chat_sqlite::backup(path, to)?),
        StoreUrl::Memory => Err(BackupRefused::NotAFile("memory: holds nothing that could be backed up")),
        StoreUrl::Postgres(_) => Err(BackupRefused::NotAFile(
            "a record on PostgreSQL is backed up by its own tools, such as `pg_dump --format=custom`",
        )),
    }
}
