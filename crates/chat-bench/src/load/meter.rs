//! What the members of a load share: counts, latencies, and the window that keeps saturation from drowning.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Semaphore;

use crate::{
    cli,
    figures::{Latencies, count},
};

/// The counts of one room.
pub(crate) struct Meter {
    members: u64,
    sent: AtomicU64,
    answered: AtomicU64,
    acked: AtomicU64,
    delivered: AtomicU64,
    /// One permit per message that may be under way.
    pub(crate) window: Semaphore,
}

impl Meter {
    /// A message left.
    pub(crate) fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A message was acknowledged.
    pub(crate) fn acked(&self) {
        self.acked.fetch_add(1, Ordering::Relaxed);
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// A message was refused, or its connection ended before the answer: nobody waits for it.
    pub(crate) fn given_up(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.window.add_permits(1);
    }

    /// `n` deliveries arrived. Whenever as many arrived as the room has members, one more message may leave.
    pub(crate) fn delivered(&self, n: u64) {
        let before = self.delivered.fetch_add(n, Ordering::Relaxed);
        let whole = (before + n) / self.members - before / self.members;
        self.window.add_permits(usize::try_from(whole).unwrap_or(0));
    }
}

/// The meters of all rooms.
pub(crate) struct Meters {
    rooms: Vec<Meter>,
    held_back: AtomicU64,
    refusals: Mutex<BTreeMap<String, u64>>,
    /// From send to delivery, in microseconds.
    pub(crate) latencies: Latencies,
    /// Of these, the ones that were sent on one node and heard on another.
    pub(crate) between: Latencies,
    /// Over how many nodes the members are spread.
    pub(crate) nodes: usize,
}

impl Meters {
    /// Meters for a run.
    pub(crate) fn new(args: &cli::Load, nodes: usize) -> anyhow::Result<Self> {
        // Without a window a room may have any number of messages under way.
        let permits = args.window.map_or(Semaphore::MAX_PERMITS / 2, |window| window.saturating_mul(args.senders));
        let meter = || Meter {
            members: count(args.members).max(1),
            sent: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            window: Semaphore::new(permits.min(Semaphore::MAX_PERMITS / 2)),
        };
        Ok(Self {
            rooms: (0..args.rooms).map(|_| meter()).collect(),
            held_back: AtomicU64::new(0),
            refusals: Mutex::default(),
            latencies: Latencies::new()?,
            between: Latencies::new()?,
            nodes: nodes.max(1),
        })
    }

    /// The meter of a room.
    pub(crate) fn room(&self, n: usize) -> Option<&Meter> {
        self.rooms.get(n)
    }

    /// A send had to wait for the answers to earlier ones.
    pub(crate) fn hold_back(&self) {
        self.held_back.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was.
    pub(crate) fn held_back(&self) -> u64 {
        self.held_back.load(Ordering::Relaxed)
    }

    /// A send was refused.
    pub(crate) fn refuse(&self, code: &str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(code.to_owned()).or_default() += 1;
    }

    /// Refusals by code.
    pub(crate) fn refusals(&self) -> BTreeMap<String, u64> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All acknowledged messages.
    pub(crate) fn acked(&self) -> u64 {
        self.rooms.iter().map(|room| room.acked.load(Ordering::Relaxed)).sum()
    }

    /// All deliveries.
    pub(crate) fn delivered(&self) -> u64 {
        self.rooms.iter().map(|room| room.delivered.load(Ordering::Relaxed)).sum()
    }

    /// Whether every send is answered and every acknowledged one delivered to all.
    pub(crate) fn is_drained(&self) -> bool {
        self.rooms.iter().all(|room| {
            let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
            read(&room.sent) == read(&room.answered) && read(&room.delivered) >= read(&room.acked) * room.members
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(members: u64, window: usize) -> Meter {
        Meter {
            members,
            sent: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            window: Semaphore::new(window),
        }
    }

    #[test]
    fn the_window_opens_when_a_message_reached_all_members() {
        let m = meter(10, 0);
        m.delivered(9);
        assert_eq!(m.window.available_permits(), 0);
        m.delivered(1);
        assert_eq!(m.window.available_permits(), 1);
        m.delivered(25);
        assert_eq!(m.window.available_permits(), 3);
    }

    #[test]
    fn a_run_is_drained_when_all_is_answered_and_delivered() {
        let meters = Meters {
            rooms: vec![meter(2, 1)],
            held_back: AtomicU64::new(0),
            refusals: Mutex::default(),
            latencies: Latencies::new().unwrap(),
            between: Latencies::new().unwrap(),
            nodes: 1,
        };
        assert!(meters.is_drained());
        let room = meters.room(0).unwrap();
        room.sent();
        assert!(!meters.is_drained());
        room.acked();
        room.delivered(1);
        assert!(!meters.is_drained());
        room.delivered(1);
        assert!(meters.is_drained());
    }
}
