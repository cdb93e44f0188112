//! What is said: posting, and reading what was posted.

use std::sync::Arc;

use super::Chat;
use crate::{
    command::{Action, Draft},
    ids::{RoomId, Seq, UserId},
    limits::Rate,
    objects::Message,
    pages::{Changes, Cursor, History, Page, PageOf, Place, Window},
    ports::{Pending, Reacted, Reader},
    refusal::Refusal,
    words::{Emoji, Invalid, Query, Text},
};

impl Chat {
    /// A text within the limit.
    ///
    /// # Errors
    /// As [`Text::parse`].
    pub fn text(&self, text: &str) -> Result<Text, Invalid> {
        Text::parse(text, self.limits.text_chars)
    }

    /// Posts a draft. Counted here and now; decided, numbered and stored when the answer comes. What those who may not speak
    /// in the room send is given back to the room, so that they cannot use up what its members may send.
    ///
    /// # Errors
    /// `RateLimited`; the answer has the rest.
    pub fn post(&self, by: UserId, room: RoomId, draft: Draft) -> Result<Pending, Refusal> {
        self.send(by, room, Action::Post(draft))
    }

    /// The same for any way of posting.
    pub(super) fn send(&self, by: UserId, room: RoomId, action: Action) -> Result<Pending, Refusal> {
        self.count(&Rate::SendsOfUser(by))?;
        self.count(&Rate::SendsIntoRoom(room))?;
        let (answer, rates) = (self.command(by, room, action), Arc::clone(&self.ports.rates));
        Ok(Box::pin(async move {
            let answer = answer.await;
            if let Err(Refusal::NotFound | Refusal::Forbidden(_) | Refusal::Muted { .. }) = &answer {
                rates.refund(&Rate::SendsIntoRoom(room));
            }
            answer
        }))
    }

    /// A piece of history.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Unavailable`.
    pub async fn history(
        &self,
        reader: UserId,
        room: RoomId,
        window: Window,
        limit: usize,
    ) -> Result<History, Refusal> {
        self.ports.log.history(reader, room, window, limit).await
    }

    /// One message.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Gone` when it is deleted, `Unavailable`.
    pub async fn message(&self, reader: UserId, room: RoomId, seq: Seq) -> Result<Message, Refusal> {
        let message = self.ports.log.message(reader, room, seq).await?;
        if message.deleted { Err(Refusal::Gone("this message was deleted")) } else { Ok(message) }
    }

    /// Who reacted.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Gone`, `Unavailable`.
    pub async fn reactions(
        &self,
        reader: UserId,
        room: RoomId,
        seq: Seq,
        emoji: Option<Emoji>,
        page: PageOf<Reacted>,
    ) -> Result<Page<Reacted, Reacted>, Refusal> {
        self.ports.log.reactions(reader, room, seq, emoji, page).await
    }

    /// What changed after a cursor.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `ResetRequired`, `Unavailable`.
    pub async fn changes(
        &self,
        reader: UserId,
        room: RoomId,
        cursor: Cursor,
        limit: usize,
    ) -> Result<Changes, Refusal> {
        self.ports.log.changes(Reader::User(reader), room, cursor, limit).await
    }

    /// What was said, in one's own rooms or in one of them.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn search(
        &self,
        reader: UserId,
        query: &Query,
        room: Option<RoomId>,
        page: PageOf<Place>,
    ) -> Result<Page<Message, Place>, Refusal> {
        self.ports.log.find(reader, query, room, page).await
    }
}
