//! Where the record is: `store.*`, and `redis.*` between nodes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{SettingsError, section::section, server_url::ServerUrl};

section! {
    /// The record.
    Store in "store" {
        /// `sqlite:PATH` for one file (created when missing), `postgres://…` for a cluster (`sslmode` as libpq has it), `memory:` for nothing that outlives the process.
        url: StoreUrl = StoreUrl::Sqlite(PathBuf::from("data/chat.db"));
        /// Milliseconds that SQLite waits for a lock of another process.
        busy_timeout_ms: u64 = 5_000, within 1..=60_000;
        /// Connections that read side by side.
        readers: usize = 4, within 1..=64;
        /// Connections that write to PostgreSQL side by side; SQLite has one.
        writers: usize = 4, within 1..=64;
        /// Milliseconds that connecting to PostgreSQL may take, TLS and sign-in included.
        connect_timeout_ms: u64 = 3_000, within 100..=60_000;
        /// Milliseconds that an operation waits for a free connection to PostgreSQL.
        wait_timeout_ms: u64 = 3_000, within 100..=60_000;
        /// Milliseconds that a read may take.
        read_timeout_ms: u64 = 5_000, within 100..=600_000;
        /// Milliseconds that a write may take; one that took longer may have been committed all the same.
        write_timeout_ms: u64 = 10_000, within 100..=600_000;
        /// Milliseconds that a statement waits in PostgreSQL for a row that somebody else has locked.
        lock_timeout_ms: u64 = 4_000, within 1_000..=60_000;
        /// Messages that may wait for the search's index before it is preferred to writing; 0 = what suits the store: 2048 in SQLite, 20000 in PostgreSQL.
        index_backlog: usize = 0, within 0..=1_000_000;
        /// Messages indexed in one transaction; 0 = what suits the store: 1024 in SQLite, 500 in PostgreSQL.
        index_slice: usize = 0, within 0..=10_000;
        /// Milliseconds that indexing lets pass after a write; 0 = what suits the store: 250 in SQLite, 100 in PostgreSQL.
        index_pause_ms: u64 = 0, within 0..=60_000;
    }
}

section! {
    /// Between nodes.
    Redis in "redis" {
        /// Empty = no Redis. It joins several nodes, which needs a PostgreSQL store.
        url: ServerUrl = ServerUrl::default();
        /// What its keys and channels begin with, so that several deployments may share one Redis.
        prefix: String = "chat".to_owned();
        /// Recent events of each room that are kept there for nodes that begin to hold it.
        tail_events: usize = 256, within 1..=10_000;
        /// Bytes of them, per room; the oldest go first.
        tail_bytes: usize = 262_144, within 4_096..=67_108_864;
        /// By what every rate is divided on a node while Redis is away, so that many nodes do not multiply what is allowed.
        rates_alone: u32 = 2, within 1..=1_000;
    }
}

impl Redis {
    /// One embedded record is served by one node, so there is nobody to talk to.
    pub(super) fn check_with(&self, store: &Store) -> Result<(), SettingsError> {
        let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !(1..=32).contains(&self.prefix.len()) || !self.prefix.bytes().all(letters) {
            let detail = "expected 1 to 32 letters, digits, dots, hyphens and underscores";
            return Err(SettingsError::wrong("redis.prefix", detail));
        }
        if self.url.expose().is_none() {
            return Ok(());
        }
        let kind = match store.url {
            StoreUrl::Postgres(_) => return Ok(()),
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
    /// A PostgreSQL server.
    Postgres(ServerUrl),
    /// Nothing but the process's memory.
    Memory,
}

impl TryFrom<String> for StoreUrl {
    type Error = String;

    /// Accepts `sqlite:data/chat.db`, `sqlite:/srv/chat.db`, `sqlite:///srv/chat.db`, `postgres://host/database` and `memory:`. An error shows the
    /// scheme only: what follows may hold a password.
    fn try_from(text: String) -> Result<Self, String> {
        const KNOWN: &str = "known are sqlite:PATH, postgres://HOST/DATABASE and memory:";
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(format!("expected a URL; {KNOWN}"));
        };
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "memory" => Err("memory: takes no path".to_owned()),
            "sqlite" => sqlite_path(rest).map(Self::Sqlite),
            "postgres" | "postgresql" if rest.starts_with("//") => Ok(Self::Postgres(ServerUrl::from(text))),
            "postgres" | "postgresql" => Err(format!("{scheme}: needs the address of a server; {KNOWN}")),
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
            StoreUrl::Postgres(url) => url.shown(),
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
        let sentence = url("mysql://chat:hunter2@db/chat").unwrap_err();
        assert_eq!(sentence, "unknown scheme \"mysql\"; known are sqlite:PATH, postgres://HOST/DATABASE and memory:");
    }

    #[test]
    fn l2_a_server_is_shown_without_its_password() {
        let store = url("postgres://chat:hunter2@db/chat").unwrap();
        assert!(!format!("{store:?}").contains("hunter2"));
        assert_eq!(String::from(store), "postgres://chat:[redacted]@db/chat");
        assert!(url("postgres:chat").is_err());
    }
}
