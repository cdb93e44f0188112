//! Clauses of rates. They ask the settings how fast what refills, so that an adapter that lives in real time may bring quick
//! ones; and they allow for the time that passes while they count.

use std::{sync::Arc, time::Duration};

use chat_domain::{
    ids::{RoomId, UserId},
    limits::{Rate, RateSettings},
    ports::RateLimits,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Two nodes that count together under these settings, and how long it takes until one knows what the other counted.
pub struct TwoCounters {
    pub one: Arc<dyn RateLimits>,
    pub other: Arc<dyn RateLimits>,
    pub settings: RateSettings,
    pub patience: Duration,
}

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));
const ROOM: RoomId = RoomId(Uuid::from_u128(3));

fn ann() -> Rate {
    Rate::SignInsFor("ann".into())
}

fn every_rate() -> [Rate; 7] {
    [
        Rate::SendsOfUser(ANN),
        Rate::SendsIntoRoom(ROOM),
        Rate::RestOfUser(ANN),
        Rate::SignInsFrom("192.0.2.1".into()),
        ann(),
        Rate::RegistrationsFrom("192.0.2.1".into()),
        Rate::Typing(ANN, ROOM),
    ]
}

fn passed(since: Instant, interval: Duration) -> u32 {
    u32::try_from(since.elapsed().as_nanos().div_ceil(interval.as_nanos())).unwrap()
}

impl TwoCounters {
    fn interval(&self, rate: &Rate) -> Duration {
        self.settings.rule(rate).refill.interval
    }

    fn burst_of(&self, rate: &Rate) -> u32 {
        self.settings.rule(rate).refill.burst
    }

    /// How many pass at once here.
    fn fill(&self, rate: &Rate) -> u32 {
        (0..1_000).take_while(|_| self.one.count(rate).is_ok()).count().try_into().unwrap()
    }

    /// Exactly so many pass at once here, but for those that fit while they are counted.
    fn holds(&self, rate: &Rate, most: u32) {
        let began = Instant::now();
        let counted = self.fill(rate);
        let refilled = passed(began, self.interval(rate));
        assert!((most..=most + refilled).contains(&counted), "{rate:?}: {counted}, not {most} (or {refilled} more)");
    }

    /// Waits until the other node lets nobody through.
    async fn until_the_other_refuses(&self, rate: &Rate) {
        let began = Instant::now();
        while self.other.count(rate).is_ok() {
            assert!(began.elapsed() < self.patience, "{rate:?}: the other node knows nothing of it");
            sleep(self.patience / 50).await;
        }
    }
}

pub async fn each_rate_has_its_burst(c: &TwoCounters) {
    for rate in every_rate() {
        c.holds(&rate, c.burst_of(&rate));
    }
}

pub async fn one_name_does_not_count_for_another(c: &TwoCounters) {
    let (ann, bob) = (Rate::SendsOfUser(ANN), Rate::SendsOfUser(BOB));
    c.fill(&ann);
    c.holds(&bob, c.burst_of(&bob));
    c.holds(&Rate::RestOfUser(ANN), c.burst_of(&Rate::RestOfUser(ANN)));
}

pub async fn who_waits_as_told_is_let_through(c: &TwoCounters) {
    for rate in [Rate::SendsOfUser(ANN), Rate::Typing(ANN, ROOM), ann()] {
        c.fill(&rate);
        sleep(c.settings.rule(&rate).refill.whole() * 2).await;
        c.fill(&rate);
        let wait = c.one.count(&rate).unwrap_err();
        assert!(wait > 0);
        sleep(Duration::from_millis(wait)).await;
        assert_eq!(c.one.count(&rate), Ok(()), "{rate:?}");
    }
}

pub async fn a_rate_refills_steadily(c: &TwoCounters) {
    let rate = Rate::SendsOfUser(ANN);
    let (burst, interval) = (c.burst_of(&rate), c.interval(&rate));
    let began = Instant::now();
    let first = c.fill(&rate);
    sleep(interval * burst / 2).await;
    let second = c.fill(&rate);
    assert!((burst / 2..=first + passed(began, interval) - burst).contains(&second), "{second} after half of it");
    sleep(interval * burst * 3).await;
    c.holds(&rate, burst); // never more than the burst
}

pub async fn what_is_refused_is_not_counted(c: &TwoCounters) {
    let rate = Rate::SendsOfUser(ANN);
    c.fill(&rate);
    let began = Instant::now();
    let most = u64::try_from(c.interval(&rate).as_millis()).unwrap();
    while began.elapsed() < c.interval(&rate) / 4 {
        // Who is refused a thousand times waits no longer than who is refused once; real time may let one through.
        if let Err(wait) = c.one.count(&rate) {
            assert!(wait <= most, "{wait} ms");
        }
        sleep(c.interval(&rate) / 1_000).await;
    }
}

