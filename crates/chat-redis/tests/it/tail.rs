//! The tail in a real Redis: its bounds, and a server that forgets.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat_domain::{
    event::{Event, Object},
    objects::{Epoch, LogHead, Message},
    ports::{Bus, Presence, RateLimits, Status, Tail},
    timestamp::Timestamp,
    words::Text,
};
use chat_redis::{Redis, Settings};

use crate::fixture::{ANN, BOB, PATIENCE, ROOM, event, fresh_settings, own_server, server, two, two_at, until};

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

/// A message of so many letters, and about 250 bytes more.
fn long(seq: u64, letters: usize) -> Arc<Event> {
    let message = Message {
        room: ROOM,
        seq,
        rev: seq,
        author: ANN,
        at: Timestamp::from_millis(1_769_851_800_007),
        text: Some(Text::parse(&"x".repeat(letters), 100_000).unwrap()),
        reply_to: None,
        mentions: Vec::new(),
        mentions_room: false,
        reactions: Vec::new(),
        edited_at: None,
        deleted: false,
        nonce: None,
    };
    Event { room: ROOM, seq, by: ANN, object: Object::Message(message.into()) }.into()
}

/// A run that ends at the head, without a hole.
fn ends_at(head: u64, run: &[u64]) -> bool {
    let first = head + 1 - u64::try_from(run.len()).unwrap();
    run.iter().copied().eq(first..=head)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_bounded_in_bytes() {
    const MOST: usize = 20_000;
    let settings = Settings { tail_bytes: MOST, ..fresh_settings() };
    let (one, other) = two(&settings).await;
    let key = format!("{}:{{room:{ROOM}}}:tail:first", settings.prefix);
    let held = || server().ask(&["ZRANGE", &key, "0", "-1"]).unwrap().lines().map(str::len).sum::<usize>();
    for seq in 1..=60 {
        let letters = [10, 4_000, 100, 16_000, 700, 9_000][usize::try_from(seq % 6).unwrap()];
        let (keeps, reads) = if seq % 2 == 0 { (&one, &other) } else { (&other, &one) };
        events_are_kept(keeps, reads, &[long(seq, letters)]).await;
        keeps.keep(&Epoch("first".into()), &[long(seq, letters)]); // twice is once
        let run = leading_to(reads, seq).await;
        assert!(held() <= MOST, "{} bytes at {seq}", held());
        assert!(ends_at(seq, &run), "{run:?} at {seq}");
        if seq % 10 == 0 {
            // Whatever Redis forgets of it, or somebody else writes there.
            let bytes = format!("{key}:bytes");
            server().ask(&["DEL", &bytes]).unwrap();
            match seq % 20 {
                0 => server().ask(&["LPUSH", &bytes, "nonsense"]).unwrap(),
                _ => server().ask(&["SET", &bytes, "nan"]).unwrap(),
            };
        }
    }
    let many: Vec<_> = (61..=200).map(|seq| long(seq, 300)).collect();
    events_are_kept(&one, &other, &many).await;
    let run = leading_to(&other, 200).await;
    assert!(ends_at(200, &run) && run.len() > MOST / 700, "what fits is kept: {run:?}");
    assert!(held() <= MOST, "{} bytes", held());

    one.keep(&Epoch("first".into()), &[long(201, MOST)]);
    until("what is larger than all of it ends it", PATIENCE, || held() == 0).await;
    events_are_kept(&one, &other, &events(202..=204)).await;
    assert_eq!(leading_to(&other, 204).await, [202, 203, 204]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_costs_one_tail_its_past_and_no_more() {
    let settings = fresh_settings();
    let (one, other) = two(&settings).await;
    let key = format!("{}:{{room:{ROOM}}}:tail:first", settings.prefix);
    server().ask(&["SET", &key, "a text"]).unwrap();
    one.keep(&Epoch("first".into()), &events(1..=1));
    let began = Instant::now();
    while other.recent(ROOM, &head(1), 10).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "the tail is never mended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    events_are_kept(&one, &other, &events(2..=3)).await;
    assert!(leading_to(&other, 3).await.ends_with(&[2, 3]));
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

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_is_full_keeps_no_other_command_from_being_carried_out() {
    let server = own_server();
    let settings = fresh_settings();
    let (one, other) = two_at(&server.url(), &settings).await;
    let lease = Duration::from_secs(60);
    one.lease(&[(ANN, Status::Online), (BOB, Status::Away)], lease).await.unwrap();
    events_are_kept(&one, &other, &events(1..=3)).await;
    let connections = || {
        let stats = server.ask(&["INFO", "stats"]).unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap();
        line.trim().parse::<u64>().unwrap()
    };

    server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let before = connections();
    for number in 4..=6 {
        one.keep(&Epoch("first".into()), &events(number..=number));
        assert!(one.count(&chat_domain::limits::Rate::RestOfUser(ANN)).is_ok());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    one.lease(&[(ANN, Status::Offline)], lease).await.unwrap();
    assert_eq!(other.status(&[ANN, BOB]).await.unwrap(), [Status::Offline, Status::Away], "who left has left");
    assert_eq!(leading_to(&other, 3).await, [1, 2, 3], "what was kept is kept");
    assert_eq!(leading_to(&other, 6).await, [0; 0]);
    assert_eq!(server.ask(&["KEYS", &format!("{}:{{rate:*", settings.prefix)]).unwrap(), "", "nor is a rate");
    // Each question of this test is a connection, too, and so may be a second one of a pool.
    assert!(connections() - before <= 4, "connections are given up for what was answered");
    assert!(one.is_healthy() && other.is_healthy());

    server.ask(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    one.lease(&[(ANN, Status::Online)], lease).await.unwrap();
    assert_eq!(other.status(&[ANN, BOB]).await.unwrap(), [Status::Online, Status::Away]);
    events_are_kept(&one, &other, &events(7..=9)).await;
    crate::rates::until_it_is_not_alone(&one).await;
    crate::rates::a_burst_is_known(&one, &other).await;
}
