//! Webhooks: made, listed and removed by admins, posted to by whatever program knows the secret.

use super::Chat;
use crate::{
    command::{Action, Draft, Outcome},
    ids::{RoomId, UserId, WebhookId},
    limits::Rate,
    objects::Webhook,
    pages::{Page, PageOf},
    ports::Secret,
    refusal::Refusal,
    words::DisplayName,
};

impl Chat {
    /// Makes a webhook and its bot; the secret is shown this once.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Conflict` (a direct room, or one that has the most there may be), `Unavailable`.
    pub async fn add_webhook(&self, by: UserId, room: RoomId, name: DisplayName) -> Result<(Webhook, Secret), Refusal> {
        let secret = self.ports.tokens.fresh_secret();
        let webhook = Webhook {
            id: WebhookId(self.ports.clock.fresh_id()),
            room,
            name,
            bot: UserId(self.ports.clock.fresh_id()),
            by,
            created_at: self.now(),
        };
        let digest = self.ports.tokens.digest(secret.expose());
        self.ports.webhooks.add(webhook.clone(), digest, self.limits.webhooks_per_room).await?;
        Ok((webhook, secret))
    }

    /// The room's webhooks.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Conflict`, `Unavailable`.
    pub async fn webhooks(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<WebhookId>,
    ) -> Result<Page<Webhook, WebhookId>, Refusal> {
        self.ports.webhooks.list(reader, room, page).await
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Conflict`, `Unavailable`.
    pub async fn remove_webhook(&self, by: UserId, room: RoomId, webhook: WebhookId) -> Result<(), Refusal> {
        self.ports.webhooks.remove(by, room, webhook).await
    }

    /// Posts for whoever at `address` knows the secret; a wrong secret is as if there were no such webhook. Counted as a
    /// send of the bot and into the room, as with people.
    ///
    /// What is kept is a hash of 256 random bits, so how long a comparison takes tells nobody anything.
    ///
    /// # Errors
    /// `NotFound`, `RateLimited`, `Forbidden` in an archived room, `NonceConflict`, `Unavailable`.
    pub async fn post_as_webhook(
        &self,
        address: &str,
        webhook: WebhookId,
        secret: &str,
        draft: Draft,
    ) -> Result<Outcome, Refusal> {
        let wrong = Rate::WrongSecretsOf(webhook, address.to_owned());
        // Would one more be allowed? Right ones are not counted, however many come at once.
        self.count(&wrong)?;
        self.ports.rates.refund(&wrong);
        let digest = self.ports.tokens.digest(secret);
        let Some(Webhook { bot, room, .. }) = self.ports.webhooks.find(webhook, digest).await? else {
            self.count(&wrong)?;
            return Err(Refusal::NotFound);
        };
        self.send(bot, room, Action::PostAsWebhook { webhook, draft })?.await
    }
}
