//! Rooms that have just become live: the bus may bring their topic a moment later than it was asked to, and what was said in
//! between would only be found by the next look at all heads. So these are looked at once more when the bus has settled.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::{
    core::{Core, lock},
    live_room::LiveRoom,
};

/// Rooms, and when the bus has settled for each; in that order.
#[derive(Default)]
pub(crate) struct Fresh {
    rooms: Mutex<VecDeque<(Instant, Arc<LiveRoom>)>>,
}

impl Core {
    /// Has the room looked at again, together with all that become live about then.
    pub(crate) fn look_again(self: &Arc<Self>, room: Arc<LiveRoom>) {
        let settles_within = self.ports.bus.settles_within();
        if settles_within == Duration::ZERO {
            return;
        }
        let due = Instant::now() + settles_within;
        let first = {
            let mut rooms = lock(&self.fresh.rooms);
            rooms.push_back((due, room));
            rooms.len() == 1
        };
        if first {
            self.spawn(Arc::clone(self).look_at_fresh_rooms(due));
        }
    }

    async fn look_at_fresh_rooms(self: Arc<Self>, mut due: Instant) {
        loop {
            sleep_until(due).await;
            let settled: Vec<_> = {
                let rooms = lock(&self.fresh.rooms);
                rooms.iter().take_while(|(due, _)| *due <= Instant::now()).map(|(_, room)| Arc::clone(room)).collect()
            };
            self.compare_rooms(&settled).await;
            // Taken out only now, so that nobody starts a second task meanwhile.
            let mut rooms = lock(&self.fresh.rooms);
            rooms.drain(..settled.len());
            // Until the newest is due: one question serves all that came meanwhile.
            match rooms.back() {
                Some((newest, _)) => due = *newest,
                None => return,
            }
        }
    }
}
