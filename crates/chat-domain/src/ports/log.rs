//! The port for reading a room's log: history, catch-up, and what a node needs to hold a room live.

use async_trait::async_trait;

use crate::{
    ids::{RoomId, Seq, UserId},
    objects::{LogHead, Message},
    pages::{Changes, Cursor, History, LiveSnapshot, Page, PageOf, Place, Window},
    refusal::{Refusal, Unavailable},
    words::{Emoji, Query},
};

/// Who reads a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A user: must be in the room; gets `me` on reactions, and nonces of own messages only.
    User(UserId),
    /// This node, for its live rooms: no check, no `me`, every nonce.
    House,
}

/// Most changed objects worth sending; beyond, a client loads the room anew (`reset`, `too_far`).
pub const MAX_CHANGES: usize = 1_000;

/// Who reacted with what; also the key of that list.
pub type Reacted = (Emoji, UserId);

/// The log. Each answer is of one snapshot, in which membership was checked too.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait LogStore: Send + Sync {
    /// A piece of history; for members.
    async fn history(&self, reader: UserId, room: RoomId, window: Window, limit: usize) -> Result<History, Refusal>;

    /// One message, tombstones included; for members.
    ///
    /// # Errors
    /// `NotFound` also when that number is no message.
    async fn message(&self, reader: UserId, room: RoomId, seq: Seq) -> Result<Message, Refusal>;

    /// Who reacted, by (emoji, user), to one emoji or all; for members.
    ///
    /// # Errors
    /// `NotFound` when that number is no message; `Gone` when it is deleted.
    async fn reactions(
        &self,
        reader: UserId,
        room: RoomId,
        seq: Seq,
        emoji: Option<Emoji>,
        page: PageOf<Reacted>,
    ) -> Result<Page<Reacted, Reacted>, Refusal>;

    /// The objects changed after the cursor, by `rev`, at most `limit`; `to` is the head, or the last `rev` when `more`.
    ///
    /// # Errors
    /// `ResetRequired`: `Epoch`, `Ahead` (`after > head`), `Purged` (`after < floor`), `TooFar` (more than
    /// [`MAX_CHANGES`] changed), in this order. `NotFound`, `Forbidden` for a user who is not in.
    async fn changes(&self, reader: Reader, room: RoomId, cursor: Cursor, limit: usize) -> Result<Changes, Refusal>;

    /// Messages that the query matches, in the rooms that the reader is in, or in one of them; newest first, in the order in
    /// which the record took them up (within a room, by `seq`; an edit keeps the place). What is committed is found, as it is
    /// worded now, from the moment it is acknowledged; what is deleted is not. A page may be cut short where looking on would
    /// take too long: as long as there is a `next`, there may be more.
    ///
    /// # Errors
    /// `NotFound` when the reader is not in that room, whatever kind it is.
    async fn find(
        &self,
        reader: UserId,
        query: &Query,
        room: Option<RoomId>,
        page: PageOf<Place>,
    ) -> Result<Page<Message, Place>, Refusal>;

    /// What a node needs to hold the room live; `None` when there is no such room.
    async fn live(&self, room: RoomId) -> Result<Option<LiveSnapshot>, Unavailable>;

    /// Where the logs of many rooms stand, in one query; deleted rooms are missing from the answer.
    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, LogHead)>, Unavailable>;

    /// Those of `others` who are in a room together with `user`.
    async fn acquaintances(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, Unavailable>;

    /// Answers when the store can serve; what `/readyz` asks.
    async fn ping(&self) -> Result<(), Unavailable>;
}
