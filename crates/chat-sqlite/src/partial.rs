//! The file in which a backup grows until it is whole.
//!
//! Whoever makes it holds a lock on it that ends with the process. So one that nobody holds was broken off, and the next backup to
//! the same name clears it away: a backup made by a timer goes on after one that was killed.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::BackupError;

/// How a file of SQLite begins (<https://www.sqlite.org/fileformat.html#magic_header_string>).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The file, and the right to write it.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    /// Held until the file has its name. It is not closed before SQLite has closed the file, because by POSIX closing one
    /// descriptor ends all of a process's locks on a file.
    _lock: File,
}

impl Partial {
    /// For a backup that will be called `to`.
    pub(crate) fn claim(to: &Path) -> Result<Self, BackupError> {
        let path = beside(to);
        match create(&path) {
            Err(BackupError::Unfinished(_)) if clear(&path)? => create(&path),
            claimed => claimed,
        }
        .map(|lock| Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Nothing came of it.
    pub(crate) fn discard(self) {
        drop(fs::remove_file(&self.path));
    }
}

fn beside(to: &Path) -> PathBuf {
    with(to, ".partial")
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Makes it, for its owner only.
fn create(path: &Path) -> Result<File, BackupError> {
    let mut options = fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|cause| {
        let path = path.to_owned();
        let is_there = cause.kind() == io::ErrorKind::AlreadyExists;
        if is_there { BackupError::Unfinished(path) } else { BackupError::Write { path, cause } }
    })?;
    // Before it was locked, another backup may have taken it for one that was broken off.
    if is_mine(&file, path)? { Ok(file) } else { Err(BackupError::Unfinished(path.to_owned())) }
}

/// Removes what a backup that was broken off left behind, and answers whether it did. A file that is held, or that is nothing of
/// SQLite's, stays.
fn clear(path: &Path) -> Result<bool, BackupError> {
    let failed = |cause: io::Error| BackupError::Write { path: path.to_owned(), cause };
    // To write, though nothing is written: NFS gives nobody else the lock (flock(2)).
    let file = match fs::OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(cause) => return Err(failed(cause)),
    };
    if !is_mine(&file, path)? {
        return Ok(false);
    }
    let mut beginning = Vec::new();
    (&file).take(MAGIC.len() as u64).read_to_end(&mut beginning).map_err(failed)?;
    if !beginning.is_empty() && beginning != MAGIC {
        return Ok(false);
    }
    // The file goes last: if this is broken off as well, the next one comes by here again.
    for ending in ["-journal", "-shm", "-wal", ""] {
        match fs::remove_file(with(path, ending)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(true)
}

/// Whether this process got the lock of the file, and the file is still the one of that name.
fn is_mine(file: &File, path: &Path) -> Result<bool, BackupError> {
    let failed = |cause: io::Error| BackupError::Write { path: path.to_owned(), cause };
    match file.try_lock() {
        Ok(()) => is_at(file, path).map_err(failed),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match path.symlink_metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Elsewhere a file that is open keeps its name.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}
