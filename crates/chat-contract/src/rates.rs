//! Clauses of rates, under the defaults of protocol §4.

use std::{sync::Arc, time::Duration};

use chat_domain::{
    ids::{RoomId, UserId},
    limits::Rate,
    ports::RateLimits,
};
use uuid::Uuid;

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));
const ROOM: RoomId = RoomId(Uuid::from_u128(3));

type Rates = Arc<dyn RateLimits>;

/// How many pass at once.
fn burst(rates: &Rates, rate: &Rate) -> usize {
    (0..1_000).take_while(|_| rates.count(rate).is_ok()).count()
}

pub async fn each_rate_has_its_burst(rates: &Rates) {
    for (rate, most) in [
        (Rate::SendsOfUser(ANN), 10),
        (Rate::SendsIntoRoom(ROOM), 40),
        (Rate::RestOfUser(ANN), 60),
        (Rate::SignInsFrom("192.0.2.1".into()), 10),
        (Rate::SignInsFor("ann".into()), 5),
        (Rate::RegistrationsFrom("192.0.2.1".into()), 5),
        (Rate::Typing(ANN, ROOM), 1),
    ] {
        assert_eq!(burst(rates, &rate), most, "{rate:?}");
    }
}

pub async fn one_name_does_not_count_for_another(rates: &Rates) {
    burst(rates, &Rate::SendsOfUser(ANN));
    assert_eq!(burst(rates, &Rate::SendsOfUser(BOB)), 10);
    assert_eq!(burst(rates, &Rate::RestOfUser(ANN)), 60);
}

pub async fn who_waits_as_told_is_let_through(rates: &Rates) {
    for rate in [Rate::SendsOfUser(ANN), Rate::Typing(ANN, ROOM), Rate::SignInsFor("ann".into())] {
        burst(rates, &rate);
        tokio::time::sleep(Duration::from_secs(120)).await;
        burst(rates, &rate);
        let wait = rates.count(&rate).unwrap_err();
        assert!(wait > 0);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        assert_eq!(rates.count(&rate), Ok(()), "{rate:?}");
    }
}

pub async fn a_rate_refills_steadily(rates: &Rates) {
    let rate = Rate::SendsOfUser(ANN);
    burst(rates, &rate);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(burst(rates, &rate), 5);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(burst(rates, &rate), 10, "never more than the burst");
}

pub async fn what_is_refused_is_not_counted(rates: &Rates) {
    let rate = Rate::SendsOfUser(ANN);
    burst(rates, &rate);
    let first = rates.count(&rate).unwrap_err();
    for _ in 0..100 {
        assert_eq!(rates.count(&rate), Err(first));
    }
    assert!(first <= 200);
}

pub async fn a7_each_sign_in_too_early_waits_longer_up_to_a_minute(rates: &Rates) {
    let rate = Rate::SignInsFor("ann".into());
    burst(rates, &rate);
    let waits: Vec<u64> = (0..10).map(|_| rates.count(&rate).unwrap_err()).collect();
    assert!(waits[1] > waits[0] && waits[2] > waits[1], "{waits:?}");
    assert!(waits.is_sorted() && waits.iter().all(|wait| *wait <= 60_000), "{waits:?}");
}

pub async fn a7_nobody_is_locked_out_however_often_somebody_knocks(rates: &Rates) {
    let rate = Rate::SignInsFor("ann".into());
    burst(rates, &rate);
    let mut let_in = 0;
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let_in += usize::from(rates.count(&rate).is_ok());
    }
    assert!((5..=60).contains(&let_in), "{let_in} in ten minutes");
}

pub async fn a7_the_right_password_is_forgiven(rates: &Rates) {
    let rate = Rate::SignInsFor("ann".into());
    burst(rates, &rate);
    assert!(rates.count(&rate).is_err());
    rates.forgive(&rate);
    assert_eq!(burst(rates, &rate), 5);
}

pub async fn what_did_not_happen_is_given_back(rates: &Rates) {
    let rate = Rate::SendsIntoRoom(ROOM);
    burst(rates, &rate);
    rates.refund(&rate);
    assert_eq!(burst(rates, &rate), 1);
    rates.refund(&Rate::SendsIntoRoom(RoomId(Uuid::from_u128(4))));
}
