//! The live rooms of this node: opened once for all who ask, kept for a while after the last listener left.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use chat_domain::{
    ids::RoomId,
    ports::Topic,
    refusal::{Refusal, Unavailable},
};
use tokio::time::Instant;

use crate::{
    core::{Core, lock},
    live_room::LiveRoom,
    recent::Recent,
};

/// See the module.
#[derive(Default)]
pub(crate) struct Rooms {
    live: Mutex<HashMap<RoomId, Arc<LiveRoom>>>,
    /// Rooms that nobody heard at that time, and when to look again; in the order of that moment.
    idle: Mutex<VecDeque<(Instant, RoomId)>>,
}

impl Rooms {
    pub(crate) fn get(&self, room: RoomId) -> Option<Arc<LiveRoom>> {
        lock(&self.live).get(&room).cloned()
    }

    /// All of them, by id.
    pub(crate) fn all(&self) -> Vec<Arc<LiveRoom>> {
        let mut all: Vec<_> = lock(&self.live).values().cloned().collect();
        all.sort_by_key(|room| room.id);
        all
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.live).len()
    }

    /// Takes this very room out, if it is still in.
    fn remove(&self, core: &Core, room: &Arc<LiveRoom>) {
        let mut live = lock(&self.live);
        if live.get(&room.id).is_some_and(|known| Arc::ptr_eq(known, room)) {
            live.remove(&room.id);
            core.ports.bus.unlisten(Topic::Room(room.id));
        }
    }
}

impl Core {
    /// The room, live. The first who asks has it opened; the others wait for that.
    pub(crate) async fn open_room(self: &Arc<Self>, id: RoomId) -> Result<Arc<LiveRoom>, Refusal> {
        let room = {
            let mut live = lock(&self.rooms.live);
            live.get(&id).cloned().unwrap_or_else(|| {
                let room = Arc::new(LiveRoom::opening(id));
                live.insert(id, Arc::clone(&room));
                // Heard before the record is read: no event can fall in between.
                self.ports.bus.listen(Topic::Room(id));
                self.spawn(Arc::clone(self).load_room(Arc::clone(&room)));
                room
            })
        };
        room.opened().await?;
        Ok(room)
    }

    async fn load_room(self: Arc<Self>, room: Arc<LiveRoom>) {
        let permit = self.house_reads.acquire().await;
        let log = Arc::clone(&self.ports.log);
        let id = room.id;
        let answer = self.ask(async move { log.live(id).await }).await;
        drop(permit);
        match answer {
            Ok(Some(snapshot)) => {
                self.tail.learn(&snapshot.log.epoch);
                let past = self.recall_tail(id, &snapshot.log).await;
                let gap = room.open(snapshot, past, &self.settings);
                self.let_idle(id);
                self.look_again(Arc::clone(&room));
                if gap {
                    self.watch_gap(room);
                }
            }
            Ok(None) => self.close_room(&room, Refusal::NotFound),
            Err(refusal) => self.close_room(&room, refusal),
        }
    }

    /// Nobody hears the room just now: look again after the linger.
    pub(crate) fn let_idle(&self, room: RoomId) {
        let due = Instant::now() + self.settings.room_linger;
        lock(&self.rooms.idle).push_back((due, room));
    }

    /// Lets go of rooms that nobody has heard for a while.
    pub(crate) fn retire_idle_rooms(&self) {
        let now = Instant::now();
        loop {
            let due = {
                let mut idle = lock(&self.rooms.idle);
                if idle.front().is_none_or(|(due, _)| *due > now) {
                    return;
                }
                idle.pop_front()
            };
            if let Some((_, id)) = due {
                self.retire(id);
            }
        }
    }

    fn retire(&self, id: RoomId) {
        let mut live = lock(&self.rooms.live);
        let Some(room) = live.get(&id) else { return };
        if room.is_heard() {
            // It comes back here when its last listener leaves.
            return;
        }
        // Whoever else holds it got it from this map, so nobody can take hold of it now.
        if Arc::strong_count(room) > 1 {
            drop(live);
            self.let_idle(id);
            return;
        }
        live.remove(&id);
        self.ports.bus.unlisten(Topic::Room(id));
    }

    /// The room is gone, or could not be opened: whoever listens is told.
    pub(crate) fn close_room(&self, room: &Arc<LiveRoom>, refusal: Refusal) {
        self.rooms.remove(self, room);
        room.close(refusal);
    }

    /// Events of one room, in any order, from this node's writer or from another node.
    pub(crate) fn apply(self: &Arc<Self>, id: RoomId, events: Vec<Arc<Recent>>) {
        if let Some(room) = self.rooms.get(id)
            && room.apply(events)
        {
            self.watch_gap(room);
        }
    }
}

/// For those who ask about a room that closed while they waited.
pub(crate) fn gone() -> Unavailable {
    Unavailable::because("the room was closed meanwhile")
}
