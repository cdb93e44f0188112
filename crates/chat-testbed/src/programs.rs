//! Where the programs of the servers lie: on the `PATH`, or where Debian keeps those of PostgreSQL.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// Where Debian keeps PostgreSQL, a directory for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The programs of one PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct PostgresPrograms {
    /// Makes the directory of a server.
    pub(crate) initdb: PathBuf,
    /// The server.
    pub(crate) postgres: PathBuf,
    /// Runs statements.
    pub(crate) psql: PathBuf,
}

impl PostgresPrograms {
    /// Finds them; what lies beside the server comes first, so that all are of one version.
    ///
    /// # Errors
    /// When one is missing; the message names the Debian package.
    pub(crate) fn find() -> io::Result<Self> {
        let newest = newest(Path::new(DEBIAN));
        let postgres = find("postgres", &[], newest.as_deref(), "postgresql")?;
        let real = fs::canonicalize(&postgres)?;
        let beside: Vec<&Path> = real.parent().into_iter().collect();
        let initdb = find("initdb", &beside, newest.as_deref(), "postgresql")?;
        let psql = find("psql", &beside, newest.as_deref(), "postgresql-client")?;
        Ok(Self { initdb, postgres, psql })
    }
}

/// Finds the Redis server.
///
/// # Errors
/// When it is missing; the message names the Debian package.
pub(crate) fn redis_server() -> io::Result<PathBuf> {
    find("redis-server", &[], None, "redis-server")
}

fn find(name: &str, first: &[&Path], last: Option<&Path>, package: &str) -> io::Result<PathBuf> {
    let path = path();
    let directories = first.iter().map(|dir| dir.to_path_buf()).chain(std::env::split_paths(&path));
    let mut candidates = directories.chain(last.map(Path::to_path_buf)).map(|dir| dir.join(name));
    candidates.find(|file| file.is_file()).ok_or_else(|| {
        let message = format!("`{name}` was not found on the PATH: install it (Debian: apt-get install {package})");
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

#[expect(clippy::disallowed_methods, reason = "where programs lie is no setting of the chat")]
fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// The `bin` of the highest version below `base`; versions are numbers, so 9 comes before 15.
fn newest(base: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(base).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((version(entry.file_name().to_str()?)?, entry.path().join("bin")))
    });
    versions.filter(|(_, bin)| bin.join("postgres").is_file()).max().map(|(_, bin)| bin)
}

/// A version as numbers that compare; `None` for what is none.
fn version(name: &str) -> Option<Vec<u32>> {
    name.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("9.6") < version("15"));
        assert!(version("15") < version("15.1"));
        assert_eq!(version("common"), None);
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let e = find("no-such-program", &[], None, "some-package").unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::NotFound);
        assert!(e.to_string().contains("`no-such-program`") && e.to_string().contains("install some-package"), "{e}");
    }

    #[test]
    fn what_lies_beside_the_server_is_preferred() {
        let sh = find("sh", &[Path::new("/no-such-directory"), Path::new("/bin")], None, "dash").unwrap();
        assert_eq!(sh, Path::new("/bin/sh"));
    }
}
