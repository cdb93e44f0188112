//! Looks at the record every few seconds, so that whatever the bus lost is noticed: heads of live rooms, ended sessions, the
//! numbers of hints. With the bus down this is how nodes hear of each other.

use std::{collections::HashMap, sync::Arc};

use chat_domain::{
    ids::{RoomId, Seq},
    objects::LogHead,
    refusal::Refusal,
};
use tokio::time::sleep;

use crate::{
    core::Core,
    frames::{self, HeartbeatFrame, HeartbeatType},
    live_room::{Compared, LiveRoom},
};

/// While the bus carries, the numbers of hints are looked at with every so-manieth look at the heads.
const HINTS_EVERY: u32 = 6;

impl Core {
    /// The poller.
    pub(crate) async fn poll(self: Arc<Self>) {
        let mut round = 0_u32;
        loop {
            let carries = self.ports.bus.is_healthy();
            let pause = if carries { self.settings.poll } else { self.settings.poll_without_bus };
            // A little early, never late: the pause is promised to clients.
            let pause = pause - self.jittered(pause / 10);
            let interrupted = tokio::select! {
                biased;
                () = self.poll_now.notified() => true,
                () = sleep(pause) => false,
            };
            round = round.wrapping_add(1);
            self.look_at_heads().await;
            if let Err(error) = self.look_for_ended().await {
                tracing::warn!(%error, "ended sessions could not be read");
            }
            if interrupted || !self.ports.bus.is_healthy() || round.is_multiple_of(HINTS_EVERY) {
                self.look_at_hints().await;
            }
            self.ended.sweep();
            self.retire_idle_rooms();
            let live = u32::try_from(self.rooms.len()).unwrap_or(u32::MAX);
            metrics::gauge!("chat_live_rooms").set(f64::from(live));
            self.show_load();
        }
    }

    async fn look_at_heads(self: &Arc<Self>) {
        let open: Vec<_> = self.rooms.all().into_iter().filter(|room| room.log().is_some()).collect();
        self.compare_rooms(&open).await;
    }

    /// Asks where the logs of these rooms stand.
    pub(crate) async fn compare_rooms(self: &Arc<Self>, rooms: &[Arc<LiveRoom>]) {
        for rooms in rooms.chunks(self.settings.heads_batch.max(1)) {
            let ids: Vec<_> = rooms.iter().map(|room| room.id).collect();
            // What a room knows was committed before it was told: an answer to a later question knows it too.
            let before: Vec<_> = rooms.iter().map(|room| room.head()).collect();
            let log = Arc::clone(&self.ports.log);
            match self.ask(async move { log.heads(&ids).await }).await {
                Ok(heads) => self.compare_heads(rooms, &before, heads.into_iter().collect()).await,
                Err(error) => tracing::warn!(%error, "the heads of live rooms could not be read"),
            }
            metrics::counter!("chat_heads_polled_total").increment(rooms.len().try_into().unwrap_or(u64::MAX));
        }
    }

    async fn compare_heads(self: &Arc<Self>, rooms: &[Arc<LiveRoom>], before: &[Seq], heads: HashMap<RoomId, LogHead>) {
        for (room, before) in rooms.iter().zip(before) {
            let Some(log) = heads.get(&room.id) else {
                self.close_room(room, Refusal::NotFound);
                continue;
            };
            match room.compare(log, *before) {
                Compared::Fine => {}
                Compared::Behind => self.expect_head(Arc::clone(room), log.head),
                found @ (Compared::Rewound | Compared::OtherHistory) => {
                    if found == Compared::Rewound {
                        tracing::error!(room = %room.id, %before, head = log.head, "a log lost changes that were told");
                    }
                    if let Err(error) = self.reload(room).await {
                        tracing::warn!(room = %room.id, %error, "a room could not be begun anew");
                    }
                }
            }
        }
    }

    /// A lost hint shows by its number.
    async fn look_at_hints(self: &Arc<Self>) {
        let here: Vec<_> = self.people.statuses().into_iter().map(|(user, _)| user).collect();
        for users in here.chunks(self.settings.users_batch.max(1)) {
            let (accounts, ids) = (Arc::clone(&self.ports.accounts), users.to_vec());
            match self.ask(async move { accounts.users(&ids).await }).await {
                Ok(found) => {
                    for (user, seq) in found {
                        self.people.advance(user.id, seq, || self.heartbeat_of(seq));
                    }
                }
                Err(error) => tracing::warn!(%error, "the numbers of hints could not be read"),
            }
        }
    }

    fn heartbeat_of(&self, seq: u64) -> bytes::Bytes {
        let at = self.ports.clock.now();
        frames::encode(&HeartbeatFrame { frame: HeartbeatType::This, at, heads: Vec::new(), seq })
    }
}
