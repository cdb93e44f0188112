//! The keys of access tokens: given by settings, or made once beside an embedded store.
//!
//! A server that any sign-in survives needs a secret that outlives the process, and nobody should have to make one to
//! try the product. A cluster shares one, so there it must be given. A file with a secret that others can read is
//! refused, made by us or not (security D2).

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use chat_auth::SigningKeys;

use crate::config::{Settings, SettingsError, StoreUrl};

/// Beside the database.
const FILE_NAME: &str = "secret.key";
/// More is no list of keys.
const MAX_FILE_BYTES: u64 = 65_536;

/// The keys that these settings mean. With an embedded store and none given, `secret.key` beside the database is read,
/// or made with mode 0600 when there is none; a store in memory gets keys that die with it.
///
/// # Errors
/// [`SettingsError`] naming `auth.secret` or `auth.secret_file`.
pub fn signing_keys(settings: &Settings) -> Result<SigningKeys, SettingsError> {
    const SECRET: &str = "auth.secret";
    const SECRET_FILE: &str = "auth.secret_file";
    if let Some(text) = settings.auth.secret.expose() {
        return parse(SECRET, text);
    }
    if !settings.auth.secret_file.is_empty() {
        let path = Path::new(&settings.auth.secret_file);
        let text = read(path).map_err(|error| unreadable(SECRET_FILE, path, &error))?;
        return parse(SECRET_FILE, &text);
    }
    match &settings.store.url {
        // The settings' own check came first.
        StoreUrl::Postgres(_) => Err(SettingsError::wrong(SECRET, "is required with a PostgreSQL store")),
        StoreUrl::Memory => parse(SECRET, SigningKeys::fresh_text().expose()),
        StoreUrl::Sqlite(database) => {
            let path = database.parent().unwrap_or(Path::new("")).join(FILE_NAME);
            let text = read_or_make(&path).map_err(|error| unreadable(SECRET, &path, &error))?;
            parse(SECRET, &text)
        }
    }
}

fn parse(key: &str, text: &str) -> Result<SigningKeys, SettingsError> {
    SigningKeys::parse(text).map_err(|error| SettingsError::wrong(key, error.to_string()))
}

fn unreadable(key: &str, path: &Path, error: &io::Error) -> SettingsError {
    SettingsError::wrong(key, format!("`{}`: {error}", path.display()))
}

fn read_or_make(path: &Path) -> io::Result<String> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            // Another process may have been first: what is on disk counts.
            read(path)
        }
        other => other,
    }
}

/// The text of a file that only its owner may read; the check is on the open file, so nobody can swap it in between.
fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    refuse_if_others_may_read(&file)?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Makes the file whole or not at all: a new one is written and synced under another name, then given its own. A link
/// and not a rename, because a link never replaces what somebody else has put there meanwhile.
fn make(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    // Not named by the process id: in containers that share a volume it is 1 everywhere.
    let draft = PathBuf::from(format!("{}.{:016x}.new", path.display(), rand::random::<u64>()));
    let result = write_new(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(&draft, path),
        Ok(()) | Err(_) => Ok(()),
    });
    // After a rename it is gone already; a left-over after a failure would only be a secret that nobody uses.
    let _ = fs::remove_file(&draft);
    result?;
    File::open(directory)?.sync_all()
}

fn write_new(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(format!("{}\n", SigningKeys::fresh_text().expose()).as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_if_others_may_read(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let detail = format!("the file is open to others (mode {mode:04o}); allow its owner only: chmod 600");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, detail))
}

/// Elsewhere than on Unix access lists decide, which a mode can't tell.
#[cfg(not(unix))]
fn refuse_if_others_may_read(_file: &File) -> io::Result<()> {
    Ok(())
}
