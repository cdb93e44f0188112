//! All chance of a run, from one seed; and the clock and the ids that come of it.

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex},
    time::Duration,
};

use chat_domain::{ports::Clock, timestamp::Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Instant;
use uuid::Uuid;

/// 2026-01-01T00:00:00Z, where every run begins.
const BEGINNING_MS: i64 = 1_767_225_600_000;

/// A stream of chance; clones draw from the same one.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<StdRng>>);

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A stream of its own, so that one part's appetite does not change another's luck.
    pub fn fork(&self) -> Self {
        Self::of(self.0.lock().unwrap().random())
    }

    pub fn chance(&self, probability: f64) -> bool {
        self.0.lock().unwrap().random_bool(probability)
    }

    pub fn number(&self, range: RangeInclusive<u64>) -> u64 {
        self.0.lock().unwrap().random_range(range)
    }

    pub fn size(&self, range: RangeInclusive<usize>) -> usize {
        self.0.lock().unwrap().random_range(range)
    }

    pub fn millis(&self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }

    pub fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.size(0..=from.len() - 1)]
    }

    fn id(&self) -> Uuid {
        let random: u128 = self.0.lock().unwrap().random();
        let (version, variant) = (0xF_u128 << 76, 0b11_u128 << 62);
        Uuid::from_u128(random & !version & !variant | 0x7_u128 << 76 | 0b10_u128 << 62)
    }
}

/// Wall time that goes with the runtime's, and ids from the dice.
pub struct VirtualClock {
    start: Instant,
    dice: Dice,
}

impl VirtualClock {
    pub fn new(dice: Dice) -> Self {
        Self { start: Instant::now(), dice }
    }

    /// Milliseconds since the run began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGINNING_MS + i64::try_from(self.elapsed_ms()).unwrap())
    }

    fn fresh_id(&self) -> Uuid {
        self.dice.id()
    }
}
