//! What this node hears on the bus, counted: a user may be listened to for a socket of their own and for those who watch.

use std::{collections::HashMap, sync::Mutex};

use chat_domain::ports::{Bus, Topic};

use crate::core::lock;

/// How often each topic is held.
#[derive(Default)]
pub(crate) struct Topics {
    held: Mutex<HashMap<Topic, usize>>,
}

impl Topics {
    /// Listens, unless that is done already.
    pub(crate) fn hold(&self, bus: &dyn Bus, topic: Topic) {
        let mut held = lock(&self.held);
        let count = held.entry(topic).or_default();
        *count += 1;
        if *count == 1 {
            // Under the lock, so that a release on another thread cannot be overtaken.
            bus.listen(topic);
        }
    }

    /// Listens no more, unless somebody else still holds it.
    pub(crate) fn release(&self, bus: &dyn Bus, topic: Topic) {
        let mut held = lock(&self.held);
        if let Some(count) = held.get_mut(&topic) {
            *count -= 1;
            if *count == 0 {
                held.remove(&topic);
                bus.unlisten(topic);
            }
        }
    }
}
