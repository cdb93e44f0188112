//! The record, failing on cue: before a commit, after it, by hanging, and with answers that are old when they arrive.

use std::time::Duration;

use async_trait::async_trait;
use chat_domain::{
    command::{Command, Outcome},
    event::Hint,
    ids::{InviteId, RoomId, Seq, SessionId, UserId},
    objects::{Invite, Member, Message, Room, Session, User},
    pages::{Changes, Cursor, FirstPaint, History, LiveSnapshot, Page, PageOf, RoomView, Window},
    ports::{
        AccountStore, Departure, Digest, LogStore, NewAccount, NewSession, PasswordHash, Reacted, Reader, RoomStore,
        Rotation, SessionStore,
    },
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
    words::{DisplayName, Emoji, Username},
};
use chat_memory::Memory;

use crate::{dice::Dice, truth::Truth, weather::Weather};

/// What goes wrong with one call.
enum Fault {
    None,
    /// It fails and nothing happened.
    Refuse,
    /// It happens after a while.
    Late(Duration),
    /// It happens; the answer comes after a while.
    Stale(Duration),
    /// It happens; the answer is an error, perhaps after a while.
    Lost(Duration),
}

/// See the module.
pub struct FaultyStore {
    pub memory: Memory,
    pub truth: Truth,
    pub weather: Weather,
    pub dice: Dice,
}

impl FaultyStore {
    fn fault(&self) -> Fault {
        if !self.dice.chance(self.weather.store()) {
            return Fault::None;
        }
        // Mostly short; sometimes longer than anybody waits.
        let while_ = if self.dice.chance(0.15) { self.dice.millis(3_000..=14_000) } else { self.dice.millis(0..=900) };
        match self.dice.number(0..=4) {
            0 | 1 => Fault::Refuse,
            2 => Fault::Late(while_),
            3 => Fault::Stale(while_),
            _ => Fault::Lost(while_),
        }
    }

    async fn through<T, E: From<Unavailable>>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let broken = || Err(Unavailable::because("the simulation says so").into());
        match self.fault() {
            Fault::None => call.await,
            Fault::Refuse => broken(),
            Fault::Late(time) => {
                self.weather.hang(time).await;
                call.await
            }
            Fault::Stale(time) => {
                let answer = call.await;
                self.weather.hang(time).await;
                answer
            }
            Fault::Lost(time) => {
                let _ = call.await;
                self.weather.hang(time).await;
                broken()
            }
        }
    }
}

#[async_trait]
impl RoomStore for FaultyStore {
    async fn commit(&self, batch: Vec<Command>) -> Result<Vec<Result<Outcome, Refusal>>, Unavailable> {
        self.through(async move {
            let outcomes = self.memory.commit(batch.clone()).await?;
            self.truth.record(&batch, &outcomes);
            Ok(outcomes)
        })
        .await
    }

    async fn room(&self, reader: UserId, room: RoomId) -> Result<RoomView, Refusal> {
        self.memory.room(reader, room).await
    }

    async fn rooms_of(&self, user: UserId, page: PageOf<RoomId>) -> Result<Page<Room, RoomId>, Unavailable> {
        self.memory.rooms_of(user, page).await
    }

    async fn directory(
        &self,
        user: UserId,
        query: &str,
        page: PageOf<RoomId>,
    ) -> Result<Page<Room, RoomId>, Unavailable> {
        self.memory.directory(user, query, page).await
    }

    async fn members(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<UserId>,
    ) -> Result<Page<Member, UserId>, Refusal> {
        self.memory.members(reader, room, page).await
    }

    async fn bans(&self, reader: UserId, room: RoomId, page: PageOf<UserId>) -> Result<Page<Member, UserId>, Refusal> {
        self.memory.bans(reader, room, page).await
    }

    async fn invite(&self, invite: Invite, code: Digest) -> Result<(), Refusal> {
        self.memory.invite(invite, code).await
    }

    async fn invites(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<InviteId>,
    ) -> Result<Page<Invite, InviteId>, Refusal> {
        self.memory.invites(reader, room, page).await
    }

    async fn withdraw(&self, reader: UserId, room: RoomId, invite: InviteId) -> Result<(), Refusal> {
        self.memory.withdraw(reader, room, invite).await
    }

