//! The port [`RateLimits`], shared: this node's own buckets decide at once, and what they count is told to all.
//!
//! Every few milliseconds what was counted goes to Redis in one pipeline, where a bucket per name adds up what all nodes count;
//! the answers raise the buckets here. So nodes agree after about a tenth of a second, and in between each may let through
//! what it holds. What is too much after all stays counted (up to one burst more), so the rate holds in the long run. Sign-ins
//! are dearer: a bucket that is full, a wait that grows and a name that is forgiven are told to every node by the bus.
//!
//! Without Redis each node decides alone, by rates divided by [`Settings::rates_alone`]: so that many nodes
//! do not multiply what is allowed. Set it to the usual number of nodes, or leave it at the middle way.
//!
//! [`Settings::rates_alone`]: crate::Settings::rates_alone

mod name;
mod pending;
mod sharing;

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_domain::{
    limits::{Buckets, Level, Rate, RateSettings, Rule},
    ports::RateLimits,
};
use tokio::{sync::Notify, time::Instant};

use self::pending::Pending;
pub(crate) use self::{name::Name, sharing::Sharing};
use crate::{Redis, Settings, wire::SharedRate};

/// Forgiven names that are remembered, against answers that were under way then.
const MOST_FORGIVEN: usize = 4_096;
/// No answer is under way for longer.
const LONGEST_UNDER_WAY: Duration = Duration::from_secs(5);

/// This node's buckets, and what of them Redis does not know yet.
pub(crate) struct Rates {
    settings: RateSettings,
    divisor: u32,
    most_pending: usize,
    began: Instant,
    counts: Mutex<Counts>,
    /// Redis does not answer.
    alone: AtomicBool,
    counted: Notify,
}

#[derive(Default)]
struct Counts {
    buckets: Buckets<Name>,
    pending: Pending,
    /// Names that were forgiven lately, and when.
    forgiven: HashMap<Name, Duration>,
}

impl Rates {
    /// Alone, until the first answer.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.rates.clone(),
            divisor: settings.rates_alone,
            most_pending: settings.rates_pending,
            began: Instant::now(),
            counts: Mutex::default(),
            alone: AtomicBool::new(true),
            counted: Notify::new(),
        }
    }

    pub(crate) fn set_alone(&self, alone: bool) {
        self.alone.store(alone, Ordering::Relaxed);
    }

    /// Another node, or whoever claims to be one, says how full a bucket is; only of sign-ins is it ever said. What it can
    /// hold is what our own settings say.
    pub(crate) fn raise(&self, SharedRate { name, level }: &SharedRate) {
        let rule = name.kind().map(|kind| self.settings.rule_of(kind));
        if let Some(rule) = rule.filter(|rule| rule.grows) {
            let now = self.now();
            self.lock().raise(name, rule, *level, now);
        }
    }

    /// Another node forgave a name.
    pub(crate) fn forgiven(&self, name: &Name) {
        let now = self.now();
        self.lock().forgive(name, now);
    }

    fn count(&self, rate: &Rate) -> Result<(), u64> {
        if !self.settings.enabled {
            return Ok(());
        }
        let (name, mut rule) = (Name::of(rate), self.settings.rule(rate));
        if self.alone.load(Ordering::Relaxed) {
            rule.refill = rule.refill.divided(self.divisor);
        }
        let mut counts = self.lock();
        let now = self.now();
        let before = if rule.grows { counts.buckets.level(&name, now) } else { Level::default() };
        let counted = counts.buckets.count(&name, rule, now);
        // A try that is refused says something only where it makes a wait grow.
        if counted.is_ok() || rule.grows {
            if let Some(sum) = counts.pending.of(&name, rule, before, now, self.most_pending) {
                sum.count += i64::from(counted.is_ok());
            }
            drop(counts);
            self.counted.notify_one();
        }
        counted
    }

    fn refund(&self, rate: &Rate) {
        let (name, rule) = (Name::of(rate), self.settings.rule(rate));
        let mut counts = self.lock();
        let now = self.now();
        counts.buckets.refund(&name, rule.refill);
        let level = counts.buckets.level(&name, now);
        if let Some(sum) = counts.pending.of(&name, rule, level, now, self.most_pending) {
            sum.count -= 1;
        }
        drop(counts);
        self.counted.notify_one();
    }

    fn forgive(&self, rate: &Rate) {
        let (name, rule) = (Name::of(rate), self.settings.rule(rate));
        let mut counts = self.lock();
        let now = self.now();
        counts.forgive(&name, now);
        if let Some(sum) = counts.pending.of(&name, rule, Level::default(), now, self.most_pending) {
            sum.forgiven = true;
        }
        drop(counts);
        self.counted.notify_one();
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// What was so at `then`; a name that was forgiven since is not made to pay again.
    fn raise(&mut self, name: &Name, rule: Rule, level: Level, then: Duration) {
        if self.forgiven.get(name).is_none_or(|at| *at < then) {
            self.buckets.raise(name, rule, level, then);
        }
    }

    fn forgive(&mut self, name: &Name, now: Duration) {
        self.buckets.forgive(name);
        self.pending.remove(name);
        if self.forgiven.len() >= MOST_FORGIVEN {
            self.forgiven.retain(|_, at| now.saturating_sub(*at) < LONGEST_UNDER_WAY);
        }
        if self.forgiven.len() < MOST_FORGIVEN {
            self.forgiven.insert(*name, now);
        }
    }
}

impl RateLimits for Redis {
    fn count(&self, rate: &Rate) -> Result<(), u64> {
        self.shared().rates.count(rate)
    }

    fn refund(&self, rate: &Rate) {
        self.shared().rates.refund(rate);
    }

    fn forgive(&self, rate: &Rate) {
        self.shared().rates.forgive(rate);
    }
}
