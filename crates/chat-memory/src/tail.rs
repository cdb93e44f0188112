//! The tail of logs of nodes that live in one process: the newest events of each room, as they were committed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chat_domain::{
    event::Event,
    ids::{RoomId, Seq},
    objects::{Epoch, LogHead},
    ports::Tail,
    refusal::Unavailable,
};

/// Rooms that are kept at once; beyond, any one is forgotten for each new one, so that memory is bounded.
const MOST_ROOMS: usize = 1_024;

/// Events of rooms, by number. Clones are the same.
#[derive(Clone, Debug)]
pub struct MemoryTail {
    rooms: Arc<Mutex<Rooms>>,
    most: usize,
}

type Rooms = HashMap<(RoomId, Epoch), BTreeMap<Seq, Arc<Event>>>;

impl MemoryTail {
    /// Keeps at most so many events of each room.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { rooms: Arc::default(), most }
    }

    /// Forgets everything, as a cache may at any time.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Tail for MemoryTail {
    fn keep(&self, epoch: &Epoch, events: &[Arc<Event>]) {
        let mut rooms = self.lock();
        for event in events {
            let key = (event.room, epoch.clone());
            if rooms.len() >= MOST_ROOMS
                && !rooms.contains_key(&key)
                && let Some(any) = rooms.keys().next().cloned()
            {
                rooms.remove(&any);
            }
            let kept = rooms.entry(key).or_default();
            kept.insert(event.seq, Arc::clone(event));
            while kept.len() > self.most {
                kept.pop_first();
            }
        }
    }

    async fn recent(&self, room: RoomId, log: &LogHead, limit: usize) -> Result<Vec<Arc<Event>>, Unavailable> {
        let rooms = self.lock();
        let kept = rooms.get(&(room, log.epoch.clone()));
        let backwards = kept.into_iter().flat_map(|kept| kept.range(..=log.head).rev());
        let wanted = (1..=log.head).rev();
        let run = backwards.zip(wanted).take_while(|((seq, _), wanted)| *seq == wanted).take(limit);
        let mut run: Vec<_> = run.map(|((_, event), _)| Arc::clone(event)).collect();
        run.reverse();
        Ok(run)
    }
}
