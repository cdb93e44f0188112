//! How bad things are just now, for the store and for the bus; and the end of all faults.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

/// Clones share it.
#[derive(Clone, Default)]
pub struct Weather(Arc<Sky>);

#[derive(Default)]
struct Sky {
    calm: AtomicBool,
    cleared: Notify,
    /// Faults of the store in a thousand calls; above a thousand it is down.
    store: AtomicU64,
    bus: AtomicU64,
}

/// What the bus does with notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// All, in order, at once.
    Well,
    /// Some, some twice, some late.
    Badly,
    /// Nothing, and says so.
    NothingKnown,
    /// Nothing, and says that all is well.
    NothingUnknown,
}

impl Weather {
    /// From now on nothing fails, and whatever hangs goes on.
    pub fn calm(&self) {
        self.0.calm.store(true, Ordering::Relaxed);
        self.0.cleared.notify_waiters();
    }

    pub fn is_calm(&self) -> bool {
        self.0.calm.load(Ordering::Relaxed)
    }

    /// Waits, but not longer than the faults last.
    pub async fn hang(&self, time: Duration) {
        let cleared = self.0.cleared.notified();
        if !self.is_calm() {
            tokio::select! {
                biased;
                () = cleared => {}
                () = sleep(time) => {}
            }
        }
    }

    pub fn set_store(&self, faults_per_mille: u64) {
        self.0.store.store(faults_per_mille, Ordering::Relaxed);
    }

    /// The probability that a call of the store goes wrong.
    pub fn store(&self) -> f64 {
        if self.is_calm() { 0.0 } else { self.0.store.load(Ordering::Relaxed).min(1_000) as f64 / 1_000.0 }
    }

    pub fn set_bus(&self, carries: Carries) {
        self.0.bus.store(carries as u64, Ordering::Relaxed);
    }

    pub fn bus(&self) -> Carries {
        if self.is_calm() {
            return Carries::Well;
        }
        let all = [Carries::Well, Carries::Badly, Carries::NothingKnown, Carries::NothingUnknown];
        let now = self.0.bus.load(Ordering::Relaxed);
        all.into_iter().find(|carries| *carries as u64 == now).unwrap()
    }
}
