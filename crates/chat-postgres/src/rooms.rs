//! Rooms: the commit, and the lists that people look at.

mod invites;
mod lists;
mod sync;

pub(crate) use invites::InviteRow;

use async_trait::async_trait;
use chat_domain::{
    command::{Command, Outcome},
    ids::{InviteId, RoomId, UserId},
    objects::{Invite, Member, Room},
    pages::{FirstPaint, Page, PageOf, RoomView},
    ports::{Digest, RoomStore},
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
};
use diesel_async::AsyncPgConnection;
use futures_util::FutureExt;

use crate::{Postgres, Settings, commit, fault::Fault, handle::only_unavailable, rows::place};

#[async_trait]
impl RoomStore for Postgres {
    async fn commit(&self, batch: Vec<Command>) -> Result<Vec<Result<Outcome, Refusal>>, Unavailable> {
        let Settings { attempts, lock_timeout, .. } = *self.settings();
        let answers = self.write("commit", move |conn| commit::commit(conn, batch, attempts, lock_timeout).boxed());
        let answers = answers.await;
        self.wake().committed();
        answers.map_err(only_unavailable)
    }

    async fn room(&self, reader: UserId, room: RoomId) -> Result<RoomView, Refusal> {
        self.ask("rooms.room", move |conn| view(conn, reader, room).boxed()).await
    }

    async fn rooms_of(&self, user: UserId, page: PageOf<RoomId>) -> Result<Page<Room, RoomId>, Unavailable> {
        self.read("rooms.rooms_of", move |conn| lists::rooms_of(conn, user, page).boxed()).await
    }

    async fn directory(
        &self,
        user: UserId,
        query: &str,
        page: PageOf<RoomId>,
    ) -> Result<Page<Room, RoomId>, Unavailable> {
        let query = query.to_lowercase();
        if query.contains('\0') {
            return Ok(Page { items: Vec::new(), next: None }); // a character that no column can hold
        }
        self.read("rooms.directory", move |conn| lists::directory(conn, user, query, page).boxed()).await
    }

    async fn members(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<UserId>,
    ) -> Result<Page<Member, UserId>, Refusal> {
        self.ask("rooms.members", move |conn| lists::members(conn, reader, room, page).boxed()).await
    }

    async fn bans(&self, reader: UserId, room: RoomId, page: PageOf<UserId>) -> Result<Page<Member, UserId>, Refusal> {
        self.ask("rooms.bans", move |conn| lists::bans(conn, reader, room, page).boxed()).await
    }

    async fn invite(&self, invite: Invite, code: Digest) -> Result<(), Refusal> {
        self.change("rooms.invite", move |conn| invites::invite(conn, invite, code).boxed()).await
    }

    async fn invites(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<InviteId>,
    ) -> Result<Page<Invite, InviteId>, Refusal> {
        self.ask("rooms.invites", move |conn| invites::invites(conn, reader, room, page).boxed()).await
    }

    async fn withdraw(&self, reader: UserId, room: RoomId, invite: InviteId) -> Result<(), Refusal> {
        self.change("rooms.withdraw", move |conn| invites::withdraw(conn, reader, room, invite).boxed()).await
    }

    async fn invited_to(&self, code: Digest) -> Result<Option<RoomId>, Unavailable> {
        self.read("rooms.invited_to", move |conn| invites::invited_to(conn, code).boxed()).await
    }

    async fn sync(&self, user: UserId, _at: Timestamp) -> Result<FirstPaint, Refusal> {
        self.ask("rooms.sync", move |conn| sync::sync(conn, user).boxed()).await
    }
}

async fn view(conn: &AsyncPgConnection, reader: UserId, room: RoomId) -> Result<RoomView, Fault> {
    let (room, log, member) = place(conn, reader, room).await?.looked_at()?;
    Ok(RoomView { room, log, member })
}
