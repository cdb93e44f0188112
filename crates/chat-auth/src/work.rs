//! Hashing and comparing with bcrypt, so that every refusal costs the same.
//!
//! Who measures the time of a failed sign-in must not learn whether the name exists, is disabled, or has an old hash
//! (security A1). Knows nothing of threads. Only the calls of the library that refuse to truncate are used (pitfall 20).

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use bcrypt::{BcryptError, HashParts, non_truncating_hash_with_salt, non_truncating_verify};
use chat_domain::ports::PasswordVerdict;

use crate::randomness;

/// The cheapest cost that the algorithm knows.
pub(crate) const MIN_COST: u32 = 4;
/// The dearest one we set or believe: about 4 s. A stored hash above it would hold a thread for minutes.
pub(crate) const MAX_COST: u32 = 16;

/// bcrypt at one cost.
pub(crate) struct Work {
    cost: u32,
    /// Key expansions done so far (2^cost each): the time spent, without a clock.
    rounds: AtomicU64,
    told: AtomicBool,
}

impl Work {
    pub(crate) fn new(cost: u32) -> Self {
        Self { cost, rounds: AtomicU64::new(0), told: AtomicBool::new(false) }
    }

    /// The salted hash in modular crypt format, `$2b$…`.
    pub(crate) fn hash(&self, password: &str) -> Result<String, BcryptError> {
        self.expand(password, self.cost).map(|parts| parts.to_string())
    }

    /// Compares with what is stored. Without it, or when it is no bcrypt hash, the work is done all the same.
    pub(crate) fn compare(&self, password: &str, stored: Option<&str>) -> PasswordVerdict {
        let known = stored.and_then(|hash| Some((hash, self.cost_of(hash)?)));
        let Some((hash, cost)) = known else {
            self.pretend(password, self.cost);
            return PasswordVerdict::Wrong;
        };
        self.rounds.fetch_add(1 << cost, Ordering::Relaxed);
        match non_truncating_verify(password, hash) {
            Ok(true) if cost < self.cost => PasswordVerdict::RightButWeak,
            Ok(true) => PasswordVerdict::Right,
            Ok(false) => {
                // 2^c + (2^c + 2^(c+1) + … + 2^(C-1)) = 2^C: as much as for a hash of the present cost.
                for step in cost..self.cost {
                    self.pretend(password, step);
                }
                PasswordVerdict::Wrong
            }
            Err(error) => {
                tracing::error!(%error, "a stored password hash could not be compared");
                PasswordVerdict::Wrong
            }
        }
    }

    /// The cost of a bcrypt hash; `None`, told once, for anything else.
    fn cost_of(&self, hash: &str) -> Option<u32> {
        let cost = hash.parse::<HashParts>().ok().map(|parts| parts.get_cost());
        let known = cost.filter(|cost| (MIN_COST..=MAX_COST).contains(cost));
        if known.is_none() && !self.told.swap(true, Ordering::Relaxed) {
            tracing::error!("a stored password hash is of an unknown kind; its owner can't sign in");
        }
        known
    }

    fn pretend(&self, password: &str, cost: u32) {
        // A failure would only mean that less work was needed: there is no result to lose.
        let _ = black_box(self.expand(black_box(password), cost));
    }

    fn expand(&self, password: &str, cost: u32) -> Result<HashParts, BcryptError> {
        self.rounds.fetch_add(1 << cost, Ordering::Relaxed);
        non_truncating_hash_with_salt(password, cost, randomness::bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const PASSWORD: &str = "correct horse battery";

    fn spent(work: &Work, stored: Option<&str>) -> (PasswordVerdict, u64) {
        let before = work.rounds.load(Ordering::Relaxed);
        let verdict = work.compare("not the password", stored);
        (verdict, work.rounds.load(Ordering::Relaxed) - before)
    }

    #[test]
    fn a1_every_refusal_costs_the_same_work() {
        let work = Work::new(6);
        let (now, weak) = (work.hash(PASSWORD).unwrap(), Work::new(4).hash(PASSWORD).unwrap());
        let argon = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA";
        let endless = now.replace("$06$", "$31$");
        for stored in [None, Some(&*now), Some(&*weak), Some(argon), Some(""), Some(&*endless)] {
            assert_eq!(spent(&work, stored), (PasswordVerdict::Wrong, 1 << 6), "{stored:?}");
        }
    }

    #[test]
    fn a1_the_time_of_a_refusal_tells_nothing() {
        let work = Work::new(7);
        let stored = work.hash(PASSWORD).unwrap();
        let median = |stored: Option<&str>| {
            let mut times: Vec<Duration> = (0..21)
                .map(|_| {
                    let begun = Instant::now();
                    work.compare("not the password", stored);
                    begun.elapsed()
                })
                .collect();
            times.sort();
            times[10].as_secs_f64()
        };
        // Coarse, because the machine is shared: without the dummy work the ratio would be in the thousands.
        let ratio = median(None) / median(Some(&stored));
        assert!((0.4..2.5).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a5_a_weak_hash_opens_and_asks_to_be_replaced() {
        let (old, new) = (Work::new(4), Work::new(5));
        let weak = old.hash(PASSWORD).unwrap();
        assert_eq!(new.compare(PASSWORD, Some(&weak)), PasswordVerdict::RightButWeak);
        let strong = new.hash(PASSWORD).unwrap();
        assert!(strong.starts_with("$2b$05$"));
        assert_eq!(new.compare(PASSWORD, Some(&strong)), PasswordVerdict::Right);
        assert_eq!(old.compare(PASSWORD, Some(&strong)), PasswordVerdict::Right, "a lowered setting keeps old hashes");
    }

    #[test]
    fn a2_seventy_one_bytes_all_count_and_nothing_is_truncated() {
        let work = Work::new(4);
        let long = "x".repeat(71);
        let stored = work.hash(&long).unwrap();
        assert_eq!(work.compare(&long, Some(&stored)), PasswordVerdict::Right);
        assert_eq!(work.compare(&format!("{}y", &long[..70]), Some(&stored)), PasswordVerdict::Wrong);
        assert!(work.hash(&"x".repeat(72)).is_err());
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        let work = Work::new(4);
        assert_ne!(work.hash(PASSWORD).unwrap(), work.hash(PASSWORD).unwrap());
    }
}
