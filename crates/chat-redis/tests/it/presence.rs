//! Leases in a real Redis: many at once, a node that dies, a server that is away or forgets.

use std::time::{Duration, Instant};

use chat_domain::{
    ids::UserId,
    ports::{Presence, Status},
};
use chat_redis::Redis;
use uuid::Uuid;

use crate::fixture::{ANN, BOB, PATIENCE, fresh_settings, own_server, server, two, two_at};

fn users(count: u128) -> Vec<UserId> {
    (0..count).map(|number| UserId(Uuid::from_u128(number))).collect()
}

/// Every third is online by the one node, every third away by the other.
pub(crate) async fn users_are_seen(one: &Redis, other: &Redis, count: u128) {
    let users = users(count);
    let some = |rest: usize, status| users.iter().skip(rest).step_by(3).map(|user| (*user, status)).collect::<Vec<_>>();
    one.lease(&some(0, Status::Online), Duration::from_secs(60)).await.unwrap();
    other.lease(&some(1, Status::Away), Duration::from_secs(60)).await.unwrap();
    let seen = one.status(&users).await.unwrap();
    assert_eq!(seen.len(), users.len());
    for (place, status) in seen.into_iter().enumerate() {
        assert_eq!(status, [Status::Online, Status::Away, Status::Offline][place % 3], "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_users_cost_one_pipeline() {
    let (one, other) = two(&fresh_settings()).await;
    users_are_seen(&one, &other, 1_000).await;
    users_are_seen(&one, &other, 10_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_dead_node_go_offline_and_leave_no_ghosts() {
    let settings = fresh_settings();
    let (dies, lives) = two(&settings).await;
    let lease = Duration::from_millis(500);
    dies.lease(&[(ANN, Status::Online), (BOB, Status::Online)], lease).await.unwrap();
    lives.lease(&[(BOB, Status::Away)], lease * 10).await.unwrap();
    drop(dies);
    assert_eq!(lives.status(&[ANN, BOB]).await.unwrap(), [Status::Online, Status::Online]);
    tokio::time::sleep(lease + Duration::from_millis(50)).await;
    assert_eq!(lives.status(&[ANN, BOB]).await.unwrap(), [Status::Offline, Status::Away]);
    let key = |user| format!("{}:{{user:{user}}}:presence", settings.prefix);
    assert_eq!(server().ask(&["EXISTS", &key(ANN)]).unwrap(), "0", "nothing is left of a user who is gone");
    assert_eq!(server().ask(&["ZCARD", &key(BOB)]).unwrap(), "2");
    lives.lease(&[(BOB, Status::Away)], lease).await.unwrap();
    assert_eq!(server().ask(&["ZCARD", &key(BOB)]).unwrap(), "1", "whoever leases next removes what ran out");
    let left: i64 = server().ask(&["PTTL", &key(BOB)]).unwrap().parse().unwrap();
    assert!((1..=5_000).contains(&left), "the key goes by itself: {left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_lease_of_one_node_does_not_cut_a_longer_one_of_another() {
    let (one, other) = two(&fresh_settings()).await;
    one.lease(&[(ANN, Status::Online)], Duration::from_secs(60)).await.unwrap();
    other.lease(&[(ANN, Status::Away)], Duration::from_millis(200)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(other.status(&[ANN]).await.unwrap(), [Status::Online]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_concerns_one_user_until_the_next_lease() {
    let settings = fresh_settings();
    let (one, other) = two(&settings).await;
    let both = [(ANN, Status::Online), (BOB, Status::Away)];
    one.lease(&both, Duration::from_secs(60)).await.unwrap();
    let key = format!("{}:{{user:{ANN}}}:presence", settings.prefix);
    server().ask(&["DEL", &key]).unwrap();
    server().ask(&["SET", &key, "a text"]).unwrap();
    assert_eq!(other.status(&[ANN, BOB]).await.unwrap(), [Status::Offline, Status::Away]);
    one.lease(&both, Duration::from_secs(60)).await.unwrap();
    assert_eq!(other.status(&[ANN, BOB]).await.unwrap(), [Status::Online, Status::Away]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_refused_keeps_no_other_from_being_taken() {
    let server = own_server();
    let settings = fresh_settings();
    let (one, other) = two_at(&server.url(), &settings).await;
    let mut leases: Vec<_> = users(6_000).into_iter().map(|user| (user, Status::Online)).collect();
    let refused = UserId(Uuid::from_u128(u128::MAX));
    leases.insert(7, (refused, Status::Online));
    let allowed = format!("~{}:{{user:0*", settings.prefix);
    server.ask(&["ACL", "SETUSER", "default", "resetkeys", &allowed]).unwrap();
    assert!(one.lease(&leases, Duration::from_secs(60)).await.is_err(), "what was not taken is told");
    assert_eq!(other.status(&users(6_000)).await.unwrap(), vec![Status::Online; 6_000]);
    assert!(other.status(&[refused]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_presence_is_unavailable_soon_and_then_available_again() {
    let server = own_server();
    let settings = fresh_settings();
    let (one, other) = two_at(&server.url(), &settings).await;
    one.lease(&[(ANN, Status::Online)], Duration::from_secs(60)).await.unwrap();
    let soon = settings.command_timeout + Duration::from_millis(500);

    server.pause().unwrap();
    for _ in 0..3 {
        let asked = Instant::now();
        assert!(other.status(&[ANN]).await.is_err());
        assert!(asked.elapsed() < soon, "{:?}", asked.elapsed());
    }
    server.resume().unwrap();
    assert!(eventually(&other, Status::Online).await);

    server.kill().unwrap();
    let asked = Instant::now();
    assert!(one.lease(&[(ANN, Status::Online)], Duration::from_secs(60)).await.is_err());
    assert!(asked.elapsed() < soon, "{:?}", asked.elapsed());
    server.restart().unwrap();
    assert!(eventually(&other, Status::Offline).await, "the new server knows nobody");
    one.lease(&[(ANN, Status::Online)], Duration::from_secs(60)).await.unwrap();
    assert_eq!(other.status(&[ANN]).await.unwrap(), [Status::Online]);

    server.flush().unwrap();
    assert_eq!(other.status(&[ANN]).await.unwrap(), [Status::Offline]);
    one.lease(&[(ANN, Status::Online)], Duration::from_secs(60)).await.unwrap();
    assert_eq!(other.status(&[ANN]).await.unwrap(), [Status::Online], "the next beat tells it again");
}

async fn eventually(redis: &Redis, status: Status) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if redis.status(&[ANN]).await == Ok(vec![status]) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_from_another_runtime_is_answered_by_ours() {
    let (one, other) = two(&fresh_settings()).await;
    one.lease(&[(ANN, Status::Online)], Duration::from_secs(60)).await.unwrap();
    let asked = std::thread::spawn(move || {
        let theirs = tokio::runtime::Builder::new_current_thread().build().unwrap();
        theirs.block_on(async {
            for _ in 0..10 {
                assert_eq!(other.status(&[ANN]).await.unwrap(), [Status::Online]);
            }
        });
        other
    });
    let other = tokio::task::spawn_blocking(move || asked.join().unwrap()).await.unwrap();
    assert_eq!(other.status(&[ANN]).await.unwrap(), [Status::Online], "and the connections outlive theirs");
}
