//! The tail in a real Redis: its bounds, and a server that forgets.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat_domain::{
    event::Event,
    objects::{Epoch, LogHead},
    ports::{Bus, Tail},
};
use chat_redis::{Redis, Settings};

use crate::fixture::{PATIENCE, ROOM, event, fresh_settings, own_server, server, two, two_at, until};

fn head(head: u64) -> LogHead {
    LogHead { epoch: Epoch("first".into()), head, floor: 0 }
}

fn events(seqs: std::ops::RangeInclusive<u64>) -> Vec<Arc<Event>> {
    seqs.map(|seq| event(ROOM, seq)).collect()
}

async fn leading_to(redis: &Redis, seq: u64) -> Vec<u64> {
    redis.recent(ROOM, &head(seq), 10_000).await.unwrap().iter().map(|event| event.seq).collect()
}

/// What one keeps the other finds.
pub(crate) async fn events_are_kept(one: &Redis, other: &Redis, events: &[Arc<Event>]) {
    one.keep(&Epoch("first".into()), events);
    let (began, last) = (Instant::now(), events.last().unwrap().seq);
    while !leading_to(other, last).await.ends_with(&[last]) {
        assert!(began.elapsed() < PATIENCE, "nothing is kept");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_bounded_and_goes_when_the_room_is_quiet() {
    let settings = Settings { tail_events: 10, tail_ttl: Duration::from_millis(700), ..fresh_settings() };
    let (one, other) = two(&settings).await;
    for from in (1..100).step_by(9) {
        events_are_kept(&one, &other, &events(from..=from + 8)).await;
    }
    assert_eq!(leading_to(&other, 99).await, (90..=99).collect::<Vec<_>>());
    let key = format!("{}:{{room:{ROOM}}}:tail:first", settings.prefix);
    assert_eq!(server().ask(&["ZCARD", &key]).unwrap(), "10");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server().ask(&["EXISTS", &key]).unwrap(), "0");
    assert_eq!(leading_to(&other, 99).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_was_flushed_is_shorter_and_without_a_hole() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    events_are_kept(&one, &other, &events(1..=20)).await;
    server.flush().unwrap();
    assert_eq!(leading_to(&other, 20).await, [0; 0]);
    events_are_kept(&one, &other, &events(21..=25)).await;
    assert_eq!(leading_to(&other, 25).await, [21, 22, 23, 24, 25]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lost_redis_for_a_while_leaves_a_hole_that_ends_the_run() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    events_are_kept(&one, &other, &events(1..=5)).await;
    server.pause().unwrap();
    until("it is known", PATIENCE, || !one.is_healthy()).await;
    // Known to one connection; the other learns it no later than its patience ends.
    tokio::time::sleep(Settings::default().patience + Duration::from_millis(500)).await;
    one.keep(&Epoch("first".into()), &events(6..=8));
    let asked = Instant::now();
    assert!(other.recent(ROOM, &head(5), 10).await.is_err());
    assert!(asked.elapsed() < Duration::from_secs(1));
    server.resume().unwrap();
    until("it is back", PATIENCE, || one.is_healthy()).await;
    events_are_kept(&one, &other, &events(9..=10)).await;
    assert_eq!(leading_to(&other, 10).await, [9, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_put_into_a_tail_ends_the_run() {
    let settings = fresh_settings();
    let (one, other) = two(&settings).await;
    events_are_kept(&one, &other, &events(1..=3)).await;
    let key = format!("{}:{{room:{ROOM}}}:tail:first", settings.prefix);
    server().ask(&["ZADD", &key, "2", "nonsense"]).unwrap();
    let run = leading_to(&other, 3).await;
    assert!(run == [3] || run == [2, 3], "{run:?}");
    server().ask(&["DEL", &key]).unwrap();
    server().ask(&["SET", &key, "a text"]).unwrap();
    assert!(other.recent(ROOM, &head(3), 10).await.is_err());
    one.keep(&Epoch("first".into()), &events(4..=4));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(one.is_healthy(), "a tail that cannot be kept is not the bus's business");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_is_full_costs_the_tail_and_nothing_else() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    crate::fixture::joined(&one, &other).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    one.keep(&Epoch("first".into()), &events(1..=3));
    crate::fixture::says(&one, &other).await;
    assert!(one.is_healthy() && other.is_healthy());
    assert_eq!(leading_to(&other, 3).await, [0; 0]);
}
