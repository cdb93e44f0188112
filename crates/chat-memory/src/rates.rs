//! Rates of one node: a leaky bucket per name, kept as the one moment at which it will be empty again (GCRA, ITU-T I.371),
//! and for sign-ins a wait that grows with each try that came too early.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat_domain::{limits::Rate, ports::RateLimits};
use tokio::time::Instant;

/// Names that are counted at once; beyond, any one is forgotten for each new one, so that memory is bounded (≈ 20 MiB).
const MOST_NAMES: usize = 100_000;
/// Below so many names nobody sweeps.
const FEW_NAMES: usize = 1_024;
/// The longest that guessing makes anybody wait (security A7).
const LONGEST_PENALTY: Duration = Duration::from_secs(60);

/// How fast a rate refills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refill {
    /// From one to the next in the long run.
    pub interval: Duration,
    /// At once after a pause; at least 1.
    pub burst: u32,
}

impl Refill {
    /// So many in each `period`, and `burst` at once.
    #[must_use]
    pub fn per(period: Duration, count: u32, burst: u32) -> Self {
        Self { interval: period / count.max(1), burst: burst.max(1) }
    }
}

/// The rates of protocol §4 that are counted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateSettings {
    /// `limits.enabled`: false counts nothing.
    pub enabled: bool,
    /// Sends of one user.
    pub sends_per_user: Refill,
    /// Sends into one room.
    pub sends_per_room: Refill,
    /// REST requests of one user.
    pub rest: Refill,
    /// Sign-ins from one address.
    pub sign_in_per_address: Refill,
    /// Sign-ins for one name.
    pub sign_in_per_name: Refill,
    /// Registrations from one address.
    pub registrations_per_address: Refill,
    /// Typing of one user in one room.
    pub typing: Refill,
}

impl Default for RateSettings {
    /// Protocol §4.
    fn default() -> Self {
        let (second, minute, hour) = (Duration::from_secs(1), Duration::from_secs(60), Duration::from_secs(3_600));
        Self {
            enabled: true,
            sends_per_user: Refill::per(second, 5, 10),
            sends_per_room: Refill::per(second, 20, 40),
            rest: Refill::per(second, 10, 60),
            sign_in_per_address: Refill::per(minute, 10, 10),
            sign_in_per_name: Refill::per(minute, 5, 5),
            registrations_per_address: Refill::per(hour, 5, 5),
            typing: Refill::per(Duration::from_secs(3), 1, 1),
        }
    }
}

/// Rates counted on this node alone.
#[derive(Debug)]
pub struct MemoryRates {
    settings: RateSettings,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    names: HashMap<Rate, Count>,
    /// At so many names the empty ones are swept: twice what the last sweep left, so that sweeping is cheap per name.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    /// When the bucket will be empty.
    empty_at: Instant,
    /// Sign-ins only: tries that came too early, the wait they earned, and the end no wait goes beyond.
    penalty: Option<Penalty>,
}

#[derive(Clone, Copy, Debug)]
struct Penalty {
    wait: Duration,
    until: Instant,
    latest: Instant,
}

impl MemoryRates {
    /// Counts under these settings.
    #[must_use]
    pub fn new(settings: RateSettings) -> Self {
        Self { settings, counts: Mutex::new(Counts { names: HashMap::new(), sweep_at: FEW_NAMES }) }
    }

    fn refill(&self, rate: &Rate) -> (Refill, bool) {
        match rate {
            Rate::SendsOfUser(_) => (self.settings.sends_per_user, false),
            Rate::SendsIntoRoom(_) => (self.settings.sends_per_room, false),
            Rate::RestOfUser(_) => (self.settings.rest, false),
            Rate::SignInsFrom(_) => (self.settings.sign_in_per_address, true),
            Rate::SignInsFor(_) => (self.settings.sign_in_per_name, true),
            Rate::RegistrationsFrom(_) => (self.settings.registrations_per_address, false),
            Rate::Typing(..) => (self.settings.typing, false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RateLimits for MemoryRates {
    fn count(&self, rate: &Rate) -> Result<(), u64> {
        if !self.settings.enabled {
            return Ok(());
        }
        let now = Instant::now();
        let (refill, grows) = self.refill(rate);
        let mut counts = self.lock();
        let count = counts.of(rate, now);
        let wait = if grows { count.sign_in(refill, now) } else { count.take(refill, now) };
        // Rounded up: one who waits as told is never a moment too early.
        wait.map_err(|wait| u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    fn refund(&self, rate: &Rate) {
        let (refill, _) = self.refill(rate);
        if let Some(count) = self.lock().names.get_mut(rate) {
            count.empty_at = count.empty_at.checked_sub(refill.interval).unwrap_or(count.empty_at);
        }
    }

    fn forgive(&self, rate: &Rate) {
        self.lock().names.remove(rate);
    }
}

impl Counts {
    fn of(&mut self, rate: &Rate, now: Instant) -> &mut Count {
        if !self.names.contains_key(rate) && self.names.len() >= self.sweep_at.min(MOST_NAMES) {
            self.make_room(now);
        }
        self.names.entry(rate.clone()).or_insert(Count { empty_at: now, penalty: None })
    }

    fn make_room(&mut self, now: Instant) {
        if self.names.len() >= self.sweep_at {
            self.names.retain(|_, count| count.empty_at > now || count.penalty.is_some_and(|p| p.until > now));
            self.sweep_at = (self.names.len() * 2).max(FEW_NAMES);
        }
        if self.names.len() >= MOST_NAMES
            && let Some(any) = self.names.keys().next().cloned()
        {
            self.names.remove(&any);
        }
    }
}

impl Count {
    /// Counts one; over the limit, counts nothing and tells how long until one more fits.
    fn take(&mut self, refill: Refill, now: Instant) -> Result<(), Duration> {
        let empty_at = self.empty_at.max(now) + refill.interval;
        let full = now + refill.interval * refill.burst;
        if empty_at > full {
            return Err(empty_at - full);
        }
        self.empty_at = empty_at;
        Ok(())
    }

    /// As [`Count::take`], but each try that comes too early doubles the wait. No wait ends later than a minute after the
    /// first such try: then the door opens once, however often somebody else knocked.
    fn sign_in(&mut self, refill: Refill, now: Instant) -> Result<(), Duration> {
        if let Some(penalty) = self.penalty.as_mut().filter(|penalty| penalty.until > now) {
            penalty.wait = (penalty.wait * 2).min(LONGEST_PENALTY);
            penalty.until = penalty.until.max(now + penalty.wait).min(penalty.latest);
            return Err(penalty.until - now);
        }
        self.penalty = None;
        self.take(refill, now).map_err(|wait| {
            let wait = wait.min(LONGEST_PENALTY);
            self.penalty = Some(Penalty { wait, until: now + wait, latest: now + LONGEST_PENALTY });
            wait
        })
    }
}
