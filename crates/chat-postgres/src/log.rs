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
use futures_util::{FutureExt, TryFutureExt};

use crate::{Postgres, handle::only_unavailable, rows::epoch, search};

#[async_trait]
impl LogStore for Postgres {
    async fn history(&self, reader: UserId, room: RoomId, window: Window, limit: usize) -> Result<History, Refusal> {
        self.ask("log.history", move |conn| history::history(conn, reader, room, window, limit).boxed()).await
    }

    async fn message(&self, reader: UserId, room: RoomId, seq: Seq) -> Result<Message, Refusal> {
        self.ask("log.message", move |conn| history::message(conn, reader, room, seq).boxed()).await
    }

    async fn reactions(
        &self,
        reader: UserId,
        room: RoomId,
        seq: Seq,
        emoji: Option<Emoji>,
        page: PageOf<Reacted>,
    ) -> Result<Page<Reacted, Reacted>, Refusal> {
        self.ask("log.reactions", move |conn| history::reactions(conn, reader, room, seq, emoji, page).boxed()).await
    }

    async fn changes(&self, reader: Reader, room: RoomId, cursor: Cursor, limit: usize) -> Result<Changes, Refusal> {
        self.ask("log.changes", move |conn| changes::changes(conn, reader, room, cursor, limit).boxed()).await
    }

    async fn find(
        &self,
        reader: UserId,
        query: &Query,
        room: Option<RoomId>,
        page: PageOf<Place>,
    ) -> Result<Page<Message, Place>, Refusal> {
        let (query, by_parts) = (query.clone(), self.finds_parts());
        self.ask("log.find", move |conn| search::find(conn, reader, query, room, page, by_parts).boxed()).await
    }

    async fn live(&self, room: RoomId) -> Result<Option<LiveSnapshot>, Unavailable> {
        self.ask("log.live", move |conn| live::live(conn, room).boxed()).await.map_err(only_unavailable)
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, LogHead)>, Unavailable> {
        let rooms = rooms.iter().map(|room| room.0).collect();
        self.read("log.heads", |conn| live::heads(conn, rooms).boxed()).await
    }

    async fn acquaintances(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, Unavailable> {
        let mut others: Vec<_> = others.iter().map(|other| other.0).collect();
        others.sort_unstable();
        others.dedup();
        self.read("log.acquaintances", move |conn| live::acquaintances(conn, user, others).boxed()).await
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        let patience = self.settings().ping_timeout;
        self.read_within("log.ping", patience, |conn| epoch(conn).map_ok(drop).boxed()).await
    }
}
