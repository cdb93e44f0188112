//! What was counted here and Redis does not know yet: added up by name, so that however often somebody knocks, it is one line.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use chat_domain::limits::{Level, Rule};

use super::Name;

/// The sums of one node since the last time they were sent.
#[derive(Default)]
pub(crate) struct Pending {
    names: HashMap<Name, Sum>,
}

/// What became of one bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum {
    pub(super) rule: Rule,
    /// How many were counted; fewer than none when some were given back.
    pub(super) count: i64,
    /// When the first of them was: so much of it has leaked away by now.
    pub(super) since: Duration,
    /// Forgotten before that.
    pub(super) forgiven: bool,
    /// The wait that early tries had earned then.
    pub(super) wait_before: Duration,
}

impl Pending {
    /// The sum of a bucket that something becomes of now; `None` when too many are pending, so that the others will not
    /// hear of it.
    pub(super) fn of(
        &mut self,
        name: &Name,
        rule: Rule,
        before: Level,
        now: Duration,
        most: usize,
    ) -> Option<&mut Sum> {
        let is_full = self.names.len() >= most;
        match self.names.entry(*name) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(_) if is_full => {
                metrics::counter!("chat_rates_unshared_total").increment(1);
                None
            }
            Entry::Vacant(place) => {
                let wait_before = before.waiting.map_or(Duration::ZERO, |waiting| waiting.wait);
                Some(place.insert(Sum { rule, count: 0, since: now, forgiven: false, wait_before }))
            }
        }
    }

    pub(super) fn remove(&mut self, name: &Name) {
        self.names.remove(name);
    }

    /// All of it; the next begins with nothing.
    pub(super) fn take(&mut self) -> Vec<(Name, Sum)> {
        self.names.drain().collect()
    }
}
