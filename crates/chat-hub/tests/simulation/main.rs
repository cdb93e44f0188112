//! A seeded simulation of the hub in virtual time: several nodes over one record that fails on cue and one bus that loses,
//! repeats and reorders; devices that read slowly, vanish and come back; people who do everything that people do.
//!
//! Every run is decided by its seed and checked against a chronicle of what was really committed: each frame, each
//! acknowledgement, and, once faults have ended, that everybody comes to know everything. A seed that ever failed is kept.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod actor;
mod bus;
mod connection;
mod device;
mod dice;
mod schedule;
mod store;
mod tail;
mod trace;
mod truth;
mod view;
mod weather;
mod wire;
mod world;

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use schedule::run;

/// Deeds and faults in one run.
const STEPS: usize = 300;

/// Seeds that once failed.
const REGRESSIONS: &[u64] = &[22, 1_896];

/// Runs seeds on all cores; the first failures, by seed.
fn campaign(seeds: Range<u64>, steps: usize) -> Vec<(u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut failures = Vec::new();
        while failures.is_empty() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            failures.extend(run(seed, steps, |_| {}).err().map(|what| (seed, what)));
        }
        failures
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut failures: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    failures.sort();
    failures
}

fn assert_none(failures: Vec<(u64, String)>) {
    if let Some((_, what)) = failures.into_iter().next() {
        panic!("{what}");
    }
}

#[test]
fn whatever_fails_every_promise_is_kept() {
    assert_none(campaign(0..40, STEPS));
}

#[test]
fn seeds_that_once_failed_fail_no_more() {
    for seed in REGRESSIONS {
        run(*seed, STEPS, |_| {}).unwrap();
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [1, 2, 3] {
        let (first, second) = (run(seed, STEPS, |_| {}).unwrap(), run(seed, STEPS, |_| {}).unwrap());
        let differs = first.iter().zip(&second).find(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

#[test]
#[ignore = "a long campaign, for a release build"]
fn thousands_of_seeds_keep_every_promise() {
    assert_none(campaign(1_000..4_000, STEPS));
}

/// The simulation is worth something only if it sees a hub that is broken.
#[cfg(feature = "sabotage")]
mod sabotage {
    use chat_hub::Sabotage;

    use super::*;

    /// Some run breaks a promise that the same run without the defect keeps.
    fn is_seen(defect: Sabotage) {
        let broken = (0..20).find(|seed| run(*seed, STEPS, |settings| settings.sabotage = Some(defect)).is_err());
        let seed = broken.unwrap_or_else(|| panic!("{defect:?} goes unnoticed"));
        run(seed, STEPS, |_| {}).unwrap();
    }

    #[test]
    fn an_acknowledgement_before_the_commit_is_seen() {
        is_seen(Sabotage::AckBeforeCommit);
    }

    #[test]
    fn a_post_without_its_nonce_is_seen() {
        is_seen(Sabotage::NoNonce);
    }

    #[test]
    fn a_resume_that_skips_what_was_missed_is_seen() {
        is_seen(Sabotage::SkipCatchUp);
    }
}
