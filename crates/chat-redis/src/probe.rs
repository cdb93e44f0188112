//! The probe: what a node says to itself by way of Redis, to know that the one connection is heard on the other.
//!
//! Each connection may be alive by itself and the pair be useless: a cut in one direction, or two servers behind one address.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Most probes under way; as many unheard ones tell no more than the oldest of them does.
const MOST: usize = 16;

/// Probes that were sent and not yet heard.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    under_way: Mutex<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    last: u64,
    sent: VecDeque<(u64, Instant)>,
}

impl Probe {
    /// The number of the next probe, which is about to be sent.
    pub(crate) fn next(&self) -> u64 {
        let mut under_way = self.lock();
        under_way.last += 1;
        let number = under_way.last;
        if under_way.sent.len() < MOST {
            under_way.sent.push_back((number, Instant::now()));
        }
        number
    }

    /// It was heard: so were all before it, as far as anybody cares.
    pub(crate) fn heard(&self, number: u64) {
        let mut under_way = self.lock();
        while let Some((oldest, at)) = under_way.sent.front().copied()
            && oldest <= number
        {
            under_way.sent.pop_front();
            if oldest == number {
                metrics::histogram!("chat_bus_lag_seconds").record(at.elapsed().as_secs_f64());
            }
        }
    }

    /// Those under way are not waited for: a connection is new.
    pub(crate) fn begin_anew(&self) {
        self.lock().sent.clear();
    }

    /// Whether one has been under way for longer than this.
    pub(crate) fn is_overdue(&self, patience: Duration) -> bool {
        self.lock().sent.front().is_some_and(|(_, at)| at.elapsed() > patience)
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
