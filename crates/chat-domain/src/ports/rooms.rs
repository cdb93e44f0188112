//! The port for rooms: the one operation that writes their logs, and the lists that people look at.

use async_trait::async_trait;

use super::Digest;
use crate::{
    command::{Command, Outcome},
    ids::{InviteId, RoomId, UserId},
    objects::{Invite, Member, Room},
    pages::{FirstPaint, Page, PageOf, RoomView},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
};

/// Rooms and those in them. Every question that names a room asks [`crate::rules::access`] in the same snapshot it
/// answers from; `NotFound` and `Forbidden` below are its words.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RoomStore: Send + Sync {
    /// Commits a batch in one transaction, in order, as [`crate::rules::decide`] says, and answers each command in its
    /// place. A refused command changes nothing and spoils no other. When this returns, everything acknowledged is
    /// durable; numbers of a room are given without holes, and commit order equals their order on every node. A command
    /// sees what those before it in the batch did. Hints are numbered per user without holes.
    ///
    /// # Errors
    /// [`Unavailable`]: for all; whether the batch was committed may be unknown, a retry with nonces finds out.
    async fn commit(&self, batch: Vec<Command>) -> Result<Vec<Result<Outcome, Refusal>>, Unavailable>;

    /// The room, when the user is in it or it is public and the user is not banned.
    async fn room(&self, reader: UserId, room: RoomId) -> Result<RoomView, Refusal>;

    /// The rooms a user is in, by id.
    async fn rooms_of(&self, user: UserId, page: PageOf<RoomId>) -> Result<Page<Room, RoomId>, Unavailable>;

    /// Public rooms that are not archived and whose name or topic contains `query` without case, by id; without those the
    /// user is banned from.
    async fn directory(
        &self,
        user: UserId,
        query: &str,
        page: PageOf<RoomId>,
    ) -> Result<Page<Room, RoomId>, Unavailable>;

    /// Those who are in, by user id; for members.
    async fn members(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<UserId>,
    ) -> Result<Page<Member, UserId>, Refusal>;

    /// Those who are banned, by user id; for admins, not in direct rooms.
    async fn bans(&self, reader: UserId, room: RoomId, page: PageOf<UserId>) -> Result<Page<Member, UserId>, Refusal>;

    /// Stores an invite under its code's hash; for admins, not in direct or archived rooms.
    async fn invite(&self, invite: Invite, code: Digest) -> Result<(), Refusal>;

    /// The room's invites, spent ones included, by id; for admins, not in direct rooms.
    async fn invites(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<InviteId>,
    ) -> Result<Page<Invite, InviteId>, Refusal>;

    /// Takes an invite back: its code is unknown from now on; for admins.
    ///
    /// # Errors
    /// `NotFound` also when there is no such invite in the room.
    async fn withdraw(&self, reader: UserId, room: RoomId, invite: InviteId) -> Result<(), Refusal>;

    /// Where a code leads, if anywhere; whether it still lets anybody in is decided at [`RoomStore::commit`].
    async fn invited_to(&self, code: Digest) -> Result<Option<RoomId>, Unavailable>;

    /// The first paint, of one snapshot: every room the user is in, by id, with counts derived from markers and log.
    ///
    /// # Errors
    /// `NotFound` when the user does not exist or is deleted.
    async fn sync(&self, user: UserId, at: Timestamp) -> Result<FirstPaint, Refusal>;
}
