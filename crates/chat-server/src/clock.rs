//! The machine's clock: the one place where wall time and random ids come from.

use std::time::{SystemTime, UNIX_EPOCH};

use chat_domain::{ports::Clock, timestamp::Timestamp};
use uuid::Uuid;

/// The port [`Clock`] on the system's real-time clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the home of wall time")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the home of fresh ids")]
    fn fresh_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
