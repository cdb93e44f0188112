//! The port [`Tail`]: of each room and history a sorted set of its newest events, by number.
//!
//! Events go there in the pipeline that publishes them. Sets are cut to a bound at each change and expire when a room is
//! quiet; who reads one checks what it got, so a set that lost anything is only shorter.

use std::sync::Arc;

use async_trait::async_trait;
use chat_domain::{
    event::Event,
    ids::RoomId,
    objects::{Epoch, LogHead},
    ports::Tail,
    refusal::Unavailable,
};

use crate::{Redis, outbox::Order};

#[async_trait]
impl Tail for Redis {
    fn keep(&self, epoch: &Epoch, events: &[Arc<Event>]) {
        let shared = self.shared();
        for events in events.chunk_by(|one, next| one.room == next.room) {
            let Some(room) = events.first().map(|event| event.room) else { continue };
            let json: Result<_, _> =
                events.iter().map(|event| Ok((event.seq, serde_json::to_vec(&**event)?))).collect();
            match json {
                Ok(events) => shared.publisher.send(Order::Keep { key: shared.names.tail(room, epoch), events }),
                Err::<_, serde_json::Error>(error) => tracing::error!(%error, "an event could not be written down"),
            }
        }
    }

    async fn recent(&self, room: RoomId, log: &LogHead, limit: usize) -> Result<Vec<Arc<Event>>, Unavailable> {
        if limit == 0 || log.head == 0 {
            return Ok(Vec::new());
        }
        let key = self.shared().names.tail(room, &log.epoch);
        let mut newest = redis::pipe();
        newest.cmd("ZRANGE").arg(key).arg(log.head).arg("-inf").arg(&["BYSCORE", "REV", "LIMIT", "0"]).arg(limit);
        let (newest,): (Vec<Vec<u8>>,) = self.shared().commands.ask("tail", newest).await?;
        Ok(run(room, log.head, &newest))
    }
}

/// The run of events that ends at the head; whatever breaks it ends it.
fn run(room: RoomId, head: u64, newest_first: &[Vec<u8>]) -> Vec<Arc<Event>> {
    let events = newest_first.iter().map_while(|json| serde_json::from_slice::<Event>(json).ok());
    let wanted = (1..=head).rev();
    let run = events.zip(wanted).take_while(|(event, wanted)| event.seq == *wanted && event.room == room);
    let mut run: Vec<_> = run.map(|(event, _)| Arc::new(event)).collect();
    run.reverse();
    run
}
