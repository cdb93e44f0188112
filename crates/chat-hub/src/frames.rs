//! The frames that the hub itself sends, exactly as protocol §3 writes them, and their schemas for the served documents.
//!
//! Answers to requests (`ready`, `ok`, `error`, `pong`) and the socket's own farewell are the web crate's business. Encoding
//! cannot fail: every value here is JSON by construction; should a value refuse all the same, an empty frame is queued, which
//! an outbox ignores, and the loss is logged.

use std::sync::Arc;

use bytes::Bytes;
use chat_domain::{
    event::{Event, Eviction, Hint, HintAbout, Object},
    ids::{RoomId, Seq, UserId},
    objects::{LogHead, Member, Message, Room, User},
    pages::Changes,
    ports::Status,
    refusal::ResetReason,
    timestamp::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wsframe;

macro_rules! frame_type {
    ($(#[$doc:meta])* $name:ident = $text:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
        pub enum $name {
            /// Always this.
            #[default]
            #[serde(rename = $text)]
            This,
        }
    };
}

frame_type!(/** `"event"`. */ EventType = "event");
frame_type!(/** `"batch"`. */ BatchType = "batch");
frame_type!(/** `"reset"`. */ ResetType = "reset");
frame_type!(/** `"typing"`. */ TypingType = "typing");
frame_type!(/** `"presence"`. */ PresenceType = "presence");
frame_type!(/** `"evicted"`. */ EvictedType = "evicted");
frame_type!(/** `"heartbeat"`. */ HeartbeatType = "heartbeat");
frame_type!(/** `"@me"`: one's own world instead of a room. */ OwnWorld = "@me");

/// A change of a room, as it happened: the cursor moves to `seq`.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventFrame {
    /// Which frame.
    #[serde(rename = "type")]
    pub frame: EventType,
    /// The room.
    pub room: RoomId,
    /// The place in its log.
    pub seq: Seq,
    /// What kind of thing `data` is.
    pub kind: ObjectKind,
    /// Who did it.
    pub by: UserId,
    /// The thing after the change.
    pub data: ObjectData,
}

/// What kind of thing an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A message.
    Message,
    /// A membership.
    Member,
    /// The room itself.
    Room,
}

/// The thing an event is about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ObjectData {
    /// Of kind `message`.
    Message(Arc<Message>),
    /// Of kind `member`.
    Member(Arc<Member>),
    /// Of kind `room`.
    Room(Arc<Room>),
}

impl From<&Event> for EventFrame {
    fn from(event: &Event) -> Self {
        let (kind, data) = match &event.object {
            Object::Message(message) => (ObjectKind::Message, ObjectData::Message(Arc::clone(message))),
            Object::Member(member) => (ObjectKind::Member, ObjectData::Member(Arc::clone(member))),
            Object::Room(room) => (ObjectKind::Room, ObjectData::Room(Arc::clone(room))),
        };
        Self { frame: EventType::This, room: event.room, seq: event.seq, kind, by: event.by, data }
    }
}

/// What was missed: all objects whose `rev` lies in (`from`, `to`]. The cursor moves to `to`.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchFrame {
    /// Which frame.
    #[serde(rename = "type")]
    pub frame: BatchType,
    /// The objects.
    #[serde(flatten)]
    pub changes: Changes,
}

/// The cursor cannot be served and the room is not subscribed: load it anew.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetFrame {
    /// Which frame.
    #[serde(rename = "type")]
    pub frame: ResetType,
    /// The room.
    pub room: RoomId,
    /// Where its log stands.
    #[serde(flatten)]
    pub log: LogHead,
    /// Why.
    pub reason: ResetReason,
}

/// Somebody types in a room, or stopped.
#[derive(Debug, Serialize, ToSchema)]
pub struct TypingFrame {
    /// Which frame.
    #[serde(rename = "type")]
    pub frame: TypingType,
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// Started or stopped.
    pub on: bool,
    /// How long it holds without another word, in milliseconds.
    pub ttl_ms: u64,
}

