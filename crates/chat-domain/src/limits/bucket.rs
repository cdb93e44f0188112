//! A leaky bucket, kept as the one moment at which it will be empty again (GCRA, ITU-T I.371), and for sign-ins a wait that
//! grows with each try that came too early.
//!
//! Moments are durations since a beginning that the caller chose, on a clock that never steps back.

use std::time::Duration;

use super::{Refill, Rule};

/// What was counted under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When it will be empty.
    empty_at: Duration,
    /// Of rules that grow only: tries that came too early, the wait they earned, and the end no wait goes beyond.
    penalty: Option<Penalty>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Penalty {
    wait: Duration,
    until: Duration,
    latest: Duration,
}

/// How full a bucket is, told without a clock, so that it can travel between nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// How long until it is empty.
    pub empty_in: Duration,
    /// The wait that tries earned which came too early.
    pub waiting: Option<Waiting>,
}

/// A wait that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What the latest try was told; the next is told twice as much.
    pub wait: Duration,
    /// How long until the next try is looked at.
    pub left: Duration,
    /// How long until it is looked at in any case.
    pub most: Duration,
}

impl Waiting {
    /// Nobody waits.
    pub const NONE: Self = Self { wait: Duration::ZERO, left: Duration::ZERO, most: Duration::ZERO };
}

impl Bucket {
    /// Nothing was counted.
    #[must_use]
    pub fn empty(now: Duration) -> Self {
        Self { empty_at: now, penalty: None }
    }

    /// Whether it is as if nothing had been counted.
    #[must_use]
    pub fn is_empty(&self, now: Duration) -> bool {
        self.empty_at <= now && self.penalty.is_none_or(|penalty| penalty.until <= now)
    }

    /// Counts one.
    ///
    /// # Errors
    /// Over the limit nothing is counted: how long until one more fits.
    pub fn count(&mut self, rule: Rule, now: Duration) -> Result<(), Duration> {
        if rule.grows { self.count_growing(rule, now) } else { self.take(rule.refill, now) }
    }

    /// Gives one back.
    pub fn refund(&mut self, refill: Refill) {
        self.empty_at = self.empty_at.saturating_sub(refill.interval);
    }

    /// How full it is.
    #[must_use]
    pub fn level(&self, now: Duration) -> Level {
        let penalty = self.penalty.filter(|penalty| penalty.until > now);
        let waiting = penalty.map(|Penalty { wait, until, latest }| Waiting {
            wait,
            left: until.saturating_sub(now),
            most: latest.saturating_sub(now),
        });
        Level { empty_in: self.empty_at.saturating_sub(now), waiting }
    }

    /// Makes it as full as another is, or was at `then`, when it is less so by more than half of one. Less is no more than
    /// what the way between two nodes takes, and who waited as told must not be a moment too early for that. The other may
    /// be wrong, of another version or a stranger: more than this rule can hold it never becomes.
    pub fn raise(&mut self, rule: Rule, level: Level, then: Duration) {
        let slack = rule.refill.interval / 2;
        let empty_at = then + level.empty_in.min(rule.most());
        if empty_at > self.empty_at + slack {
            self.empty_at = empty_at;
        }
        let longest = rule.longest_wait();
        let Some(Waiting { wait, left, most }) = level.waiting.filter(|_| rule.grows) else { return };
        let (wait, most) = (wait.min(longest), most.min(longest));
        let theirs = Penalty { wait, until: then + left.min(most), latest: then + most };
        self.penalty = Some(match self.penalty.filter(|ours| ours.until > then) {
            Some(ours) => {
                let latest = if theirs.latest + slack < ours.latest { theirs.latest } else { ours.latest };
                let until = if theirs.until > ours.until + slack { theirs.until } else { ours.until };
                Penalty { wait: wait.max(ours.wait), until: until.min(latest), latest }
            }
            None => theirs,
        });
    }

    fn take(&mut self, refill: Refill, now: Duration) -> Result<(), Duration> {
        let empty_at = self.empty_at.max(now) + refill.interval;
        let full = now + refill.whole();
        if empty_at > full {
            return Err(empty_at.saturating_sub(full));
        }
        self.empty_at = empty_at;
        Ok(())
    }

