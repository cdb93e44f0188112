//! Exponential backoff with full jitter: how a client waits before it comes back.

use std::time::Duration;

/// The first ceiling.
const FIRST: Duration = Duration::from_millis(100);

/// The last ceiling; short, because here the server is known to come back.
const LAST: Duration = Duration::from_secs(3);

/// The waits of one client between two successes.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: anything from nothing to a ceiling that doubles.
    pub(crate) fn next(&mut self) -> Duration {
        let ceiling = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LAST);
        self.failures = self.failures.saturating_add(1);
        rand::random_range(Duration::ZERO..=ceiling)
    }

    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_ceiling_and_start_over() {
        let mut b = Backoff::default();
        assert!(b.next() <= FIRST);
        let longest = (0..200).map(|_| b.next()).max().unwrap();
        assert!(longest <= LAST && longest > LAST / 2, "{longest:?}");
        b.reset();
        assert!(b.next() <= FIRST);
    }
}
