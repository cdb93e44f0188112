//! Rates of one node: a bucket per name, by the arithmetic of the domain.

use std::sync::{Mutex, PoisonError};

use chat_domain::{
    limits::{Buckets, Rate, RateSettings},
    ports::RateLimits,
};
use tokio::time::Instant;

/// Rates counted on this node alone.
#[derive(Debug)]
pub struct MemoryRates {
    settings: RateSettings,
    began: Instant,
    buckets: Mutex<Buckets<Rate>>,
}

impl MemoryRates {
    /// Counts under these settings.
    #[must_use]
    pub fn new(settings: RateSettings) -> Self {
        Self { settings, began: Instant::now(), buckets: Mutex::default() }
    }
}

impl RateLimits for MemoryRates {
    fn count(&self, rate: &Rate) -> Result<(), u64> {
        if !self.settings.enabled {
            return Ok(());
        }
        let rule = self.settings.rule(rate);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.count(rate, rule, self.began.elapsed())
    }

    fn refund(&self, rate: &Rate) {
        let refill = self.settings.rule(rate).refill;
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).refund(rate, refill);
    }

    fn forgive(&self, rate: &Rate) {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).forgive(rate);
    }
}