/// A watched user's presence.
#[derive(Debug, Serialize, ToSchema)]
pub struct PresenceFrame {
    /// Which frame.
    #[serde(rename = "type")]
    pub frame: PresenceType,
    /// Whose.
    pub user: UserId,
    /// What it is now.
    pub status: Status,
}

/// The room is no longer one's own: nothing more of it will come.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvictedFrame {
    /// Which frame.
    #[serde(rename = "type")]
    pub frame: EvictedType,
    /// The room.
    pub room: RoomId,
    /// Why.
    pub reason: Eviction,
}

/// A hint about one's own world; a gap in `seq` means: `GET /sync`.
#[derive(Debug, Serialize, ToSchema)]
pub struct HintFrame {
    /// Which frame.
    #[serde(rename = "type")]
    pub frame: EventType,
    /// Always `@me`.
    pub room: OwnWorld,
    /// The hint's number for this user.
    pub seq: Seq,
    /// What kind of thing `data` is.
    pub kind: HintKind,
    /// What changed.
    pub data: HintData,
}

/// What kind of hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HintKind {
    /// One's place in a room.
    Rooms,
    /// One's read marker.
    Read,
    /// One's own account.
    Profile,
}

/// What a hint is about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum HintData {
    /// Of kind `rooms`.
    Rooms {
        /// The room.
        room: RoomId,
        /// One's own membership.
        member: Arc<Member>,
    },
    /// Of kind `read`.
    Read {
        /// The room.
        room: RoomId,
        /// Read up to here.
        seq: Seq,
    },
    /// Of kind `profile`.
    Profile(Arc<User>),
}

impl From<&Hint> for HintFrame {
    fn from(hint: &Hint) -> Self {
        let (kind, data) = match &hint.about {
            HintAbout::Rooms { room, member } => {
                (HintKind::Rooms, HintData::Rooms { room: *room, member: Arc::clone(member) })
            }
            HintAbout::Read { room, seq } => (HintKind::Read, HintData::Read { room: *room, seq: *seq }),
            HintAbout::Profile(user) => (HintKind::Profile, HintData::Profile(Arc::clone(user))),
        };
        Self { frame: EventType::This, room: OwnWorld::This, seq: hint.seq, kind, data }
    }
}

/// The server is alive, and this is where things stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeartbeatFrame {
    /// Which frame.
    #[serde(rename = "type")]
    pub frame: HeartbeatType,
    /// Now.
    pub at: Timestamp,
    /// Heads of subscribed rooms that moved since the last heartbeat.
    #[serde(serialize_with = "as_map")]
    #[schema(value_type = std::collections::HashMap<String, Seq>)]
    pub heads: Vec<(RoomId, Seq)>,
    /// The number of the newest hint about one's own world.
    pub seq: Seq,
}

fn as_map<S: serde::Serializer>(heads: &[(RoomId, Seq)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(heads.iter().map(|(room, head)| (room, head)))
}

/// Any frame, ready for a socket.
pub fn encode(frame: &impl Serialize) -> Bytes {
    wsframe::text_with(|buffer| serde_json::to_writer(buffer, frame)).unwrap_or_else(|error| {
        tracing::error!(%error, "a frame could not be encoded");
        Bytes::new()
    })
}

/// See [`ResetFrame`].
pub(crate) fn reset(room: RoomId, reason: ResetReason, log: LogHead) -> Bytes {
    encode(&ResetFrame { frame: ResetType::This, room, log, reason })
}

/// See [`EvictedFrame`].
pub(crate) fn evicted(room: RoomId, reason: Eviction) -> Bytes {
    encode(&EvictedFrame { frame: EvictedType::This, room, reason })
}

/// See [`PresenceFrame`].
pub(crate) fn presence(user: UserId, status: Status) -> Bytes {
    encode(&PresenceFrame { frame: PresenceType::This, user, status })
}

/// See [`TypingFrame`].
pub(crate) fn typing(room: RoomId, user: UserId, on: bool) -> Bytes {
    let ttl_ms = crate::HubSettings::TYPING_TTL_MS;
    encode(&TypingFrame { frame: TypingType::This, room, user, on, ttl_ms })
}
