//! Rooms and their members: everything but what is said.

use super::Chat;
use crate::{
    command::{Action, Command, NewRoom, Outcome},
    ids::{InviteId, RoomId, UserId},
    objects::{Invite, Member, Room},
    pages::{FirstPaint, Page, PageOf, RoomView},
    ports::{Pending, Secret},
    refusal::Refusal,
};

impl Chat {
    /// Gives a command, at this moment. The answer comes when it is durable; what the order of calls was, the order of
    /// numbers in the room is.
    #[must_use]
    pub fn command(&self, by: UserId, room: RoomId, action: Action) -> Pending {
        self.ports.journal.submit(Command { room, by, at: self.now(), action })
    }

    /// Makes a room, or finds the one made before under the same nonce or of the same pair.
    ///
    /// # Errors
    /// `NonceConflict`, `InvalidField`, `Conflict`, `Unavailable`.
    pub async fn create_room(&self, by: UserId, new: NewRoom) -> Result<Outcome, Refusal> {
        let room = RoomId(self.ports.clock.fresh_id());
        self.command(by, room, Action::Create(new)).await
    }

    /// Comes in by an invite's code.
    ///
    /// # Errors
    /// `NotFound`, `Gone`, `Forbidden`, `Unavailable`.
    pub async fn redeem(&self, by: UserId, code: &str) -> Result<Outcome, Refusal> {
        let code = self.ports.tokens.digest(code);
        let room = self.ports.rooms.invited_to(code).await?.ok_or(Refusal::NotFound)?;
        self.command(by, room, Action::Redeem(code)).await
    }

    /// A room that the reader may look at.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Unavailable`.
    pub async fn room(&self, reader: UserId, room: RoomId) -> Result<RoomView, Refusal> {
        self.ports.rooms.room(reader, room).await
    }

    /// One's own rooms.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn rooms_of(&self, user: UserId, page: PageOf<RoomId>) -> Result<Page<Room, RoomId>, Refusal> {
        Ok(self.ports.rooms.rooms_of(user, page).await?)
    }

    /// Rooms one could join, or is in, by name or topic.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn directory(
        &self,
        user: UserId,
        query: &str,
        page: PageOf<RoomId>,
    ) -> Result<Page<Room, RoomId>, Refusal> {
        Ok(self.ports.rooms.directory(user, query, page).await?)
    }

    /// Those who are in.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Unavailable`.
    pub async fn members(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<UserId>,
    ) -> Result<Page<Member, UserId>, Refusal> {
        self.ports.rooms.members(reader, room, page).await
    }

    /// Those who are banned.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Conflict`, `Unavailable`.
    pub async fn bans(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<UserId>,
    ) -> Result<Page<Member, UserId>, Refusal> {
        self.ports.rooms.bans(reader, room, page).await
    }

    /// Makes an invite; the code is shown this once.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Conflict`, `Unavailable`.
    pub async fn invite(
        &self,
        by: UserId,
        room: RoomId,
        expires_in_s: Option<u32>,
        max_uses: Option<u32>,
    ) -> Result<(Invite, Secret), Refusal> {
        let code = self.ports.tokens.fresh_secret();
        let now = self.now();
        let invite = Invite {
            id: InviteId(self.ports.clock.fresh_id()),
            room,
            by,
            created_at: now,
            expires_at: expires_in_s.map(|s| now.plus_millis(i64::from(s) * 1_000)),
            max_uses,
            uses: 0,
        };
        self.ports.rooms.invite(invite.clone(), self.ports.tokens.digest(code.expose())).await?;
        Ok((invite, code))
    }

    /// The room's invites.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Conflict`, `Unavailable`.
    pub async fn invites(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<InviteId>,
    ) -> Result<Page<Invite, InviteId>, Refusal> {
        self.ports.rooms.invites(reader, room, page).await
    }

    /// Takes an invite back.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Conflict`, `Unavailable`.
    pub async fn withdraw(&self, by: UserId, room: RoomId, invite: InviteId) -> Result<(), Refusal> {
        self.ports.rooms.withdraw(by, room, invite).await
    }

    /// The first paint.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn first_paint(&self, user: UserId) -> Result<FirstPaint, Refusal> {
        self.ports.rooms.sync(user, self.now()).await
    }
}
