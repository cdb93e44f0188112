//! Rates that several nodes count together, and what becomes of them without Redis.

use std::time::{Duration, Instant};

use chat_domain::{
    limits::Rate,
    ports::{Bus, RateLimits},
};
use chat_redis::Redis;

use crate::fixture::{ANN, PATIENCE, fresh_settings, own_server, two, two_at, until};

fn burst(redis: &Redis, rate: &Rate) -> usize {
    (0..1_000).take_while(|_| redis.count(rate).is_ok()).count()
}

/// What one node counted the other knows after a moment.
pub(crate) async fn a_burst_is_known(one: &Redis, other: &Redis) {
    let rate = Rate::SignInsFor("somebody".into());
    assert_eq!(burst(one, &rate), 5);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(other.count(&rate).is_err(), "the other node knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_bucket_is_known_everywhere_within_a_tenth_of_a_second_or_so() {
    let (one, other) = two(&fresh_settings()).await;
    let mut waits = Vec::new();
    for number in 0..20 {
        let rate = Rate::SignInsFor(format!("name {number}"));
        let began = Instant::now();
        assert_eq!(burst(&one, &rate), 5);
        // Looking must not count: the wait is asked for once it is likely to be known.
        tokio::time::sleep(Duration::from_millis(100)).await;
        while other.count(&rate).is_ok() {
            assert!(began.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        waits.push(began.elapsed());
    }
    waits.sort();
    assert!(waits[10] < Duration::from_millis(200), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_node_allows_its_part_and_afterwards_the_whole() {
    let server = own_server();
    let settings = fresh_settings();
    let (one, other) = two_at(&server.url(), &settings).await;
    assert_eq!(burst(&one, &Rate::RestOfUser(ANN)), 60);
    server.kill().unwrap();
    until("it is known", PATIENCE, || !one.is_healthy()).await;
    // Whatever is counted now finds out that nobody answers.
    let began = Instant::now();
    let mut number = 0;
    loop {
        number += 1;
        let allowed = burst(&one, &Rate::SignInsFrom(format!("192.0.2.{number}")));
        if allowed == 5 {
            break;
        }
        assert_eq!(allowed, 10);
        assert!(began.elapsed() < PATIENCE, "it never notices that it is alone");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.restart().unwrap();
    until("it is back", PATIENCE, || one.is_healthy() && other.is_healthy()).await;
    let began = Instant::now();
    while burst(&one, &Rate::SignInsFrom(format!("198.51.100.{number}"))) != 10 {
        number += 1;
        assert!(began.elapsed() < PATIENCE, "it never notices that it is not alone any more");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    a_burst_is_known(&one, &other).await;
    server.flush().unwrap();
    assert_eq!(burst(&one, &Rate::SignInsFor("somebody".into())), 0, "a node remembers what Redis forgets");
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_never_waits_for_a_server_that_hangs() {
    let server = own_server();
    let (one, _other) = two_at(&server.url(), &fresh_settings()).await;
    server.pause().unwrap();
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    for number in 0..50_000 {
        let before = Instant::now();
        let _ = one.count(&Rate::SignInsFor(number.to_string()));
        longest = longest.max(before.elapsed());
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    server.resume().unwrap();
}
