//! Passwords by bcrypt, on threads of their own.
//!
//! Puts `work` (what is computed) and `pool` (where, how many at a time) together behind the port. The modular crypt
//! tag in front of every hash lets another algorithm in later without touching the stored ones (security A5).

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use chat_domain::{
    ports::{Busy, PasswordHash, PasswordVerdict, Passwords},
    words::Password,
};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{
    pool::{self, Pool},
    work::{MAX_COST, MIN_COST, Work},
};

/// How dear and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    /// bcrypt's cost, 4 … 16: 2^cost key expansions, 240 ms at 12.
    pub cost: u32,
    /// Hashes at a time.
    pub threads: NonZeroUsize,
    /// Further ones that wait for a thread.
    pub queue: usize,
    /// The longest that a caller waits for an answer.
    pub wait: Duration,
}

/// [`Passwords`] by bcrypt.
pub struct BcryptPasswords {
    pool: Pool,
    work: Arc<Work>,
}

/// Why hashing can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum PasswordsRefused {
    /// A cost that bcrypt or patience does not allow.
    #[error("bcrypt cost {0} is not within {MIN_COST} … {MAX_COST}")]
    Cost(u32),
    /// A thread could not be started.
    #[error("a thread for hashing could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl BcryptPasswords {
    /// Starts the threads, and tells the metrics recorder (install it before) what will be recorded.
    ///
    /// # Errors
    /// [`PasswordsRefused`].
    pub fn new(limits: HashLimits) -> Result<Self, PasswordsRefused> {
        if !(MIN_COST..=MAX_COST).contains(&limits.cost) {
            return Err(PasswordsRefused::Cost(limits.cost));
        }
        describe_metrics();
        let pool = Pool::start(limits.threads, limits.queue, limits.wait)?;
        Ok(Self { pool, work: Arc::new(Work::new(limits.cost)) })
    }
}

#[async_trait]
impl Passwords for BcryptPasswords {
    async fn hash(&self, password: Password) -> Result<PasswordHash, Busy> {
        let work = Arc::clone(&self.work);
        let hashed = self.pool.run(move || work.hash(password.expose())).await?;
        hashed.map(PasswordHash).map_err(|error| {
            // Out of reach: the cost was checked in `new`, the length is in the type. Said loudly if it ever happens.
            tracing::error!(%error, "a password could not be hashed");
            Busy { retry_ms: 1_000 }
        })
    }

    async fn verify(&self, password: Password, stored: Option<PasswordHash>) -> Result<PasswordVerdict, Busy> {
        let work = Arc::clone(&self.work);
        self.pool.run(move || work.compare(password.expose(), stored.as_ref().map(|hash| hash.0.as_str()))).await
    }
}

fn describe_metrics() {
    describe_histogram!(pool::SECONDS, Unit::Seconds, "Time that hashing or checking one password took");
    describe_gauge!(pool::QUEUE, "Passwords that wait for a hashing thread");
    describe_counter!(pool::REFUSED, "Passwords not hashed because the queue was full or the wait too long");
    drop(histogram!(pool::SECONDS));
    gauge!(pool::QUEUE).set(0.0);
    counter!(pool::REFUSED).absolute(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(cost: u32) -> Result<BcryptPasswords, PasswordsRefused> {
        let threads = NonZeroUsize::new(2).unwrap();
        BcryptPasswords::new(HashLimits { cost, threads, queue: 8, wait: Duration::from_secs(30) })
    }

    fn typed(text: &str) -> Password {
        Password::attempt(text).unwrap()
    }

    #[tokio::test]
    async fn a_hashed_password_is_recognised_and_another_is_not() {
        let passwords = passwords(4).unwrap();
        let stored = passwords.hash(typed("correct horse")).await.unwrap();
        assert_eq!(passwords.verify(typed("correct horse"), Some(stored.clone())).await, Ok(PasswordVerdict::Right));
        assert_eq!(passwords.verify(typed("Correct horse"), Some(stored)).await, Ok(PasswordVerdict::Wrong));
        assert_eq!(passwords.verify(typed("correct horse"), None).await, Ok(PasswordVerdict::Wrong));
    }

    #[tokio::test]
    async fn a5_a_hash_below_the_setting_is_right_but_weak() {
        let stored = passwords(4).unwrap().hash(typed("correct horse")).await.unwrap();
        let verdict = passwords(5).unwrap().verify(typed("correct horse"), Some(stored)).await;
        assert_eq!(verdict, Ok(PasswordVerdict::RightButWeak));
    }

    #[test]
    fn a_cost_out_of_range_is_refused_at_start() {
        for cost in [0, 3, 17, 31] {
            assert!(matches!(passwords(cost), Err(PasswordsRefused::Cost(_))), "{cost}");
        }
    }

    #[test]
    fn hashing_works_on_a_current_thread_runtime_without_blocking_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let passwords = passwords(8).unwrap();
        let ticks = runtime.block_on(async {
            let mut ticks = 0_u32;
            let hash = passwords.hash(typed("correct horse"));
            tokio::pin!(hash);
            loop {
                tokio::select! {
                    biased;
                    result = &mut hash => break result.map(|_| ticks),
                    () = tokio::task::yield_now() => ticks += 1,
                }
            }
        });
        assert!(ticks.unwrap() > 1);
    }
}
