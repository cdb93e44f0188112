//! What a lone node keeps of recent changes beside its rings: nothing. They would only repeat what the node knows already.

use std::sync::Arc;

use async_trait::async_trait;
use chat_domain::{
    event::Event,
    ids::RoomId,
    objects::{Epoch, LogHead},
    ports::Tail,
    refusal::Unavailable,
};

/// A tail that forgets at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTail;

#[async_trait]
impl Tail for NoTail {
    fn keep(&self, _: &Epoch, _: &[Arc<Event>]) {}

    async fn recent(&self, _: RoomId, _: &LogHead, _: usize) -> Result<Vec<Arc<Event>>, Unavailable> {
        Ok(Vec::new())
    }
}
