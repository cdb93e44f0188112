//! The port for webhooks: ways for programs into a room, each with a bot of its own.

use async_trait::async_trait;

use super::Digest;
use crate::{
    ids::{RoomId, UserId, WebhookId},
    objects::Webhook,
    pages::{Page, PageOf},
    refusal::{Refusal, Unavailable},
};

/// Webhooks. Making or removing one is no change of the room's log, as with invites; what one posts is, and goes by
/// [`super::RoomStore::commit`]. `NotFound` and `Forbidden` are the words of [`crate::rules::access`], as in
/// [`super::RoomStore`].
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Stores a webhook under its secret's hash, and makes the bot that it names: a user called as the webhook is and
    /// [`crate::words::Username::of_bot`], who can't sign in, is found by no search and is no member. For admins, not in
    /// direct or archived rooms.
    ///
    /// # Errors
    /// `Conflict` also when the room has `most` webhooks.
    async fn add(&self, webhook: Webhook, secret: Digest, most: usize) -> Result<(), Refusal>;

    /// The room's webhooks, by id; for admins, not in direct rooms.
    async fn list(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<WebhookId>,
    ) -> Result<Page<Webhook, WebhookId>, Refusal>;

    /// Removes a webhook: its secret is unknown from now on. Its bot and what it posted stay. For admins.
    ///
    /// # Errors
    /// `NotFound` also when there is no such webhook in the room.
    async fn remove(&self, reader: UserId, room: RoomId, webhook: WebhookId) -> Result<(), Refusal>;

    /// The webhook of that id and that secret, if there is one; whether it may still post is decided at
    /// [`super::RoomStore::commit`]. A deleted room has none.
    async fn find(&self, webhook: WebhookId, secret: Digest) -> Result<Option<Webhook>, Unavailable>;
}
