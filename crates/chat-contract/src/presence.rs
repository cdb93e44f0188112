//! Clauses of presence: leases of nodes that run out by themselves.

use std::{sync::Arc, time::Duration};

use chat_domain::{
    ids::UserId,
    ports::{Presence, Status},
};
use uuid::Uuid;

/// Two nodes that share presence, and the shortest lease that is worth testing: 1 s where time is real.
pub struct TwoPresences {
    pub one: Arc<dyn Presence>,
    pub other: Arc<dyn Presence>,
    pub lease: Duration,
}

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

async fn status(presence: &TwoPresences, users: &[UserId]) -> Vec<Status> {
    let one = presence.one.status(users).await.unwrap();
    assert_eq!(one, presence.other.status(users).await.unwrap(), "every node sees the same");
    one
}

pub async fn who_leased_nothing_is_offline(p: &TwoPresences) {
    assert_eq!(status(p, &[ANN, BOB]).await, [Status::Offline, Status::Offline]);
    assert_eq!(status(p, &[]).await, []);
}

pub async fn the_best_of_all_nodes_counts(p: &TwoPresences) {
    p.one.lease(&[(ANN, Status::Away), (BOB, Status::Away)], p.lease).await.unwrap();
    assert_eq!(status(p, &[BOB, ANN]).await, [Status::Away, Status::Away]);
    p.other.lease(&[(ANN, Status::Online)], p.lease).await.unwrap();
    assert_eq!(status(p, &[BOB, ANN, BOB]).await, [Status::Away, Status::Online, Status::Away]);
    p.one.lease(&[(ANN, Status::Away)], p.lease).await.unwrap();
    assert_eq!(status(p, &[ANN]).await, [Status::Online], "one node does not speak for another");
}

pub async fn offline_gives_ones_own_lease_back_at_once(p: &TwoPresences) {
    p.one.lease(&[(ANN, Status::Online), (BOB, Status::Online)], p.lease).await.unwrap();
    p.other.lease(&[(BOB, Status::Away)], p.lease).await.unwrap();
    p.one.lease(&[(ANN, Status::Offline), (BOB, Status::Offline)], p.lease).await.unwrap();
    assert_eq!(status(p, &[ANN, BOB]).await, [Status::Offline, Status::Away]);
}

pub async fn a_lease_runs_out_by_itself(p: &TwoPresences) {
    p.one.lease(&[(ANN, Status::Online), (BOB, Status::Online)], p.lease).await.unwrap();
    tokio::time::sleep(p.lease / 2).await;
    p.one.lease(&[(BOB, Status::Online)], p.lease).await.unwrap();
    tokio::time::sleep(p.lease * 3 / 4).await;
    assert_eq!(status(p, &[ANN, BOB]).await, [Status::Offline, Status::Online]);
    tokio::time::sleep(p.lease / 2).await;
    assert_eq!(status(p, &[ANN, BOB]).await, [Status::Offline, Status::Offline]);
}

pub async fn what_a_node_said_last_counts(p: &TwoPresences) {
    for status_now in [Status::Away, Status::Online, Status::Away, Status::Offline, Status::Online] {
        p.one.lease(&[(ANN, status_now)], p.lease).await.unwrap();
        assert_eq!(status(p, &[ANN]).await, [status_now]);
    }
}

pub async fn who_never_leased_gives_nothing_back(p: &TwoPresences) {
    p.other.lease(&[(BOB, Status::Away)], p.lease).await.unwrap();
    p.one.lease(&[(ANN, Status::Offline), (BOB, Status::Offline)], p.lease).await.unwrap();
    p.one.lease(&[], p.lease).await.unwrap();
    assert_eq!(status(p, &[ANN, BOB]).await, [Status::Offline, Status::Away]);
}

pub async fn a_short_lease_of_one_node_does_not_end_a_long_one_of_another(p: &TwoPresences) {
    p.one.lease(&[(ANN, Status::Away)], p.lease * 4).await.unwrap();
    p.other.lease(&[(ANN, Status::Online)], p.lease).await.unwrap();
    assert_eq!(status(p, &[ANN]).await, [Status::Online]);
    tokio::time::sleep(p.lease * 2).await;
    assert_eq!(status(p, &[ANN]).await, [Status::Away]);
}
