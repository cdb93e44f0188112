//! The whole server as a cluster: several processes on one PostgreSQL and one Redis, which this suite starts for itself and which
//! may be stopped, cut off and killed.
//!
//! First the stories of the embedded server once more, word for word, on the cluster's record; then what only several nodes
//! can show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    dead_code,
    unused_imports,
    missing_docs,
    reason = "tests; not every suite needs every word of the harness"
)]

#[path = "../it/harness/mod.rs"]
mod harness;

mod nodes;
mod record;

#[path = "../it/accounts.rs"]
mod accounts;
#[path = "../it/delivery.rs"]
mod delivery;
#[path = "../it/invites.rs"]
mod invites;
#[path = "../it/matrix.rs"]
mod matrix;
#[path = "../it/messages.rs"]
mod messages;
#[path = "../it/metrics.rs"]
mod metrics;
#[path = "../it/races.rs"]
mod races;
#[path = "../it/rooms.rs"]
mod rooms;
#[path = "../it/search.rs"]
mod search;
#[path = "../it/sync.rs"]
mod sync;
#[path = "../it/webhooks.rs"]
mod webhooks;

mod between;
mod copying;
mod ends;
mod faults;
mod once;
mod present;
mod rates;
mod restoring;
mod startup;
