//! Webhooks and the bots they post as.

use async_trait::async_trait;
use chat_domain::{
    ids::{RoomId, UserId, WebhookId},
    objects::{User, Webhook},
    pages::{Page, PageOf},
    ports::{Digest, WebhookStore},
    refusal::{Refusal, Unavailable},
    rules::access,
    words::Username,
};

use crate::{
    memory::Memory,
    state::{Account, State, piece},
};

#[async_trait]
impl WebhookStore for Memory {
    async fn add(&self, webhook: Webhook, secret: Digest, most: usize) -> Result<(), Refusal> {
        let mut state = self.lock();
        let log = state.managed_by(webhook.by, webhook.room)?;
        access::may_add_webhook(&log.room, log.webhooks.len(), most)?;
        state.make_bot(&webhook);
        state.hooks.insert(webhook.id, webhook.room);
        if let Some(log) = state.rooms.get_mut(&webhook.room) {
            log.webhooks.insert(webhook.id, (webhook, secret));
        }
        Ok(())
    }

    async fn list(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<WebhookId>,
    ) -> Result<Page<Webhook, WebhookId>, Refusal> {
        let state = self.lock();
        let log = state.managed_by(reader, room)?;
        Ok(piece(log.webhooks.values().map(|(webhook, _)| webhook.clone()), &page, |webhook| webhook.id))
    }

    async fn remove(&self, reader: UserId, room: RoomId, webhook: WebhookId) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.managed_by(reader, room)?;
        state.rooms.get_mut(&room).and_then(|log| log.webhooks.remove(&webhook)).ok_or(Refusal::NotFound)?;
        state.hooks.remove(&webhook);
        Ok(())
    }

    async fn find(&self, webhook: WebhookId, secret: Digest) -> Result<Option<Webhook>, Unavailable> {
        let state = self.lock();
        let log = state.hooks.get(&webhook).and_then(|room| state.rooms.get(room));
        let found = log.and_then(|log| log.webhooks.get(&webhook)).filter(|(_, stored)| *stored == secret);
        Ok(found.map(|(webhook, _)| webhook.clone()))
    }
}

impl State {
    fn make_bot(&mut self, webhook: &Webhook) {
        let username = Username::of_bot(webhook.bot);
        let user = User {
            id: webhook.bot,
            username: Some(username.clone()),
            display_name: Some(webhook.name.clone()),
            bot: true,
            deleted: false,
            created_at: webhook.created_at,
        };
        self.usernames.insert(username, user.id);
        self.users.insert(user.id, Account { user, password: None, hint: 0 });
    }
}
