//! What the record counts, and what each of it means.

use std::time::Instant;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Every operation that this crate counts: the values of the label `op`.
pub(crate) const OPS: [&str; 47] = [
    "accounts.create",
    "accounts.credentials",
    "accounts.delete",
    "accounts.password",
    "accounts.rehash",
    "accounts.rename",
    "accounts.search",
    "accounts.set_password",
    "accounts.users",
    "archive.begin_filling",
    "archive.end_filling",
    "archive.epoch",
    "archive.is_filling",
    "archive.read",
    "archive.write",
    "commit",
    "log.acquaintances",
    "log.changes",
    "log.find",
    "log.heads",
    "log.history",
    "log.live",
    "log.message",
    "log.ping",
    "log.reactions",
    "rooms.bans",
    "rooms.directory",
    "rooms.invite",
    "rooms.invited_to",
    "rooms.invites",
    "rooms.members",
    "rooms.room",
    "rooms.rooms_of",
    "rooms.sync",
    "rooms.withdraw",
    "sessions.end",
    "sessions.end_others",
    "sessions.ended_since",
    "sessions.list",
    "sessions.open",
    "sessions.rotate",
    "upkeep.new_epoch",
    "upkeep.raise_floor",
    "webhooks.add",
    "webhooks.find",
    "webhooks.list",
    "webhooks.remove",
];

/// Tells the recorder what each of them means, and begins at zero what is known beforehand.
pub(crate) fn describe() {
    describe_counter!("chat_store_queries_total", "Calls of the record, by operation");
    for op in OPS {
        counter!("chat_store_queries_total", "op" => op).absolute(0);
    }
    describe_histogram!("chat_store_seconds", Unit::Seconds, "How long a caller of the record waited, by operation");
    describe_histogram!("chat_store_commit_seconds", Unit::Seconds, "How long one transaction of commands took");
    describe_histogram!("chat_store_batch_size", "Commands in one transaction");
    // A histogram is shown from the moment somebody asks for it; those of other operations with their first call.
    drop(histogram!("chat_store_seconds", "op" => "commit"));
    drop(histogram!("chat_store_commit_seconds"));
    drop(histogram!("chat_store_batch_size"));
    describe_gauge!(
        "chat_search_waiting",
        "Messages that wait for the index of the search, as it was after the last slice"
    );
    gauge!("chat_search_waiting").set(0.0);
}

/// Counts a call of a port, and how long its caller waited, however it ended.
pub(crate) struct Timed {
    op: &'static str,
    started: Instant,
}

impl Timed {
    pub(crate) fn start(op: &'static str) -> Self {
        debug_assert!(OPS.contains(&op), "{op} is not among OPS");
        counter!("chat_store_queries_total", "op" => op).increment(1);
        Self { op, started: Instant::now() }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        histogram!("chat_store_seconds", "op" => self.op).record(self.started.elapsed().as_secs_f64());
    }
}

/// So many messages wait for the index of the search.
pub(crate) fn show_waiting(messages: i64) {
    #[expect(clippy::cast_precision_loss, reason = "fewer messages than 2^52")]
    gauge!("chat_search_waiting").set(messages as f64);
}
