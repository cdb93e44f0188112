//! Where the servers of this suite keep their record: one file each, beside their log.

use std::path::Path;

/// What these servers have, as deploy/metrics.md calls it.
pub(crate) const HAS: &[&str] = &["SQLite"];

/// The settings that say so.
pub(crate) fn place(directory: &Path) -> Vec<(&'static str, String)> {
    vec![("CHAT_STORE__URL", format!("sqlite:{}", directory.join("chat.db").display()))]
}
