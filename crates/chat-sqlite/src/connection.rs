//! How a connection is made: the file, its directory, the pragmas that the promises rest on, the migrations.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection,
    dsl::insert_or_ignore_into, prelude::*, sql_query, sql_types::Text,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::schema::meta;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Pages in the log before a commit also moves them into the file: 16 MiB, so that a burst of sends seldom pays for it.
const CHECKPOINT_PAGES: u32 = 4_096;

/// Why the record could not be opened. Each reads as one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory or the file can't be made.
    #[error("cannot create {path}: {cause}")]
    Create {
        /// What was to be made.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// SQLite does not open the file.
    #[error("cannot open the database {path}: {cause}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: String,
    },
    /// The file system can't carry a write-ahead log, without which readers would stop the writer.
    #[error(
        "the database {path} cannot keep a write-ahead log here (journal mode `{mode}`); is it on a network drive?"
    )]
    Journal {
        /// The file.
        path: PathBuf,
        /// What SQLite fell back to.
        mode: String,
    },
    /// The tables could not be brought up to date.
    #[error("cannot migrate the database {path}: {cause}")]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What stood against it.
        cause: String,
    },
    /// The file was written by a later version of this program.
    #[error("the database {path} was written by a newer version (migration {version})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The first migration that is not known here.
        version: String,
    },
    /// No thread could be started.
    #[error("cannot start a thread for the database: {0}")]
    Thread(io::Error),
}

/// Makes connections to one file.
#[derive(Debug)]
pub(crate) struct Opener {
    path: PathBuf,
    busy_timeout: Duration,
    /// 0 = as large as SQLite allows.
    pub(crate) max_pages: AtomicU32,
}

impl Opener {
    /// Makes the directory (for its owner only) and the file, if they are missing.
    pub(crate) fn create(path: &Path, busy_timeout: Duration) -> Result<Self, OpenError> {
        let path = std::path::absolute(path).map_err(|cause| OpenError::Create { path: path.to_owned(), cause })?;
        if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
            let made = private_directory(directory);
            made.map_err(|cause| OpenError::Create { path: directory.to_owned(), cause })?;
        }
        private_file(&path).map_err(|cause| OpenError::Create { path: path.clone(), cause })?;
        Ok(Self { path, busy_timeout, max_pages: AtomicU32::new(0) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Brings the tables up to date and sees to it that there is an epoch.
    pub(crate) fn migrate(&self, conn: &mut SqliteConnection) -> Result<(), OpenError> {
        let failed = |cause: String| OpenError::Migrate { path: self.path.clone(), cause };
        let known = diesel::migration::MigrationSource::<diesel::sqlite::Sqlite>::migrations(&MIGRATIONS)
            .map_err(|error| failed(error.to_string()))?;
        let pending = conn.pending_migrations(MIGRATIONS).map_err(|error| failed(error.to_string()))?;
        if pending.len() < known.len() {
            let applied = conn.applied_migrations().map_err(|error| failed(error.to_string()))?;
            let is_known = |version: &_| known.iter().any(|migration| migration.name().version() == *version);
            if let Some(newer) = applied.into_iter().find(|version| !is_known(version)) {
                let newest_known = known.iter().map(|migration| migration.name().version().to_string()).max();
                let since = meta::table.select(meta::readable_since).get_result::<String>(conn);
                let since = since.optional().map_err(|error| failed(error.to_string()))?;
                let version = newer.to_string();
                if since.is_none_or(|since| Some(since) > newest_known) {
                    return Err(OpenError::Newer { path: self.path.clone(), version });
                }
                tracing::warn!(
                    version,
                    "the database was migrated by a newer version, which left it readable for this one"
                );
            }
        }
        conn.run_pending_migrations(MIGRATIONS).map_err(|error| failed(error.to_string()))?;
        let first = insert_or_ignore_into(meta::table).values((meta::only.eq(1), meta::epoch.eq(random_epoch())));
        first.execute(conn).map_err(|error| failed(error.to_string()))?;
        Ok(())
    }

    /// Begins another history if the file is a backup that was not opened before: it holds less than what was told.
    pub(crate) fn arrive(&self, conn: &mut SqliteConnection) -> Result<(), OpenError> {
        let new = (meta::epoch.eq(random_epoch()), meta::backup.eq(false));
        let begin = diesel::update(meta::table.filter(meta::backup.eq(true))).set(new).execute(conn);
        let begun = begin.map_err(|error| OpenError::Migrate { path: self.path.clone(), cause: error.to_string() })?;
        if begun > 0 {
            tracing::warn!(
                path = %self.path.display(),
                "the record was restored from a backup: another history begins, and all clients load anew"
            );
        }
        Ok(())
    }

    /// A connection that writes: what it commits is on the disk (`synchronous=FULL`), also in the log.
    pub(crate) fn writer(&self) -> Result<SqliteConnection, OpenError> {
        let mut conn = self.connect()?;
        let mode = sql_query("PRAGMA journal_mode=WAL").get_result::<JournalMode>(&mut conn);
        let mode = mode.map_err(|error| self.failed(&error))?.journal_mode;
        if mode != "wal" {
            return Err(OpenError::Journal { path: self.path.clone(), mode });
        }
        let pages = match self.max_pages.load(Ordering::Relaxed) {
            0 => u32::MAX - 1,
            pages => pages,
        };
        let pragmas = format!(
            "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}; PRAGMA max_page_count={pages}"
        );
        conn.batch_execute(&pragmas).map_err(|error| self.failed(&error))?;
        Ok(conn)
    }

    /// A connection that only reads.
    pub(crate) fn reader(&self) -> Result<SqliteConnection, OpenError> {
        let mut conn = self.connect()?;
        conn.batch_execute("PRAGMA query_only=ON").map_err(|error| self.failed(&error))?;
        Ok(conn)
    }

    /// In WAL mode every connection shares a lock of the file as long as it lives, so only who is alone gets the other one
    /// (<https://www.sqlite.org/pragma.html#pragma_locking_mode>).
    pub(crate) fn is_in_use(&self) -> Result<bool, OpenError> {
        let path = self.path.to_str().ok_or_else(|| self.failed(&"its path is not UTF-8"))?;
        let mut conn = SqliteConnection::establish(path).map_err(|error| self.failed(&error))?;
        let alone = conn.batch_execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
        match alone {
            Ok(()) => Ok(false),
            Err(error) if error.to_string().contains("locked") => Ok(true),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// A connection with the file's own journal.
    pub(crate) fn connect(&self) -> Result<SqliteConnection, OpenError> {
        let path = self.path.to_str().ok_or_else(|| self.failed(&"its path is not UTF-8"))?;
        let mut conn = SqliteConnection::establish(path).map_err(|error| self.failed(&error))?;
        let busy = self.busy_timeout.as_millis();
        let pragmas = format!("PRAGMA busy_timeout={busy}; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY");
        conn.batch_execute(&pragmas).map_err(|error| self.failed(&error))?;
        Ok(conn)
    }

    fn failed(&self, cause: &dyn std::fmt::Display) -> OpenError {
        OpenError::Open { path: self.path.clone(), cause: cause.to_string() }
    }
}

/// 128 random bits: no two histories ever share one.
pub(crate) fn random_epoch() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

#[cfg(unix)]
fn private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// SQLite gives its log and its shared memory the permissions of the file.
fn private_file(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
