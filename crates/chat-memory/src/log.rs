//! Reading a room's log: history, catch-up, and what a node needs to hold a room live.

use std::{collections::BTreeSet, ops::Bound, sync::Arc};

use async_trait::async_trait;
use chat_domain::{
    ids::{RoomId, Seq, UserId},
    objects::{LogHead, Message},
    pages::{Changes, Cursor, History, LiveSnapshot, Page, PageOf, Place, Window},
    ports::{LogStore, MAX_CHANGES, Reacted, Reader},
    refusal::{Refusal, ResetReason, Unavailable},
    words::{Emoji, Query},
};

use crate::{
    memory::Memory,
    search,
    state::{Changed, RoomLog, State, piece},
};

#[async_trait]
impl LogStore for Memory {
    async fn history(&self, reader: UserId, room: RoomId, window: Window, limit: usize) -> Result<History, Refusal> {
        let state = self.lock();
        let log = state.read_by(reader, room)?;
        let (older, newer) = log.window(window, limit);
        let items: Vec<Message> = older.iter().chain(&newer).map(|message| log.shown_to(reader, message)).collect();
        // Of an empty piece, the window itself tells the sides apart.
        let edges = match (items.first(), items.last()) {
            (Some(first), Some(last)) => (first.seq, last.seq),
            (Some(_) | None, _) => window_edges(window),
        };
        Ok(History {
            log: state.log_of(Some(log)),
            more_before: log.messages.range(..edges.0).next().is_some(),
            more_after: log.messages.range((Bound::Excluded(edges.1), Bound::Unbounded)).next().is_some(),
            items,
        })
    }

    async fn message(&self, reader: UserId, room: RoomId, seq: Seq) -> Result<Message, Refusal> {
        let state = self.lock();
        let log = state.read_by(reader, room)?;
        let message = log.messages.get(&seq).ok_or(Refusal::NotFound)?;
        Ok(log.shown_to(reader, message))
    }

    async fn reactions(
        &self,
        reader: UserId,
        room: RoomId,
        seq: Seq,
        emoji: Option<Emoji>,
        page: PageOf<Reacted>,
    ) -> Result<Page<Reacted, Reacted>, Refusal> {
        let state = self.lock();
        let log = state.read_by(reader, room)?;
        let message = log.messages.get(&seq).ok_or(Refusal::NotFound)?;
        if message.deleted {
            return Err(Refusal::Gone("this message was deleted"));
        }
        let of_message = log.reactions.iter().filter(|(on, _, _)| *on == seq);
        let wanted = of_message.filter(|(_, with, _)| emoji.as_ref().is_none_or(|emoji| emoji == with));
        Ok(piece(wanted.map(|(_, emoji, user)| (emoji.clone(), *user)), &page, Reacted::clone))
    }

    async fn changes(&self, reader: Reader, room: RoomId, cursor: Cursor, limit: usize) -> Result<Changes, Refusal> {
        let state = self.lock();
        let log = match reader {
            Reader::User(user) => state.read_by(user, room)?,
            Reader::House => state.rooms.get(&room).ok_or(Refusal::NotFound)?,
        };
        let stands = state.log_of(Some(log));
        if let Some(reason) = log.reset(&stands, &cursor) {
            return Err(Refusal::ResetRequired { reason, log: stands });
        }
        Ok(log.changes(reader, stands, cursor.after, limit))
    }

    async fn find(
        &self,
        reader: UserId,
        query: &Query,
        room: Option<RoomId>,
        page: PageOf<Place>,
    ) -> Result<Page<Message, Place>, Refusal> {
        search::search(&self.lock(), reader, query, room, &page)
    }

    async fn live(&self, room: RoomId) -> Result<Option<LiveSnapshot>, Unavailable> {
        let state = self.lock();
        Ok(state.rooms.get(&room).map(|log| LiveSnapshot {
            room: log.room.clone(),
            log: state.log_of(Some(log)),
            members: log.present().cloned().collect(),
        }))
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, LogHead)>, Unavailable> {
        let state = self.lock();
        let wanted: BTreeSet<RoomId> = rooms.iter().copied().collect();
        let found = wanted.into_iter().filter_map(|room| Some((room, state.rooms.get(&room)?)));
        Ok(found.map(|(room, log)| (room, state.log_of(Some(log)))).collect())
    }

