//! A server that dies, stops or forgets, and comes back.

use std::time::{Duration, Instant};

use chat_domain::ports::{Bus, Heard, Topic};
use chat_redis::Redis;

use crate::fixture::{
    NOTICED, PATIENCE, ROOM, event_note, fresh_settings, heard, heard_soon, joined, own_server, says, two_at, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_recovers_from_a_server_that_died() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    joined(&one, &other).await;

    server.kill().unwrap();
    until("both nodes know", Duration::from_secs(1), || !one.is_healthy() && !other.is_healthy()).await;
    for node in [&one, &other] {
        assert_eq!(heard_soon(node).await, Some(Heard::Interrupted), "who polls seldom is told to begin at once");
    }
    one.publish(event_note(ROOM, 1));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(heard_soon(&other).await, None, "nobody is told to ask the record for nothing");

    server.restart().unwrap();
    until("both carry again", Duration::from_secs(3), || one.is_healthy() && other.is_healthy()).await;
    assert_eq!(heard(&other).await, Heard::Interrupted);
    assert_eq!(heard(&one).await, Heard::Interrupted);
    // The word of the note that was dropped may come as another interruption.
    while heard_soon(&other).await.is_some() {}
    says(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_meanwhile_is_heard_afterwards() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    other.listen(Topic::Room(ROOM));
    joined(&one, &other).await;
    server.kill().unwrap();
    until("it is known", Duration::from_secs(1), || !other.is_healthy()).await;
    let elsewhere = chat_domain::ids::RoomId(uuid::Uuid::from_u128(77));
    other.listen(Topic::Room(elsewhere));
    other.unlisten(Topic::Room(ROOM));
    server.restart().unwrap();
    until("both carry again", PATIENCE, || one.is_healthy() && other.is_healthy()).await;
    assert_eq!(heard(&other).await, Heard::Interrupted);
    while heard_soon(&other).await.is_some() {}
    one.publish(event_note(ROOM, 1));
    one.publish(event_note(elsewhere, 2));
    assert_eq!(heard(&other).await, Heard::Note(event_note(elsewhere, 2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_its_tracks_is_noticed_and_waited_for() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    joined(&one, &other).await;

    server.pause().unwrap();
    until("both nodes know", NOTICED, || !one.is_healthy() && !other.is_healthy()).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!one.is_healthy() && !other.is_healthy());

    server.resume().unwrap();
    until("both carry again", Duration::from_secs(4), || one.is_healthy() && other.is_healthy()).await;
    assert_eq!(heard(&other).await, Heard::Interrupted);
    while heard_soon(&other).await.is_some() {}
    says(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_never_waits_for_a_server_that_hangs() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    joined(&one, &other).await;
    server.pause().unwrap();
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    for seq in 1..=100_000 {
        let before = Instant::now();
        one.publish(event_note(ROOM, seq));
        longest = longest.max(before.elapsed());
    }
    // As long as writing them down takes, and as a busy machine takes away.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    server.resume().unwrap();
    // Whatever was dropped: the others are told, and it goes on.
    until("it carries again", PATIENCE, || one.is_healthy() && other.is_healthy()).await;
    let began = Instant::now();
    while heard(&other).await != Heard::Interrupted {
        assert!(began.elapsed() < PATIENCE, "notes were dropped in silence");
    }
    while heard_soon(&other).await.is_some() {}
    says(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_at_the_start_is_waited_for() {
    let server = own_server();
    server.kill().unwrap();
    let settings = fresh_settings();
    let began = Instant::now();
    let one = Redis::open(&server.url(), &settings).await.unwrap();
    let other = Redis::open(&server.url(), &settings).await.unwrap();
    assert!(began.elapsed() < settings.connect_timeout * 3, "{:?}", began.elapsed());
    assert!(!one.is_healthy() && !other.is_healthy());
    other.listen(Topic::Room(ROOM));
    server.restart().unwrap();
    until("both carry", Duration::from_secs(3), || one.is_healthy() && other.is_healthy()).await;
    assert_eq!(heard(&other).await, Heard::Interrupted, "what was said before could not be heard");
    while heard_soon(&other).await.is_some() {}
    says(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgets_everything_forgets_nothing_of_the_bus() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    joined(&one, &other).await;
    for _ in 0..5 {
        server.flush().unwrap();
        says(&one, &other).await;
        assert!(one.is_healthy() && other.is_healthy());
    }
    assert_eq!(heard_soon(&other).await, None, "nothing was missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_channels_is_not_a_bus_until_it_allows_them() {
    let server = own_server();
    let settings = fresh_settings();
    let (one, other) = two_at(&server.url(), &settings).await;
    joined(&one, &other).await;
    server.ask(&["ACL", "SETUSER", "default", "resetchannels"]).unwrap();
    until("both nodes know", NOTICED, || !one.is_healthy() && !other.is_healthy()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!one.is_healthy() && !other.is_healthy());
    server.ask(&["ACL", "SETUSER", "default", &format!("&{}:*", settings.prefix)]).unwrap();
    until("both carry again", PATIENCE, || one.is_healthy() && other.is_healthy()).await;
    assert_eq!(heard(&other).await, Heard::Interrupted);
    while heard_soon(&other).await.is_some() {}
    says(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_dropped_closes_its_connections() {
    let server = own_server();
    let (one, other) = two_at(&server.url(), &fresh_settings()).await;
    let connections = || server.ask(&["CLIENT", "LIST"]).unwrap().lines().filter(|line| line.contains("name=")).count();
    assert!(connections() >= 5, "two for each, and the one that asks");
    drop((one, other));
    until("they are closed", PATIENCE, || connections() == 1).await;
}