    async fn invited_to(&self, code: Digest) -> Result<Option<RoomId>, Unavailable> {
        self.memory.invited_to(code).await
    }

    async fn sync(&self, user: UserId, at: Timestamp) -> Result<FirstPaint, Refusal> {
        self.memory.sync(user, at).await
    }
}

#[async_trait]
impl LogStore for FaultyStore {
    async fn history(&self, reader: UserId, room: RoomId, window: Window, limit: usize) -> Result<History, Refusal> {
        self.memory.history(reader, room, window, limit).await
    }

    async fn message(&self, reader: UserId, room: RoomId, seq: Seq) -> Result<Message, Refusal> {
        self.memory.message(reader, room, seq).await
    }

    async fn reactions(
        &self,
        reader: UserId,
        room: RoomId,
        seq: Seq,
        emoji: Option<Emoji>,
        page: PageOf<Reacted>,
    ) -> Result<Page<Reacted, Reacted>, Refusal> {
        self.memory.reactions(reader, room, seq, emoji, page).await
    }

    async fn find(
        &self,
        reader: UserId,
        query: &chat_domain::words::Query,
        room: Option<RoomId>,
        page: PageOf<chat_domain::pages::Place>,
    ) -> Result<Page<Message, chat_domain::pages::Place>, Refusal> {
        self.memory.find(reader, query, room, page).await
    }

    async fn changes(&self, reader: Reader, room: RoomId, cursor: Cursor, limit: usize) -> Result<Changes, Refusal> {
        self.through(self.memory.changes(reader, room, cursor, limit)).await
    }

    async fn live(&self, room: RoomId) -> Result<Option<LiveSnapshot>, Unavailable> {
        self.through(self.memory.live(room)).await
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, chat_domain::objects::LogHead)>, Unavailable> {
        self.through(self.memory.heads(rooms)).await
    }

    async fn acquaintances(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, Unavailable> {
        self.through(self.memory.acquaintances(user, others)).await
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        self.through(self.memory.ping()).await
    }
}

#[async_trait]
impl AccountStore for FaultyStore {
    async fn create(&self, account: NewAccount) -> Result<User, Refusal> {
        self.memory.create(account).await
    }

    async fn credentials(&self, username: &Username) -> Result<Option<(User, PasswordHash)>, Unavailable> {
        self.memory.credentials(username).await
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>, Unavailable> {
        self.memory.password(user).await
    }

    async fn rehash(&self, user: UserId, old: PasswordHash, new: PasswordHash) -> Result<(), Unavailable> {
        self.memory.rehash(user, old, new).await
    }

    async fn set_password(
        &self,
        user: UserId,
        password: PasswordHash,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, Refusal> {
        self.memory.set_password(user, password, keep, at).await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<(User, Seq)>, Unavailable> {
        self.through(self.memory.users(ids)).await
    }

    async fn search(&self, query: &str, page: PageOf<Username>) -> Result<Page<User, Username>, Unavailable> {
        self.memory.search(query, page).await
    }

    async fn rename(&self, user: UserId, display_name: DisplayName) -> Result<(User, Option<Hint>), Refusal> {
        self.memory.rename(user, display_name).await
    }

    async fn delete(&self, user: UserId, at: Timestamp) -> Result<Departure, Refusal> {
        self.memory.delete(user, at).await
    }
}

#[async_trait]
impl SessionStore for FaultyStore {
    async fn open(&self, session: NewSession) -> Result<(), Refusal> {
        self.memory.open(session).await
    }

    async fn rotate(
        &self,
        presented: Digest,
        successor: Digest,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, Unavailable> {
        self.memory.rotate(presented, successor, at, expires_at).await
    }

    async fn list(
        &self,
        user: UserId,
        at: Timestamp,
        page: PageOf<SessionId>,
    ) -> Result<Page<Session, SessionId>, Unavailable> {
        self.memory.list(user, at, page).await
    }

    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<(), Refusal> {
        self.memory.end(user, session, at).await
    }

    async fn end_others(&self, user: UserId, keep: SessionId, at: Timestamp) -> Result<Vec<SessionId>, Unavailable> {
        self.memory.end_others(user, keep, at).await
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>, Unavailable> {
        self.through(self.memory.ended_since(since)).await
    }
}
