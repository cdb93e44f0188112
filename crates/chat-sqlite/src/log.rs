//! Reading a room's log: history, catch-up, and what a node needs to hold a room live.

mod changes;
mod history;
mod live;

use async_trait::async_trait;
use chat_domain::{
    ids::{RoomId, Seq, UserId},
    objects::{LogHead, Message},
    pages::{Changes, Cursor, History, LiveSnapshot, Page, PageOf, Place, Window},
    ports::{LogStore, Reacted, Reader},
    refusal::{Refusal, Unavailable},
    words::{Emoji, Query},
};

use crate::{Sqlite, rows::epoch, search};

#[async_trait]
impl LogStore for Sqlite {
    async fn history(&self, reader: UserId, room: RoomId, window: Window, limit: usize) -> Result<History, Refusal> {
        self.ask("log.history", move |conn| history::history(conn, reader, room, window, limit)).await
    }

    async fn message(&self, reader: UserId, room: RoomId, seq: Seq) -> Result<Message, Refusal> {
        self.ask("log.message", move |conn| history::message(conn, reader, room, seq)).await
    }

    async fn reactions(
        &self,
        reader: UserId,
        room: RoomId,
        seq: Seq,
        emoji: Option<Emoji>,
        page: PageOf<Reacted>,
    ) -> Result<Page<Reacted, Reacted>, Refusal> {
        self.ask("log.reactions", move |conn| history::reactions(conn, reader, room, seq, emoji.as_ref(), &page)).await
    }

    async fn changes(&self, reader: Reader, room: RoomId, cursor: Cursor, limit: usize) -> Result<Changes, Refusal> {
        self.ask("log.changes", move |conn| changes::changes(conn, reader, room, &cursor, limit)).await
    }

    async fn find(
        &self,
        reader: UserId,
        query: &Query,
        room: Option<RoomId>,
        page: PageOf<Place>,
    ) -> Result<Page<Message, Place>, Refusal> {
        let query = query.clone();
        self.ask("log.find", move |conn| search::find(conn, reader, &query, room, &page)).await
    }

    async fn live(&self, room: RoomId) -> Result<Option<LiveSnapshot>, Unavailable> {
        self.read("log.live", move |conn| live::live(conn, room)).await
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, LogHead)>, Unavailable> {
        let rooms = rooms.to_vec();
        self.read("log.heads", move |conn| live::heads(conn, &rooms)).await
    }

    async fn acquaintances(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, Unavailable> {
        let others = others.to_vec();
        self.read("log.acquaintances", move |conn| live::acquaintances(conn, user, &others)).await
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        self.read("log.ping", |conn| epoch(conn).map(drop)).await
    }
}
