//! Where the keys of access tokens come from (security D2, J5).
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use chat_auth::SigningKeys;
use chat_server::{
    config::{Settings, StoreUrl},
    secret::signing_keys,
};

fn names(settings: &Settings) -> Result<Vec<String>, String> {
    let keys = signing_keys(settings).map_err(|error| error.to_string())?;
    Ok(keys.names().map(str::to_owned).collect())
}

fn embedded(database: PathBuf) -> Settings {
    let mut settings = Settings::default();
    settings.store.url = StoreUrl::Sqlite(database);
    settings
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn d2_an_embedded_store_gets_a_secret_once_and_keeps_it() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("new/data");
    let settings = embedded(data.join("chat.db"));
    let first = names(&settings).unwrap();
    let path = data.join("secret.key");
    assert_eq!(mode(&path), 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(SigningKeys::parse(&text).unwrap().names().collect::<Vec<_>>(), first);
    assert_eq!(names(&settings).unwrap(), first);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft is left over");
}

#[test]
fn d2_servers_that_start_together_agree_on_one_secret() {
    let home = tempfile::tempdir().unwrap();
    let settings = embedded(home.path().join("chat.db"));
    let all: Vec<_> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| signing_keys(&settings).map(|keys| keys.names().map(str::to_owned).collect::<Vec<_>>()))
            })
            .collect();
        started.into_iter().map(|one| one.join().unwrap().unwrap()).collect()
    });
    assert!(all.iter().all(|names| *names == all[0]), "{all:?}");
}

#[test]
fn d2_a_secret_file_that_others_may_read_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("given.key");
    let mut settings = embedded(home.path().join("chat.db"));
    settings.auth.secret_file = path.display().to_string();
    for open in [0o640, 0o604, 0o620, 0o644, 0o777] {
        write(&path, SigningKeys::fresh_text().expose(), open);
        let error = names(&settings).unwrap_err();
        assert!(error.starts_with("auth.secret_file: `") && error.contains("chmod 600"), "{error}");
    }
    for closed in [0o600, 0o400] {
        write_again(&path, closed);
        assert_eq!(names(&settings).unwrap().len(), 1);
    }
    let made = home.path().join("secret.key");
    write(&made, SigningKeys::fresh_text().expose(), 0o644);
    settings.auth.secret_file.clear();
    let error = names(&settings).unwrap_err();
    assert!(error.starts_with("auth.secret: `") && error.contains("mode 0644"), "{error}");
}

fn write_again(path: &Path, mode: u32) {
    fs::remove_file(path).unwrap();
    write(path, SigningKeys::fresh_text().expose(), mode);
}

#[test]
fn a_secret_file_that_is_missing_or_wrong_is_one_sentence() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("given.key");
    let mut settings = Settings::default();
    settings.auth.secret_file = path.display().to_string();
    assert!(names(&settings).unwrap_err().starts_with("auth.secret_file: `"));
    write(&path, "k1:c2hvcnQ=\n", 0o600);
    let sentence = "auth.secret_file: the secret of key `k1` has 5 bytes; at least 32 are needed";
    assert_eq!(names(&settings).unwrap_err(), sentence);
}

#[test]
fn j5_a_sample_secret_does_not_start() {
    let mut settings = Settings::default();
    settings.auth.secret = "k1:change-me-to-32-random-bytes".to_owned().into();
    let error = names(&settings).unwrap_err();
    assert!(error.starts_with("auth.secret: entry 1 is the sample"), "{error}");
}

#[test]
fn a_store_in_memory_gets_a_secret_of_its_own_each_time() {
    let mut settings = Settings::default();
    settings.store.url = StoreUrl::Memory;
    assert_ne!(names(&settings).unwrap(), names(&settings).unwrap());
}
