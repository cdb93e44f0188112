//! Where the servers of this suite keep their record: on one PostgreSQL and one Redis that the suite starts for itself, each
//! in a database of its own, and so out of the others' hearing.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{LazyLock, Mutex, OnceLock},
    time::Duration,
};

use chat_testbed::{Postgres, Redis};

use crate::harness::{SECRET, binary, within};

/// A database with all tables and nothing in them.
const TEMPLATE: &str = "chat_template";

/// What these servers have, as deploy/metrics.md calls it.
pub(crate) const HAS: &[&str] = &["PostgreSQL", "Redis"];

/// Databases by the directory of the server they were made for: one that starts again finds its own.
static MADE: LazyLock<Mutex<HashMap<PathBuf, String>>> = LazyLock::new(Mutex::default);

/// The suite's PostgreSQL.
pub(crate) fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Postgres::start().unwrap();
        server.create_database(TEMPLATE, None).unwrap();
        migrate(&server.url(TEMPLATE));
        server
    })
}

/// The suite's Redis.
pub(crate) fn redis() -> &'static Redis {
    static SERVER: OnceLock<Redis> = OnceLock::new();
    SERVER.get_or_init(|| Redis::start().unwrap())
}

/// Runs the binary to its end with these settings and no others; one that does not end is killed.
pub(crate) async fn runs(words: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = tokio::process::Command::new(binary());
    command.args(words).env_clear().envs(settings.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    within(Duration::from_secs(20), "the end of the binary", command.output()).await.unwrap()
}

/// As an operator does before the first start.
pub(crate) fn migrate(url: &str) {
    let mut migrate = Command::new(binary());
    migrate.arg("migrate").env_clear().env("CHAT_STORE__URL", url).env("CHAT_AUTH__SECRET", SECRET);
    let done = migrate.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The name of a database that nobody else has.
fn name() -> String {
    format!("chat_{}", uuid::Uuid::now_v7().simple())
}

/// A fresh database on a server: its address.
pub(crate) fn database_on(server: &Postgres) -> String {
    let name = name();
    server.create_database(&name, None).unwrap();
    migrate(&server.url(&name));
    server.url(&name)
}

/// A fresh database on the suite's server: its address.
pub(crate) fn database() -> String {
    let name = name();
    let server = postgres();
    // Cloning waits for nobody: the template has no connections.
    server.create_database(&name, Some(TEMPLATE)).unwrap();
    server.url(&name)
}

/// The settings of a server that runs in this directory.
pub(crate) fn place(directory: &Path) -> Vec<(&'static str, String)> {
    let url = MADE.lock().unwrap().entry(directory.to_owned()).or_insert_with(database).clone();
    vec![("CHAT_STORE__URL", url), ("CHAT_REDIS__URL", redis().url())]
}
