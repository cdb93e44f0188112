//! All metrics of every mode: each part of the house describes its own, with zeros where labels are known beforehand.
//!
//! The store, the bus, the password threads and the traces describe theirs when they begin. `deploy/metrics.md` has the table of all.

use metrics::{describe_gauge, gauge};

/// Tells the recorder about them; before anything is recorded.
pub(super) fn describe() {
    describe_gauge!("chat_build_info", "Always 1; the version is in the label");
    gauge!("chat_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    chat_hub::describe_metrics();
    chat_web::describe_metrics();
}
