//! What tests are written with: a server, people, their sockets.

mod app;
mod collector;
mod http;
mod replica;
mod socket;
mod token;
mod user;

use std::{future::Future, time::Duration};

pub(crate) use app::{App, Options, SECRET, binary, spawn_app};
pub(crate) use collector::{Collector, Manner, Told};
pub(crate) use http::{Reply, Request, encode, read_head};
pub(crate) use replica::Replica;
pub(crate) use socket::{Socket, Upgrade};
pub(crate) use token::Forge;
pub(crate) use user::User;

/// Nothing in these tests takes longer, unless it says so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Waits, but not for ever.
#[track_caller]
pub(crate) fn within<T>(wait: Duration, what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let (at, what) = (std::panic::Location::caller(), what.to_owned());
    async move {
        match tokio::time::timeout(wait, future).await {
            Ok(value) => value,
            Err(_) => panic!("{what}: nothing within {wait:?} ({at})"),
        }
    }
}

/// Asks again until it is so.
#[track_caller]
pub(crate) fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) -> impl Future<Output = ()> {
    within(PATIENCE, what, async move {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    })
}

/// A nonce nobody used.
pub(crate) fn nonce() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// Every member of `part` is so in `whole`.
#[track_caller]
pub(crate) fn has(whole: &serde_json::Value, part: serde_json::Value) {
    for (key, wanted) in part.as_object().unwrap() {
        assert_eq!(whole.get(key).unwrap_or(&serde_json::Value::Null), wanted, "`{key}` of {whole}");
    }
}

/// The names of an object's members, sorted, joined by blanks.
pub(crate) fn names(value: &serde_json::Value) -> String {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}
