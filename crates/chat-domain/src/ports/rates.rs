//! The port for rates: how often something may happen.

use crate::limits::Rate;

/// Counts what happens under a name, and says when it is too much.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RateLimits: Send + Sync {
    /// Counts one; never waits, so that the order of a socket's requests is kept.
    ///
    /// # Errors
    /// Milliseconds until one more is allowed. Nothing is counted then, but for sign-ins: each further try makes the wait
    /// longer, up to a minute, so that guessing gets slow and nobody is locked out for good (security A7).
    fn count(&self, rate: &Rate) -> Result<(), u64>;

    /// Gives back one that was counted for something that then did not happen.
    fn refund(&self, rate: &Rate);

    /// Forgets what was counted for a sign-in name: the right password was given.
    fn forgive(&self, rate: &Rate);
}
