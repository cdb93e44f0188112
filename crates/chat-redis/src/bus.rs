//! The port [`Bus`]: says by way of the publisher, hears by way of the inbox. No method waits for Redis.

use std::time::Duration;

use async_trait::async_trait;
use chat_domain::ports::{Bus, Heard, Note, Topic};

use crate::{Redis, outbox::Order, wire};

#[async_trait]
impl Bus for Redis {
    fn publish(&self, note: Note) {
        let shared = self.shared();
        let channel = match wire::topic(&note) {
            Some(topic) => shared.names.channel(topic),
            None => shared.names.everybody(),
        };
        match wire::encode(shared.node, &note) {
            Ok(payload) => shared.publisher.send(Order::Publish { channel, payload }),
            Err(error) => {
                tracing::error!(%error, "a note could not be written down");
                shared.publisher.drop_note();
            }
        }
    }

    fn listen(&self, topic: Topic) {
        self.shared().topics.listen(topic);
    }

    fn unlisten(&self, topic: Topic) {
        self.shared().topics.unlisten(topic);
    }

    /// Later is told by an interruption.
    fn settles_within(&self) -> Duration {
        self.shared().topics.listen_within()
    }

    async fn heard(&self) -> Heard {
        self.shared().inbox.heard().await
    }

    fn is_healthy(&self) -> bool {
        self.shared().health.carries()
    }
}