    async fn acquaintances(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, Unavailable> {
        let state = self.lock();
        let wanted: BTreeSet<UserId> = others.iter().copied().collect();
        Ok(wanted.into_iter().filter(|other| state.share_a_room(user, *other)).collect())
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        Ok(())
    }
}

impl State {
    fn share_a_room(&self, user: UserId, other: UserId) -> bool {
        self.rooms_of(user).any(|log| log.member(other).is_some_and(|member| member.is_in))
    }
}

impl RoomLog {
    /// The piece of history, in two halves; each oldest first.
    fn window(&self, window: Window, limit: usize) -> (Vec<Arc<Message>>, Vec<Arc<Message>>) {
        match window {
            Window::Latest => (self.before(Seq::MAX, limit), Vec::new()),
            Window::Before(seq) => (self.before(seq, limit), Vec::new()),
            Window::After(seq) => (Vec::new(), self.from(seq.saturating_add(1), limit)),
            Window::Around(seq) if seq > self.head => (Vec::new(), Vec::new()),
            Window::Around(seq) => (self.before(seq, limit / 2), self.from(seq, limit - limit / 2)),
        }
    }

    fn before(&self, seq: Seq, limit: usize) -> Vec<Arc<Message>> {
        let mut items: Vec<_> = self.messages.range(..seq).rev().take(limit).map(|(_, m)| Arc::clone(m)).collect();
        items.reverse();
        items
    }

    fn from(&self, seq: Seq, limit: usize) -> Vec<Arc<Message>> {
        self.messages.range(seq..).take(limit).map(|(_, message)| Arc::clone(message)).collect()
    }

    /// Why this cursor can't be served, if it can't.
    fn reset(&self, stands: &LogHead, cursor: &Cursor) -> Option<ResetReason> {
        if cursor.epoch.as_ref().is_some_and(|epoch| *epoch != stands.epoch) {
            return Some(ResetReason::Epoch);
        }
        if cursor.after > self.head {
            return Some(ResetReason::Ahead);
        }
        if cursor.after < self.floor {
            return Some(ResetReason::Purged);
        }
        self.changed_after(cursor.after).nth(MAX_CHANGES).map(|_| ResetReason::TooFar)
    }

    fn changed_after(&self, after: Seq) -> impl Iterator<Item = (Seq, Changed)> {
        self.changed.range((Bound::Excluded(after), Bound::Unbounded)).map(|(rev, what)| (*rev, *what))
    }

    fn changes(&self, reader: Reader, stands: LogHead, from: Seq, limit: usize) -> Changes {
        let mut found: Vec<(Seq, Changed)> = self.changed_after(from).take(limit + 1).collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let to = if more { found.last().map_or(from, |(rev, _)| *rev) } else { stands.head };
        let (mut messages, mut members, mut state) = (Vec::new(), Vec::new(), None);
        for (_, what) in found {
            match what {
                Changed::Room => state = Some(Arc::new(self.room.clone())),
                Changed::Member(user) => members.extend(self.member(user).cloned().map(Arc::new)),
                Changed::Message(seq) => messages.extend(self.messages.get(&seq).map(|message| match reader {
                    Reader::User(user) => Arc::new(self.shown_to(user, message)),
                    Reader::House => Arc::clone(message),
                })),
            }
        }
        Changes { room: self.room.id, epoch: stands.epoch, from, to, head: stands.head, more, messages, members, state }
    }
}

/// The numbers just outside which lie the older and the newer messages than an empty window.
fn window_edges(window: Window) -> (Seq, Seq) {
    match window {
        Window::Latest => (0, Seq::MAX),
        Window::Before(seq) => (0, seq.saturating_sub(1)),
        Window::After(seq) => (seq.saturating_add(1), Seq::MAX),
        Window::Around(seq) => (seq, seq.saturating_sub(1)),
    }
}
