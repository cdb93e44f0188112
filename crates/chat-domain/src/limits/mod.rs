//! Limits that the rules themselves enforce; the rates that are counted, how fast each refills, and the arithmetic of it.

mod bucket;
mod buckets;
mod rates;

pub use bucket::{Bucket, Level, Waiting};
pub use buckets::Buckets;
pub use rates::{Rate, RateKind, RateSettings, Refill, Rule};

/// Sizes the use cases check; every one is a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most scalars of a message (`limits.text_chars`).
    pub text_chars: usize,
    /// Most webhooks of a room (`limits.webhooks_per_room`).
    pub webhooks_per_room: usize,
    /// Whether strangers may register (`auth.registration`).
    pub registration_open: bool,
    /// How long a refresh token lives, in seconds (`auth.refresh_ttl_s`).
    pub refresh_ttl_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text_chars: 4_000, webhooks_per_room: 10, registration_open: true, refresh_ttl_s: 2_592_000 }
    }
}
