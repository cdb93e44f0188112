//! Rates that several nodes count together, and what becomes of them without Redis.

use std::time::{Duration, Instant};

use chat_domain::{
    limits::{Rate, RateSettings, Refill},
    ports::{Bus, RateLimits},
};
use chat_redis::{Redis, Settings};

use crate::fixture::{ANN, PATIENCE, fresh_settings, own_server, server, two, two_at, until};

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

/// Waits until a node allows the whole of a rate, not its part.
pub(crate) async fn until_it_is_not_alone(redis: &Redis) {
    let (began, mut number) = (Instant::now(), 0);
    while burst(redis, &Rate::SignInsFrom(format!("198.51.100.{number}"))) != 10 {
        number += 1;
        assert!(began.elapsed() < PATIENCE, "it never notices that it is not alone any more");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
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
    until_it_is_not_alone(&one).await;
    a_burst_is_known(&one, &other).await;
    server.flush().unwrap();
    assert_eq!(burst(&one, &Rate::SignInsFor("somebody".into())), 0, "a node remembers what Redis forgets");
}

/// Sign-ins whose bucket is empty after a second; everything else as it comes.
fn quick_sign_ins() -> Settings {
    let sign_in_per_name = Refill { interval: Duration::from_millis(200), burst: 5 };
    Settings { rates: RateSettings { sign_in_per_name, ..RateSettings::default() }, ..fresh_settings() }
}

/// The key of the one bucket that Redis holds of this deployment.
async fn key_of_the_bucket(settings: &Settings) -> String {
    let pattern = format!("{}:{{rate:*", settings.prefix);
    let keys = || server().ask(&["KEYS", &pattern]).unwrap();
    until("a count is shared", PATIENCE, || !keys().is_empty()).await;
    keys().trim().to_owned()
}

async fn opens_soon(redis: &Redis, rate: &Rate) {
    let began = Instant::now();
    while redis.count(rate).is_err() {
        assert!(began.elapsed() < Duration::from_secs(2), "locked out for longer than a full bucket lasts");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_of_a_year_locks_nobody_out() {
    const YEAR: u64 = 365 * 86_400 * 1_000_000;
    let settings = quick_sign_ins();
    let (one, other) = two(&settings).await;
    let rate = Rate::SignInsFor("ann".into());
    one.count(&rate).unwrap();
    let key = key_of_the_bucket(&settings).await;
    let hex = key.rsplit_once(':').unwrap().1.trim_end_matches('}');
    let name = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
    // Version, kind, a node that nobody is, the name, and nothing but years.
    let mut note = vec![1, 10];
    note.extend(b"stranger");
    note.extend(name);
    (0..4).for_each(|_| note.extend(YEAR.to_be_bytes()));
    let mut stranger = redis::Client::open(server().url()).unwrap().get_connection().unwrap();
    let all = format!("{}:{{all}}", settings.prefix);
    let heard: u64 = redis::cmd("SPUBLISH").arg(all).arg(note).query(&mut stranger).unwrap();
    assert_eq!(heard, 2);
    until("it is heard", PATIENCE, || one.count(&rate).is_err() && other.count(&rate).is_err()).await;
    opens_soon(&one, &rate).await;
    opens_soon(&other, &rate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_put_into_a_bucket_locks_nobody_out() {
    const FAR: &str = "9e15";
    let settings = quick_sign_ins();
    let (one, other) = two(&settings).await;
    let rate = Rate::SignInsFor("ann".into());
    one.count(&rate).unwrap();
    let key = key_of_the_bucket(&settings).await;
    let fields = ["empty", "wait", "until", "latest", "forgiven"];
    for value in [FAR, "nan", "inf", "-inf", "a text"] {
        let mut write = vec!["HSET", &key];
        fields.iter().for_each(|field| write.extend([field, value]));
        server().ask(&write).unwrap();
        server().ask(&["PERSIST", &key]).unwrap();
        opens_soon(&other, &rate).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        opens_soon(&other, &rate).await;
        opens_soon(&one, &rate).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let left: i64 = server().ask(&["PTTL", &key]).unwrap().parse().unwrap();
        assert!((-2..=3_000).contains(&left) && left != -1, "{value}: the bucket stays for {left} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_concerns_its_name_and_costs_no_count() {
    let settings = fresh_settings();
    let (one, other) = two(&settings).await;
    let rate = |name: &str| Rate::SignInsFor(name.into());
    one.count(&rate("broken")).unwrap();
    let key = key_of_the_bucket(&settings).await;
    for round in 0..3 {
        // What is still on its way of earlier tries would count again.
        tokio::time::sleep(Duration::from_millis(300)).await;
        one.forgive(&rate("broken"));
        tokio::time::sleep(Duration::from_millis(200)).await;
        server().ask(&["DEL", &key]).unwrap();
        server().ask(&["SET", &key, "a text"]).unwrap();
        let names = [format!("{round} before"), "broken".to_owned(), format!("{round} behind")];
        for name in &names {
            assert_eq!(burst(&one, &rate(name)), 5, "{name}");
        }
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        assert_eq!(burst(&one, &rate(&format!("{round} whole"))), 5, "the node is not alone");
        for name in &names {
            assert!(other.count(&rate(name)).is_err(), "the other node knows of {name}");
        }
        assert_eq!(server().ask(&["TYPE", &key]).unwrap(), "hash");
    }
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
