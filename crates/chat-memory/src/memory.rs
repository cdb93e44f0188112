//! The one handle: a record that lives as long as the process, behind one lock, so that every answer is one snapshot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_domain::{
    ids::{RoomId, Seq},
    objects::Epoch,
};

use crate::state::State;

/// The record in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
}

impl Memory {
    /// An empty record of a new epoch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets retention pass: from now on no cursor below `floor` can be served. Lower than before changes nothing.
    pub fn purge(&self, room: RoomId, floor: Seq) {
        if let Some(log) = self.lock().rooms.get_mut(&room) {
            log.floor = log.floor.max(floor.min(log.head));
        }
    }

    /// Begins another history, as a restore from a backup does: every cursor taken before is void.
    pub fn rewind(&self) -> Epoch {
        let mut state = self.lock();
        state.epoch = State::fresh_epoch();
        state.epoch.clone()
    }

    /// A panic elsewhere leaves the state as the last whole write left it: nothing below panics half way.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
