//! A backup of the file while a server writes it: a copy that is whole, verified, and known as a copy.
//!
//! SQLite makes it (`VACUUM INTO`) from one state of the record; writers go on meanwhile. It bears a mark, so that whoever opens
//! it as a record begins another history: clients may hold cursors beyond what it holds. It has its name only when it is whole
//! and on the disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use diesel::{QueryableByName, RunQueryDsl, SqliteConnection, prelude::*, sql_query, sql_types::Text};

use crate::{OpenError, connection::Opener, partial::Partial, schema::meta};

/// How long a lock may last: a server may be moving its log into the file.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no backup. Each reads as one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is nothing to back up.
    #[error("there is no database {0}")]
    NoRecord(PathBuf),
    /// Something of that name is there.
    #[error("{0} exists and is not overwritten")]
    Exists(PathBuf),
    /// Another backup to the same name is being made, or something else has the name under which it would grow.
    #[error("{0} exists: another backup is being made; remove the file if nothing writes it")]
    Unfinished(PathBuf),
    /// The file can't be written.
    #[error("cannot write {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// SQLite can't copy.
    #[error("cannot copy the database {path}: {cause}")]
    Copy {
        /// The record.
        path: PathBuf,
        /// What SQLite says.
        cause: String,
    },
    /// The copy is not sound; most likely the record is not, either.
    #[error("the copy of the database {path} is damaged: {cause}")]
    Damaged {
        /// The record.
        path: PathBuf,
        /// What SQLite says.
        cause: String,
    },
    /// The record, or its copy, can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Copies the record in `from` to a new file `to`, for its owner only. Blocks for as long as it takes. Answers how many bytes the
/// copy has.
///
/// # Errors
/// [`BackupError`]; there is no file `to` then that was not there before.
pub fn backup(from: &Path, to: &Path) -> Result<u64, BackupError> {
    if !from.is_file() {
        return Err(BackupError::NoRecord(from.to_owned()));
    }
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let partial = Partial::claim(to)?;
    let finished = copy(from, partial.path()).and_then(|()| publish(partial.path(), to));
    if finished.is_err() {
        partial.discard();
    }
    finished
}

fn copy(from: &Path, partial: &Path) -> Result<(), BackupError> {
    let failed = |cause: &dyn std::fmt::Display| BackupError::Copy { path: from.to_owned(), cause: cause.to_string() };
    let target = partial.to_str().ok_or_else(|| failed(&"the path of the backup is not UTF-8"))?;
    let mut record = Opener::create(from, PATIENCE)?.connect()?;
    sql_query("VACUUM INTO ?").bind::<Text, _>(target).execute(&mut record).map_err(|error| failed(&error))?;
    drop(record);
    let opener = Opener::create(partial, PATIENCE)?;
    let mut copied = opener.connect()?;
    // A server of an older version may be running: only the copy learns of the mark.
    opener.migrate(&mut copied)?;
    diesel::update(meta::table).set(meta::backup.eq(true)).execute(&mut copied).map_err(|error| failed(&error))?;
    match integrity(&mut copied) {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(BackupError::Damaged { path: from.to_owned(), cause: verdict }),
        Err(error) => Err(failed(&error)),
    }
}

/// The file is on the disk before its name is, and the name before anybody is told.
fn publish(partial: &Path, to: &Path) -> Result<u64, BackupError> {
    let failed = |cause: io::Error| BackupError::Write { path: to.to_owned(), cause };
    let file = fs::File::open(partial).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    fs::rename(partial, to).map_err(failed)?;
    let to = std::path::absolute(to).map_err(failed)?;
    if let Some(directory) = to.parent() {
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    }
    Ok(bytes)
}

fn integrity(conn: &mut SqliteConnection) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Verdict {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    // One line is enough to refuse.
    sql_query("PRAGMA integrity_check(1)").get_result::<Verdict>(conn).map(|verdict| verdict.integrity_check)
}
