//! A Redis for the whole run, and nodes of a deployment of their own in it; or a Redis of one's own, to be mistreated.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use chat_domain::{
    event::{Event, Object},
    ids::{RoomId, Seq, UserId},
    objects::{Member, Role},
    ports::{Bus, Heard, Note, Topic},
};
use chat_redis::{Redis, Settings};
use uuid::Uuid;

/// How long anything may take on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How soon a cut line must be noticed: a beat, the patience for an answer, half a beat, and something for a busy machine.
pub(crate) const NOTICED: Duration = Duration::from_millis(4_500);

pub(crate) const ROOM: RoomId = RoomId(Uuid::from_u128(1));
pub(crate) const ANN: UserId = UserId(Uuid::from_u128(2));
pub(crate) const BOB: UserId = UserId(Uuid::from_u128(3));

/// The supervisor of the crate that starts it ends it with this process.
static SERVER: LazyLock<chat_testbed::Redis> = LazyLock::new(own_server);
static DEPLOYMENTS: AtomicU64 = AtomicU64::new(0);

/// The shared Redis.
pub(crate) fn server() -> &'static chat_testbed::Redis {
    &SERVER
}

/// A Redis that nobody else uses.
pub(crate) fn own_server() -> chat_testbed::Redis {
    chat_testbed::Redis::start().unwrap()
}

/// Settings of a deployment that nobody else has.
pub(crate) fn fresh_settings() -> Settings {
    let number = DEPLOYMENTS.fetch_add(1, Ordering::Relaxed);
    Settings { prefix: format!("test-{}-{number}", std::process::id()), ..Settings::default() }
}

/// Two nodes of one deployment in the shared Redis.
pub(crate) async fn two(settings: &Settings) -> (Redis, Redis) {
    two_at(&server().url(), settings).await
}

/// Two nodes of one deployment; both carry.
pub(crate) async fn two_at(url: &str, settings: &Settings) -> (Redis, Redis) {
    let nodes = (Redis::open(url, settings).await.unwrap(), Redis::open(url, settings).await.unwrap());
    until("a bus that carries", PATIENCE, || nodes.0.is_healthy() && nodes.1.is_healthy()).await;
    nodes
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < within, "{what} not within {within:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The next thing heard.
pub(crate) async fn heard(redis: &Redis) -> Heard {
    tokio::time::timeout(PATIENCE, redis.heard()).await.expect("something to be heard")
}

/// What is heard within a moment.
pub(crate) async fn heard_soon(redis: &Redis) -> Option<Heard> {
    tokio::time::timeout(Duration::from_millis(300), redis.heard()).await.ok()
}

/// Waits until notes of one node reach the other, and all that was said before is heard.
pub(crate) async fn joined(one: &Redis, other: &Redis) {
    other.listen(Topic::Room(ROOM));
    for seq in 1.. {
        assert!(seq < 100, "nothing is heard");
        one.publish(typing());
        if heard_soon(other).await == Some(Heard::Note(typing())) {
            break;
        }
    }
    while heard_soon(other).await.is_some() {}
}

/// A note says something now.
pub(crate) async fn says(one: &Redis, other: &Redis) {
    one.publish(typing());
    assert_eq!(heard(other).await, Heard::Note(typing()));
}

pub(crate) fn typing() -> Note {
    Note::Typing { room: ROOM, user: ANN, on: true }
}

pub(crate) fn event(room: RoomId, seq: Seq) -> Arc<Event> {
    let member = Member {
        room,
        user: ANN,
        rev: seq,
        role: Role::Member,
        is_in: true,
        muted_until: None,
        banned: false,
        joined_at: None,
    };
    Event { room, seq, by: ANN, object: Object::Member(member.into()) }.into()
}

pub(crate) fn event_note(room: RoomId, seq: Seq) -> Note {
    Note::Event { event: event(room, seq), frame: Bytes::from_static(b"frame") }
}
