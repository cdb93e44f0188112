//! What a batch changes, row by row in its last state, and the order in which the rows are written.
//!
//! Rows are collected first, so that a thousand messages are one statement; what was changed twice is written once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chat_domain::{
    command::Fingerprint,
    ids::{InviteId, RoomId, Seq, UserId},
    objects::{Member, Message, Room},
    rules::Write,
    timestamp::Timestamp,
    words::{Emoji, Nonce},
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

use super::{hints::Counts, members, messages, rooms};
use crate::{search, statement::Pipeline};

/// See the page's head.
#[derive(Default)]
pub(super) struct Writes {
    /// Rooms that are made.
    pub(super) opened: BTreeMap<RoomId, Opened>,
    /// Rooms that were there and have another state.
    pub(super) rooms: BTreeMap<RoomId, Room>,
    /// Rooms that were there and go.
    pub(super) closed: BTreeMap<RoomId, Timestamp>,
    /// New heads of rooms that were there.
    pub(super) heads: BTreeMap<RoomId, Seq>,
    /// Memberships.
    pub(super) members: BTreeMap<(RoomId, UserId), Member>,
    /// Read up to here.
    pub(super) markers: BTreeMap<(RoomId, UserId), Seq>,
    /// Posted while slow mode was on.
    pub(super) posted_at: BTreeMap<(RoomId, UserId), Timestamp>,
    /// New messages, as they were posted.
    pub(super) posts: Vec<(Arc<Message>, Fingerprint)>,
    /// Messages with another state, new ones too.
    pub(super) changed: BTreeMap<(RoomId, Seq), Arc<Message>>,
    /// Reactions that are on or off now.
    pub(super) reactions: BTreeMap<(RoomId, Seq, Emoji, UserId), bool>,
    /// How many came in by an invite.
    pub(super) uses: BTreeMap<InviteId, u32>,
    /// How many hints are to be numbered.
    pub(super) hints: Counts,
}

/// A room that is made, as the batch leaves it.
pub(super) struct Opened {
    pub(super) room: Room,
    pub(super) pair: Option<[UserId; 2]>,
    pub(super) nonce: Option<(UserId, Nonce, Fingerprint)>,
    pub(super) head: Seq,
    pub(super) deleted_at: Option<Timestamp>,
}

impl Writes {
    /// Adds what was decided; the later of two counts.
    pub(super) fn add(&mut self, room: RoomId, at: Timestamp, write: Write) {
        match write {
            Write::OpenRoom { room, pair, nonce } => {
                self.opened.insert(room.id, Opened { room, pair, nonce, head: 0, deleted_at: None });
            }
            Write::Room(room) => match self.opened.get_mut(&room.id) {
                Some(opened) => opened.room = room,
                None => drop(self.rooms.insert(room.id, room)),
            },
            Write::CloseRoom => self.close(room, at),
            Write::Member(member) => drop(self.members.insert((member.room, member.user), member)),
            Write::Marker { user, seq } => drop(self.markers.insert((room, user), seq)),
            Write::PostedAt { user, at } => drop(self.posted_at.insert((room, user), at)),
            Write::Post { message, fingerprint } => self.posts.push((message, fingerprint)),
            Write::Message(message) => drop(self.changed.insert((message.room, message.seq), message)),
            Write::Reaction { seq, emoji, user, on } => drop(self.reactions.insert((room, seq, emoji, user), on)),
            Write::InviteUsed(invite) => *self.uses.entry(invite).or_default() += 1,
            Write::Hint(hint) => *self.hints.entry(hint.user).or_default() += 1,
        }
    }

    fn close(&mut self, room: RoomId, at: Timestamp) {
        match self.opened.get_mut(&room) {
            Some(opened) => {
                opened.deleted_at = Some(at);
                (opened.pair, opened.nonce) = (None, None);
            }
            None => drop(self.closed.insert(room, at)),
        }
    }

    /// Where the log of a room ends now.
    pub(super) fn head(&mut self, room: RoomId, head: Seq) {
        match self.opened.get_mut(&room) {
            Some(opened) => opened.head = head,
            None => drop(self.heads.insert(room, head)),
        }
    }

    /// Messages as they are after the batch: those that were only posted, and those that were changed.
    pub(super) fn states(&self) -> impl Iterator<Item = &Arc<Message>> {
        let untouched = |message: &&Arc<Message>| !self.changed.contains_key(&(message.room, message.seq));
        self.posts.iter().map(|(message, _)| message).filter(untouched).chain(self.changed.values())
    }

    /// Rooms that are gone after the batch.
    pub(super) fn gone(&self) -> BTreeSet<RoomId> {
        let opened = self.opened.iter().filter(|(_, opened)| opened.deleted_at.is_some()).map(|(room, _)| *room);
        self.closed.keys().copied().chain(opened).collect()
    }

    /// The statements, in an order in which none meets a row that a later one brings or takes away: what closed rooms free is
    /// free before it is taken again, and everything stands in a room.
    pub(super) fn pipeline<'c>(&self, conn: &'c AsyncPgConnection) -> QueryResult<Pipeline<'c>> {
        let mut pipeline = Pipeline::new(conn);
        rooms::close(&mut pipeline, self);
        rooms::open(&mut pipeline, self);
        rooms::change(&mut pipeline, self);
        members::put(&mut pipeline, self);
        messages::post(&mut pipeline, self);
        messages::change(&mut pipeline, self)?;
        search::post(&mut pipeline, self.posts.iter().map(|(message, _)| message));
        search::change(&mut pipeline, self.changed.values());
        messages::mention(&mut pipeline, self);
        messages::react(&mut pipeline, self);
        rooms::leave(&mut pipeline, self);
        Ok(pipeline)
    }
}
