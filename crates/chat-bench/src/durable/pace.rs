//! A rate that is measured in slices, because a disk is fast in one second and slow in the next.

use std::time::Duration;

use crate::figures::{float, per_second, ratio};

/// Slices of the same work.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pace {
    done: u64,
    took: Duration,
    rates: Vec<f64>,
}

impl Pace {
    /// One more slice.
    pub(crate) fn add(&mut self, done: u64, took: Duration) {
        self.done += done;
        self.took += took;
        self.rates.push(per_second(done, took));
    }

    /// What was done in all slices.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// What all slices took together.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    /// Per second, over all slices; 0 without any.
    pub(crate) fn rate(&self) -> f64 {
        ratio(float(self.done), self.took.as_secs_f64())
    }

    /// Per second, in the slowest slice.
    pub(crate) fn slowest(&self) -> f64 {
        self.rates.iter().copied().reduce(f64::min).unwrap_or(0.0)
    }

    /// Per second, in the fastest slice.
    pub(crate) fn fastest(&self) -> f64 {
        self.rates.iter().copied().reduce(f64::max).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_totals_not_the_mean_of_rates() {
        let mut pace = Pace::default();
        assert!(pace.rate().abs() < f64::EPSILON && pace.slowest().abs() < f64::EPSILON);
        pace.add(100, Duration::from_secs(1));
        pace.add(1_100, Duration::from_secs(3));
        assert!((pace.rate() - 300.0).abs() < 1e-9);
        assert!((pace.slowest() - 100.0).abs() < 1e-9);
        assert!((pace.fastest() - 1_100.0 / 3.0).abs() < 1e-9);
        assert_eq!((pace.done(), pace.took()), (1_200, Duration::from_secs(4)));
    }
}
