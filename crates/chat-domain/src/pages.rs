//! Pieces of lists and of history: what a reader asks for and gets. Keyset everywhere, never offset, never by time.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    ids::{RoomId, Seq, UserId},
    objects::{Epoch, LogHead, Member, Message, Room, User},
};

/// Which piece of a list: what stands strictly after `after`, at most `limit` (1 … 100).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOf<K> {
    /// The key of the last item of the piece before.
    pub after: Option<K>,
    /// Most items.
    pub limit: usize,
}

/// A piece of a list. `next` is the key to go on from, `None` at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, K> {
    /// In the list's order.
    pub items: Vec<T>,
    /// The key of the last item, when there is more.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Cuts a list that was read one longer than `limit`, to know whether there is more.
    pub fn cut(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

/// Where a message stands among all that can be searched: the order in which the record took them up. Opaque; another record
/// counts otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

/// Which part of a room's history, by `seq`, bounds exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The newest.
    Latest,
    /// The nearest before.
    Before(Seq),
    /// The nearest after.
    After(Seq),
    /// Half before, and half from the message itself on.
    Around(Seq),
}

/// A piece of history, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct History {
    /// Messages, tombstones included.
    pub items: Vec<Message>,
    /// Where the log stood in the same snapshot.
    #[serde(flatten)]
    pub log: LogHead,
    /// There are older ones.
    pub more_before: bool,
    /// There are newer ones.
    pub more_after: bool,
}

/// A cursor into a room's log; without an epoch it is taken to be of the present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The history it was taken in.
    pub epoch: Option<Epoch>,
    /// Everything up to here is known.
    pub after: Seq,
}

/// All objects whose `rev` lies in (`from`, `to`]: the body of a `batch`. Apply it whole, then the cursor is `to`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Changes {
    /// The room.
    pub room: RoomId,
    /// The history.
    pub epoch: Epoch,
    /// Exclusive.
    pub from: Seq,
    /// Inclusive.
    pub to: Seq,
    /// Where the log stood in the same snapshot.
    pub head: Seq,
    /// Another batch follows from `to`.
    pub more: bool,
    /// By `rev`.
    pub messages: Vec<Arc<Message>>,
    /// By `rev`.
    pub members: Vec<Arc<Member>>,
    /// The room itself, when its own `rev` lies inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Arc<Room>>,
}

/// A room beside where its log stands and what the asking user is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomView {
    /// The room.
    pub room: Room,
    /// Its log.
    pub log: LogHead,
    /// The asking user's place, if there ever was one.
    pub member: Option<Member>,
}

/// One line of the first paint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SyncRoom {
    /// The room.
    pub room: Room,
    /// One's own membership.
    pub member: Member,
    /// The other one of a direct room, by whom it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserId>,
    /// Its log.
    #[serde(flatten)]
    pub log: LogHead,
    /// Read up to here.
    pub read: Seq,
    /// Messages of others after `read`, not deleted; stops at 100.
    pub unread: u32,
    /// Of these, those that mention the user or the room; stops at 100.
    pub mentions: u32,
    /// The newest message that is not deleted.
    pub last: Option<Message>,
}

/// The first paint, of one snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FirstPaint {
    /// Oneself.
    pub user: User,
    /// The number of the newest hint about one's own world.
    pub seq: Seq,
    /// One's rooms.
    pub rooms: Vec<SyncRoom>,
}

/// What a node needs to hold a room live: one snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveSnapshot {
    /// The room.
    pub room: Room,
    /// Its log.
    pub log: LogHead,
    /// Everybody who is in.
    pub members: Vec<Member>,
}
