//! The port [`Tail`]: of each room and history a sorted set of its newest events, by number.
//!
//! Events go there in the pipeline that publishes them. Sets are cut to their bounds, in number and in bytes, at each change
//! and expire when a room is quiet; who reads one checks what it got, so a set that lost anything is only shorter.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chat_domain::{
    event::Event,
    ids::{RoomId, Seq},
    objects::{Epoch, LogHead},
    ports::Tail,
    refusal::Unavailable,
};
use redis::{Cmd, FromRedisValue, Value};

use crate::{Redis, Settings, outbox::Order, publisher::millis, script::Scripted};

/// Adds events and lets the oldest go that are too many or too large together, up to all of them. KEYS: the set, and how
/// many bytes it holds, which is counted anew should anybody have lost it. ARGV: most events, most bytes, how long both are
/// kept in ms, then of each event the number and the JSON.
static KEEP: LazyLock<Scripted> = LazyLock::new(|| {
    Scripted::new(
        r"
        local set, most, most_bytes = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
        local held, bytes = redis.call('TYPE', set).ok, 0
        if held == 'zset' then
            bytes = tonumber(redis.pcall('GET', KEYS[2])) or -1
            if not (bytes >= 0) then
                bytes = 0
                for _, event in ipairs(redis.call('ZRANGE', set, 0, -1)) do bytes = bytes + #event end
            end
        elseif held ~= 'none' then
            redis.call('DEL', set)
        end
        for i = 4, #ARGV, 2 do
            if redis.call('ZADD', set, ARGV[i], ARGV[i + 1]) == 1 then bytes = bytes + #ARGV[i + 1] end
        end
        local count = redis.call('ZCARD', set)
        while count > 0 and (count > most or bytes > most_bytes) do
            bytes = bytes - #redis.call('ZPOPMIN', set)[1]
            count = count - 1
        end
        redis.call('SET', KEYS[2], bytes, 'PX', ARGV[3])
        redis.call('PEXPIRE', set, ARGV[3])",
    )
});

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
        let commands = &self.shared().commands;
        let answers = commands.ask("tail", newest).await?;
        commands.complain("tail", &answers);
        let newest = answers.into_iter().next().unwrap_or(Ok(Value::Nil));
        let newest = newest.and_then(|events| Ok(Vec::<Vec<u8>>::from_redis_value(events)?));
        let newest = newest.map_err(|error| Unavailable::because(format!("Redis refused a tail: {error}")))?;
        Ok(run(room, log.head, &newest))
    }
}

/// The command that keeps events; the first of a pipeline brings the script.
pub(crate) fn keep(key: &str, events: &[(Seq, Vec<u8>)], settings: &Settings, is_first: bool) -> Cmd {
    let mut call = KEEP.call(is_first);
    call.arg(2).arg(key).arg(format!("{key}:bytes"));
    call.arg(settings.tail_events).arg(settings.tail_bytes).arg(millis(settings.tail_ttl));
    for (seq, event) in events {
        call.arg(seq).arg(event);
    }
    call
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
