//! A bucket per name, in bounded memory.

use std::{collections::HashMap, hash::Hash, time::Duration};

use super::{Bucket, Level, Refill, Rule};

/// Names that are counted at once; beyond, any one is forgotten for each new one, so that memory is bounded (≈ 20 MiB).
const MOST_NAMES: usize = 100_000;
/// Below so many names nobody sweeps.
const FEW_NAMES: usize = 1_024;

/// What was counted under each name. Moments are as in [`Bucket`].
#[derive(Clone, Debug)]
pub struct Buckets<K> {
    names: HashMap<K, Bucket>,
    /// At so many names the empty ones are swept: twice what the last sweep left, so that sweeping is cheap per name.
    sweep_at: usize,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self { names: HashMap::new(), sweep_at: FEW_NAMES }
    }
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// Counts one.
    ///
    /// # Errors
    /// As [`Bucket::count`], in milliseconds rounded up: one who waits as told is never a moment too early.
    pub fn count(&mut self, name: &K, rule: Rule, now: Duration) -> Result<(), u64> {
        let wait = self.of(name, now).count(rule, now);
        wait.map_err(|wait| u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }

    /// Gives one back.
    pub fn refund(&mut self, name: &K, refill: Refill) {
        if let Some(bucket) = self.names.get_mut(name) {
            bucket.refund(refill);
        }
    }

    /// Forgets what was counted.
    pub fn forgive(&mut self, name: &K) {
        self.names.remove(name);
    }

    /// How full it is.
    #[must_use]
    pub fn level(&self, name: &K, now: Duration) -> Level {
        self.names.get(name).map_or_else(Level::default, |bucket| bucket.level(now))
    }

    /// As [`Bucket::raise`].
    pub fn raise(&mut self, name: &K, rule: Rule, level: Level, then: Duration) {
        if level != Level::default() {
            self.of(name, then).raise(rule, level, then);
        }
    }

    fn of(&mut self, name: &K, now: Duration) -> &mut Bucket {
        if !self.names.contains_key(name) && self.names.len() >= self.sweep_at.min(MOST_NAMES) {
            self.make_room(now);
        }
        self.names.entry(name.clone()).or_insert_with(|| Bucket::empty(now))
    }

    fn make_room(&mut self, now: Duration) {
        if self.names.len() >= self.sweep_at {
            self.names.retain(|_, bucket| !bucket.is_empty(now));
            self.sweep_at = (self.names.len() * 2).max(FEW_NAMES);
        }
        if self.names.len() >= MOST_NAMES
            && let Some(any) = self.names.keys().next().cloned()
        {
            self.names.remove(&any);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { refill: Refill { interval: Duration::from_secs(1), burst: 10 }, grows: false };

    #[test]
    fn names_that_are_as_if_never_counted_are_swept() {
        let mut buckets = Buckets::default();
        for name in 0..100_000_u64 {
            assert_eq!(buckets.count(&name, RULE, Duration::from_millis(name)), Ok(()));
        }
        assert!(buckets.names.len() < 10_000, "{}", buckets.names.len());
    }

    #[test]
    fn the_shortest_wait_is_a_millisecond() {
        let mut buckets = Buckets::default();
        let now = |nanos| Duration::from_nanos(nanos);
        for _ in 0..10 {
            assert_eq!(buckets.count(&(), RULE, now(0)), Ok(()));
        }
        assert_eq!(buckets.count(&(), RULE, now(999_999_999)), Err(1));
        assert_eq!(buckets.count(&(), RULE, now(1_000_000_000)), Ok(()));
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut buckets = Buckets::default();
        for name in 0..MOST_NAMES + 1_000 {
            assert_eq!(buckets.count(&name, RULE, Duration::ZERO), Ok(()));
        }
        assert_eq!(buckets.names.len(), MOST_NAMES);
    }
}
