//! Every clause of the ports between nodes.

use std::{sync::Arc, time::Duration};

use chat_contract::{bus::TwoNodes, presence::TwoPresences, rates::TwoCounters, tail::TwoTails};
use chat_domain::limits::{RateSettings, Refill};
use chat_redis::Settings;

use crate::fixture::{fresh_settings, two};

async fn two_nodes() -> TwoNodes {
    let (one, other) = two(&fresh_settings()).await;
    TwoNodes { one: Arc::new(one), other: Arc::new(other), patience: Duration::from_secs(1) }
}

chat_contract::bus_contract!(crate::contract::two_nodes, flavor = "multi_thread");

async fn two_presences() -> TwoPresences {
    let (one, other) = two(&fresh_settings()).await;
    TwoPresences { one: Arc::new(one), other: Arc::new(other), lease: Duration::from_secs(1) }
}

chat_contract::presence_contract!(crate::contract::two_presences, flavor = "multi_thread");

async fn two_tails() -> TwoTails {
    let (one, other) = two(&fresh_settings()).await;
    TwoTails { one: Arc::new(one), other: Arc::new(other), patience: Duration::from_secs(5) }
}

chat_contract::tail_contract!(crate::contract::two_tails, flavor = "multi_thread");

/// Rates whose whole refills take about a second, in steps that a busy machine can tell apart.
fn quick() -> RateSettings {
    let refill = |millis, burst| Refill { interval: Duration::from_millis(millis), burst };
    RateSettings {
        enabled: true,
        sends_per_user: refill(200, 6),
        sends_per_room: refill(200, 8),
        rest: refill(200, 10),
        sign_in_per_address: refill(300, 6),
        sign_in_per_name: refill(300, 5),
        registrations_per_address: refill(2_000, 5),
        typing: refill(500, 1),
        wrong_webhook_secrets: refill(300, 6),
    }
}

async fn two_counters() -> TwoCounters {
    let settings = Settings { rates: quick(), ..fresh_settings() };
    let (one, other) = two(&settings).await;
    TwoCounters { one: Arc::new(one), other: Arc::new(other), settings: quick(), patience: Duration::from_secs(1) }
}

chat_contract::rates_contract!(crate::contract::two_counters, flavor = "multi_thread");
