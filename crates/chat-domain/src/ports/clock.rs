//! The port for time, and for the identifiers made from it.

use uuid::Uuid;

use crate::timestamp::Timestamp;

/// Wall time and fresh ids; tests bring their own.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now. May step back when the machine's clock does: order never depends on it.
    fn now(&self) -> Timestamp;

    /// A fresh UUIDv7 (RFC 9562 §5.7).
    fn fresh_id(&self) -> Uuid;
}
