//! Where the record is: `store.*`, and `redis.*` between nodes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{SettingsError, section::section};

section! {
    /// The record.
    Store in "store" {
        /// `sqlite:PATH` for one file (created when missing), `memory:` for nothing that outlives the process.
        url: StoreUrl = StoreUrl::Sqlite(PathBuf::from("data/chat.db"));
        /// Milliseconds that SQLite waits for a lock of another process.
        busy_timeout_ms: u64 = 5_000, within 1..=60_000;
        /// Connections that read from SQLite side by side.
        readers: usize = 4, within 1..=64;
    }
}

section! {
    /// Between nodes.
    Redis in "redis" {
        /// Empty = no Redis. It joins several nodes, which needs a PostgreSQL store.
        url: String = String::new();
    }
}

impl Redis {
    /// One embedded record is served by one node, so there is nobody to talk to.
    pub(super) fn check_with(&self, store: &Store) -> Result<(), SettingsError> {
        if self.url.is_empty() {
            return Ok(());
        }
        let kind = match store.url {
            StoreUrl::Sqlite(_) => "sqlite",
            StoreUrl::Memory => "memory",
        };
        let detail = format!("Redis joins several nodes and needs a PostgreSQL store, but store.url is `{kind}:`");
        Err(SettingsError::wrong("redis.url", detail))
    }
}

/// Which store, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StoreUrl {
    /// One file.
    Sqlite(PathBuf),
    /// Nothing but the process's memory.
    Memory,
}

impl TryFrom<String> for StoreUrl {
    type Error = String;

    /// Accepts `sqlite:data/chat.db`, `sqlite:/srv/chat.db`, `sqlite:///srv/chat.db` and `memory:`. An error shows the
    /// scheme only: what follows may hold a password.
    fn try_from(text: String) -> Result<Self, String> {
        const KNOWN: &str = "known are sqlite:PATH and memory:";
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(format!("expected a URL; {KNOWN}"));
        };
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "memory" => Err("memory: takes no path".to_owned()),
            "sqlite" => sqlite_path(rest).map(Self::Sqlite),
            _ => Err(format!("unknown scheme {scheme:?}; {KNOWN}")),
        }
    }
}

fn sqlite_path(rest: &str) -> Result<PathBuf, String> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.ends_with('/') {
        return Err("sqlite: needs the path of a file, such as sqlite:data/chat.db".to_owned());
    }
    if path.starts_with(':') {
        return Err("a record in memory is called memory:".to_owned());
    }
    if path.contains(['?', '#', '\0']) {
        return Err("sqlite: takes a plain path without parameters".to_owned());
    }
    Ok(PathBuf::from(path))
}

impl From<StoreUrl> for String {
    fn from(url: StoreUrl) -> Self {
        match url {
            StoreUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            StoreUrl::Memory => "memory:".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<StoreUrl, String> {
        StoreUrl::try_from(text.to_owned())
    }

    #[test]
    fn the_store_is_a_file_or_memory() {
        for (text, path) in [
            ("sqlite:data/chat.db", "data/chat.db"),
            ("sqlite:/srv/chat.db", "/srv/chat.db"),
            ("sqlite:///srv/chat.db", "/srv/chat.db"),
            ("sqlite://chat.db", "chat.db"),
        ] {
            assert_eq!(url(text), Ok(StoreUrl::Sqlite(path.into())));
        }
        assert_eq!(url("memory:"), Ok(StoreUrl::Memory));
        for text in
            ["", "chat.db", "sqlite:", "sqlite://", "sqlite:data/", "sqlite::memory:", "sqlite:a?mode=ro", "memory:x"]
        {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn l2_an_unknown_scheme_is_named_without_the_password_behind_it() {
        let sentence = url("postgres://chat:hunter2@db/chat").unwrap_err();
        assert_eq!(sentence, "unknown scheme \"postgres\"; known are sqlite:PATH and memory:");
    }
}