pub async fn a7_each_sign_in_too_early_waits_longer_up_to_a_minute(c: &TwoCounters) {
    let rate = ann();
    c.fill(&rate);
    let longest = c.settings.rule(&rate).refill.whole().min(Duration::from_secs(60));
    let waits: Vec<u64> = (0..10).map(|_| c.one.count(&rate).unwrap_err()).collect();
    assert!(waits[1] > waits[0], "{waits:?}");
    assert!(waits.iter().all(|wait| u128::from(*wait) <= longest.as_millis()), "{waits:?}");
    assert!(waits.iter().any(|wait| u128::from(*wait) > longest.as_millis() * 3 / 4), "{waits:?}");
}

pub async fn a7_nobody_is_locked_out_however_often_somebody_knocks(c: &TwoCounters) {
    let rate = ann();
    c.fill(&rate);
    let whole = c.settings.rule(&rate).refill.whole();
    let (began, mut let_in) = (Instant::now(), 0);
    while began.elapsed() < whole * 10 {
        sleep(whole / 60).await;
        let_in += u32::from(c.one.count(&rate).is_ok());
    }
    let most = passed(began, c.interval(&rate)) + c.burst_of(&rate);
    assert!((5..=most).contains(&let_in), "{let_in} in ten times the longest wait");
}

pub async fn a7_the_right_password_is_forgiven(c: &TwoCounters) {
    let rate = ann();
    c.fill(&rate);
    assert!(c.one.count(&rate).is_err());
    c.one.forgive(&rate);
    c.holds(&rate, c.burst_of(&rate));
}

pub async fn what_did_not_happen_is_given_back(c: &TwoCounters) {
    let rate = Rate::SendsIntoRoom(ROOM);
    c.fill(&rate);
    c.one.refund(&rate);
    c.holds(&rate, 1);
    c.one.refund(&Rate::SendsIntoRoom(RoomId(Uuid::from_u128(4))));
}

pub async fn what_one_node_counts_the_others_know(c: &TwoCounters) {
    for rate in every_rate() {
        c.fill(&rate);
        sleep(c.patience / 10).await;
        let mut let_in = 0;
        let began = Instant::now();
        while c.other.count(&rate).is_ok() {
            let_in += 1;
            assert!(began.elapsed() < c.patience, "{rate:?}: {let_in} were let in");
            sleep(c.patience / 10).await;
        }
        // Nobody is asked before the first is let in; then all know.
        let most = 1 + passed(began, c.interval(&rate));
        assert!(let_in <= most, "{rate:?}: {let_in} were let in, not {most}");
    }
}

pub async fn a7_a_guesser_gains_nothing_by_another_node(c: &TwoCounters) {
    let rate = ann();
    c.fill(&rate);
    let first = c.one.count(&rate).unwrap_err();
    let whole = c.settings.rule(&rate).refill.whole();
    while c.one.count(&rate).unwrap_err() <= first * 2 {}
    sleep(c.patience / 10).await;
    let there = c.other.count(&rate).expect_err("nobody asked there yet, and still it is known");
    assert!(there > first, "the wait that grew here holds there: {there} after {first}");
    assert!(u128::from(there) <= whole.as_millis());
}

pub async fn a7_what_one_node_forgives_the_others_forgive(c: &TwoCounters) {
    let rate = ann();
    c.fill(&rate);
    assert!(c.one.count(&rate).is_err());
    c.until_the_other_refuses(&rate).await;
    sleep(c.patience / 10).await;
    c.one.forgive(&rate);
    let began = Instant::now();
    loop {
        sleep(c.patience / 50).await;
        // Asked seldom enough not to be a guesser.
        match c.other.count(&rate) {
            Ok(()) => return,
            Err(_) => assert!(began.elapsed() < c.patience, "the other node never forgives"),
        }
    }
}

pub async fn what_one_node_gives_back_is_there_for_all(c: &TwoCounters) {
    let rate = Rate::RegistrationsFrom("192.0.2.7".into());
    let burst = c.burst_of(&rate);
    for _ in 0..burst - 1 {
        c.one.count(&rate).unwrap();
    }
    for _ in 0..burst - 1 {
        c.one.refund(&rate);
    }
    sleep(c.patience / 2).await;
    c.other.count(&rate).unwrap();
    sleep(c.patience / 2).await;
    c.other.count(&rate).expect("two of a burst, not all of it");
}
