//! The tail of logs, which may forget: single events, so that there are holes, or all of them; and which may not answer.

use std::sync::Arc;

use async_trait::async_trait;
use chat_domain::{
    event::Event,
    ids::RoomId,
    objects::{Epoch, LogHead},
    ports::Tail,
    refusal::Unavailable,
};
use chat_memory::MemoryTail;

use crate::{dice::Dice, weather::Weather};

/// See the module.
pub struct FaultyTail {
    pub memory: MemoryTail,
    pub weather: Weather,
    pub dice: Dice,
}

#[async_trait]
impl Tail for FaultyTail {
    fn keep(&self, epoch: &Epoch, events: &[Arc<Event>]) {
        for event in events {
            if self.weather.is_calm() || !self.dice.chance(0.05) {
                self.memory.keep(epoch, std::slice::from_ref(event));
            }
        }
        if self.dice.chance(0.01) {
            self.memory.forget();
        }
    }

    async fn recent(&self, room: RoomId, log: &LogHead, limit: usize) -> Result<Vec<Arc<Event>>, Unavailable> {
        if !self.weather.is_calm() && self.dice.chance(0.1) {
            return Err(Unavailable::because("the simulation says so"));
        }
        self.memory.recent(room, log, limit).await
    }
}
