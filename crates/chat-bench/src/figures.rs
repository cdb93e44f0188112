//! Numbers on their way to the report: durations, rates, percentiles.
//!
//! One place converts integers to floating point, so that nobody else has to argue with the lints about precision.
//! It knows neither servers nor protocols.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

/// `n` as a floating point number; exact below 2^53, which no figure here reaches.
#[expect(clippy::cast_precision_loss, reason = "figures stay far below 2^53")]
pub(crate) fn float(n: u64) -> f64 {
    n as f64
}

/// A length as a number for figures.
pub(crate) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// `n` per second over `over`; 0 when no time passed.
pub(crate) fn per_second(n: u64, over: Duration) -> f64 {
    if over.is_zero() { 0.0 } else { float(n) / over.as_secs_f64() }
}

/// `a / b`, 0 when there is nothing to divide by.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// Microseconds since this program first asked: the time base of every nonce and latency of a run.
pub(crate) fn now_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    micros(START.get_or_init(Instant::now).elapsed())
}

/// A duration in whole microseconds.
pub(crate) fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

/// Latencies in microseconds, shared by many tasks.
///
/// Recording takes one short lock per batch of values; shards keep the tasks of a crowd from meeting on one lock.
pub(crate) struct Latencies {
    shards: Vec<Mutex<Histogram<u64>>>,
}

/// Shards of one [`Latencies`]; a few times the cores a load generator gets.
const SHARDS: usize = 8;

/// The longest latency that is told apart, 10 minutes in microseconds.
const LONGEST_US: u64 = 600_000_000;

impl Latencies {
    /// No value yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let shards = (0..SHARDS)
            .map(|_| Histogram::new_with_bounds(1, LONGEST_US, 3).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { shards })
    }

    /// Adds `values`; `who` is any number of the caller, it chooses the shard.
    pub(crate) fn record(&self, who: usize, values: &[u64]) {
        if values.is_empty() {
            return;
        }
        let Some(shard) = self.shards.get(who % SHARDS) else { return };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        for value in values {
            shard.saturating_record(*value);
        }
    }

    /// Everything recorded so far.
    pub(crate) fn summary(&self) -> Summary {
        let mut all: Option<Histogram<u64>> = None;
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut all {
                None => all = Some(shard.clone()),
                // Equal bounds by construction, so adding cannot fail.
                Some(sum) => drop(sum.add(&*shard)),
            }
        }
        all.map_or_else(Summary::default, |h| Summary {
            count: h.len(),
            p50: float(h.value_at_quantile(0.50)) / 1e3,
            p95: float(h.value_at_quantile(0.95)) / 1e3,
            p99: float(h.value_at_quantile(0.99)) / 1e3,
            max: float(h.max()) / 1e3,
        })
    }
}

/// Percentiles in milliseconds.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Summary {
    /// How many values there are.
    pub(crate) count: u64,
    /// The median.
    pub(crate) p50: f64,
    /// 95 of 100 are below.
    pub(crate) p95: f64,
    /// 99 of 100 are below.
    pub(crate) p99: f64,
    /// The largest.
    pub(crate) max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_milliseconds_over_all_shards() {
        let l = Latencies::new().unwrap();
        for i in 1..=100_usize {
            l.record(i, &[u64::try_from(i).unwrap() * 1_000]);
        }
        let s = l.summary();
        assert_eq!(s.count, 100);
        assert!((49.9..51.0).contains(&s.p50), "{s:?}");
        assert!((98.9..100.0).contains(&s.p99), "{s:?}");
        assert!((99.9..100.2).contains(&s.max), "{s:?}");
    }

    #[test]
    fn nothing_divided_by_nothing_is_nothing() {
        assert!(ratio(1.0, 0.0).abs() < f64::EPSILON);
        assert!(per_second(5, Duration::ZERO).abs() < f64::EPSILON);
        assert!((per_second(5, Duration::from_millis(500)) - 10.0).abs() < 1e-9);
    }
}