    /// As [`Bucket::take`], but each try that comes too early doubles the wait. No wait ends later than a minute after the
    /// first such try: then the door opens once, however often somebody else knocked.
    fn count_growing(&mut self, rule: Rule, now: Duration) -> Result<(), Duration> {
        let longest = rule.longest_wait();
        if let Some(penalty) = self.penalty.as_mut().filter(|penalty| penalty.until > now) {
            penalty.wait = (penalty.wait * 2).min(longest);
            penalty.until = penalty.until.max(now + penalty.wait).min(penalty.latest.max(now));
            return Err(penalty.until.saturating_sub(now));
        }
        self.penalty = None;
        self.take(rule.refill, now).map_err(|wait| {
            let wait = wait.min(longest);
            self.penalty = Some(Penalty { wait, until: now + wait, latest: now + longest });
            wait
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { refill: Refill { interval: Duration::from_secs(12), burst: 5 }, grows: true };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Full, and one try too early.
    fn guessed(now: Duration) -> Bucket {
        let mut bucket = Bucket::empty(now);
        while bucket.count(RULE, now).is_ok() {}
        bucket
    }

    #[test]
    fn a_bucket_that_hears_its_own_level_stays_as_it_is() {
        let bucket = guessed(at(100));
        let mut told = bucket;
        told.raise(RULE, bucket.level(at(100)), at(103));
        assert_eq!(told, bucket, "a few seconds on the way make nobody wait longer");
    }

    #[test]
    fn an_empty_bucket_becomes_as_full_as_the_other() {
        let other = guessed(at(500));
        let mut bucket = Bucket::empty(at(7));
        bucket.raise(RULE, other.level(at(500)), at(7));
        assert_eq!(bucket.level(at(7)), other.level(at(500)));
        assert!(bucket.count(RULE, at(8)).is_err());
        assert!(!bucket.is_empty(at(66)) && bucket.is_empty(at(67)));
    }

    #[test]
    fn a_fuller_bucket_is_not_emptied_by_another() {
        let mut bucket = guessed(at(50));
        let before = bucket;
        bucket.raise(RULE, Level::default(), at(50));
        assert_eq!(bucket, before);
    }

    #[test]
    fn the_longest_wait_is_a_minute_from_the_first_try_on_whichever_node() {
        let mut one = guessed(at(100));
        let mut other = Bucket::empty(at(110));
        other.raise(RULE, one.level(at(110)), at(110));
        for now in 110..130 {
            other.count(RULE, at(now)).unwrap_err();
        }
        one.raise(RULE, other.level(at(130)), at(130));
        let wait = one.count(RULE, at(131)).unwrap_err();
        assert!(at(131) + wait <= at(160), "{wait:?}");
        assert_eq!(one.count(RULE, at(161)), Ok(()));
    }

    #[test]
    fn whatever_is_heard_the_door_opens_within_a_minute() {
        let year = at(365 * 86_400);
        let endless = Waiting { wait: year, left: Duration::MAX, most: year };
        let waiting = Some(Waiting { left: year, ..endless });
        for level in [
            Level { empty_in: year, waiting },
            Level { empty_in: year, waiting: None },
            Level { empty_in: Duration::ZERO, waiting },
            Level { empty_in: Duration::MAX, waiting: Some(endless) },
        ] {
            for mut bucket in [Bucket::empty(at(100)), guessed(at(100))] {
                bucket.raise(RULE, level, at(100));
                let opens = (101..=1_000).find(|now| bucket.count(RULE, at(*now)).is_ok());
                assert!(opens.is_some_and(|now| now <= 161), "{level:?} opens the door at {opens:?}");
            }
        }
    }

    #[test]
    fn a_bucket_of_a_node_that_is_alone_holds_less() {
        let rule = Rule { refill: RULE.refill.divided(2), grows: false };
        let mut bucket = Bucket::empty(at(0));
        assert_eq!((0..10).take_while(|_| bucket.count(rule, at(0)).is_ok()).count(), 2);
        assert_eq!(bucket.count(rule, at(0)), Err(at(24)));
        assert_eq!(RULE.refill.divided(100).burst, 1);
    }
}
