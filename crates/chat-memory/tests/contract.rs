//! Memory honours every clause of the record's ports, and of those that a single node needs beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chat_contract::{Fixture, Stores, bus::TwoNodes, presence::TwoPresences, rates::TwoCounters, tail::TwoTails};
use chat_domain::{
    ids::{RoomId, Seq},
    limits::RateSettings,
};
use chat_memory::{Memory, MemoryBus, MemoryPresence, MemoryRates, MemoryTail};

struct InMemory(Memory);

#[async_trait]
impl Fixture for InMemory {
    fn stores(&self) -> Stores {
        Stores::of(self.0.clone())
    }

    async fn raise_floor(&self, room: RoomId, floor: Seq) {
        self.0.purge(room, floor);
    }

    async fn new_epoch(&self) {
        self.0.rewind();
    }
}

async fn fresh() -> InMemory {
    InMemory(Memory::new())
}

async fn two_nodes() -> TwoNodes {
    let bus = MemoryBus::new();
    TwoNodes { one: Arc::new(bus.node()), other: Arc::new(bus.node()), patience: Duration::from_secs(1) }
}

async fn two_presences() -> TwoPresences {
    let presence = MemoryPresence::new();
    TwoPresences { one: Arc::new(presence.node()), other: Arc::new(presence.node()), lease: Duration::from_secs(45) }
}

async fn rates() -> TwoCounters {
    let settings = RateSettings::default();
    let one = Arc::new(MemoryRates::new(settings.clone()));
    TwoCounters { other: one.clone(), one, settings, patience: Duration::from_millis(100) }
}

async fn two_tails() -> TwoTails {
    let tail = MemoryTail::new(256);
    TwoTails { one: Arc::new(tail.clone()), other: Arc::new(tail), patience: Duration::from_secs(1) }
}

chat_contract::contract!(fresh);
chat_contract::bus_contract!(two_nodes, start_paused = true);
chat_contract::presence_contract!(two_presences, start_paused = true);
chat_contract::rates_contract!(rates, start_paused = true);
chat_contract::tail_contract!(two_tails, start_paused = true);
