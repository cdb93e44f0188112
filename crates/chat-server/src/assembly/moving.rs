//! `chat-server copy`: a record copied into another, whole and verified.

use std::time::Instant;

use chat_domain::{
    ports::Kind,
    usecases::copying::{self, CopyRefused, Tally},
};

use chat_sqlite::Sqlite;

use super::{AssemblyError, record};
use crate::config::{Settings, StoreUrl};

/// Why a record was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two can't be opened.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// A server runs on the source.
    #[error("--from: a server has {0} open; stop it first")]
    InUse(String),
    /// The copy itself.
    #[error(transparent)]
    Refused(#[from] CopyRefused),
}

/// Copies; returns what both hold now.
///
/// # Errors
/// [`CopyError`].
pub async fn copy(from: &StoreUrl, to: &StoreUrl, settings: &Settings) -> Result<Vec<Tally>, CopyError> {
    if let StoreUrl::Sqlite(path) = from
        && Sqlite::is_in_use(path).map_err(AssemblyError::from)?
    {
        return Err(CopyError::InUse(path.display().to_string()));
    }
    let (from, to) = (record::archive(from, settings).await?, record::archive(to, settings).await?);
    let mut told = (None, Instant::now());
    let tallies = copying::copy(&*from, &*to, |kind, rows| tell(&mut told, kind, rows)).await?;
    Ok(tallies)
}

/// A line of progress when another kind begins, and every few seconds.
fn tell((last, at): &mut (Option<Kind>, Instant), kind: Kind, rows: u64) {
    const EVERY_S: u64 = 2;
    if last.replace(kind) != Some(kind) || at.elapsed().as_secs() >= EVERY_S {
        *at = Instant::now();
        tracing::info!(kind = kind.word(), rows, "copying");
    }
}
