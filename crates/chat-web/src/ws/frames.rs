//! The frames of the socket that this crate reads and writes itself; those of the live part stand in `chat_hub::frames`.
//!
//! Client frames are taken in two steps, because the protocol tells them apart: the *shape* (a missing or mistyped member is
//! `bad_request`) is checked here, the *values* (`invalid_field`) where the words are parsed.

use chat_domain::{
    ids::{Seq, SessionId},
    objects::{LogHead, User},
    refusal::ResetReason,
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::settings::AdvertisedLimits;

/// The values of `type` in what a client may say.
pub const FRAME_TYPES: [&str; 12] = [
    "auth",
    "subscribe",
    "unsubscribe",
    "send",
    "edit",
    "delete",
    "react",
    "read",
    "typing",
    "presence",
    "watch",
    "ping",
];

/// What a client may say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// The first frame; sent again, it renews.
    Auth(Auth),
    /// Listen to rooms, from the head or from a cursor.
    Subscribe(Subscribe),
    /// Stop listening.
    Unsubscribe(Unsubscribe),
    /// Post a message.
    Send(Send),
    /// Give one's own message another text.
    Edit(Edit),
    /// Leave a tombstone.
    Delete(Delete),
    /// React, or take it back.
    React(React),
    /// Move one's read marker forward.
    Read(Read),
    /// Tell that one types, or stopped.
    Typing(Typing),
    /// Tell whether somebody is there.
    Presence(SetPresence),
    /// Choose whose presence to hear.
    Watch(Watch),
    /// Ask for a `pong`.
    Ping(Ping),
}

/// `auth`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Auth {
    /// 1 … 2^31−1, as in every request.
    pub id: i64,
    /// An access token.
    pub token: String,
    /// Name and version of the client, for the log.
    #[serde(default)]
    pub client: Option<String>,
}

/// `subscribe`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Subscribe {
    /// Of the request.
    pub id: i64,
    /// At most 100.
    pub rooms: Vec<SubscribeRoom>,
}

/// One room of a `subscribe`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SubscribeRoom {
    /// Which.
    pub room: String,
    /// The history the cursor is of.
    #[serde(default)]
    pub epoch: Option<String>,
    /// Resume after this number; absent: from the head.
    #[serde(default)]
    pub after: Option<i64>,
}

/// `unsubscribe`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Unsubscribe {
    /// Of the request.
    pub id: i64,
    /// At most 100.
    pub rooms: Vec<String>,
}

/// `send`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Send {
    /// Of the request.
    pub id: i64,
    /// Where.
    pub room: String,
    /// So that sending it again posts nothing twice.
    pub nonce: String,
    /// What.
    pub text: String,
    /// The message it answers.
    #[serde(default)]
    pub reply_to: Option<i64>,
}

/// `edit`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Edit {
    /// Of the request.
    pub id: i64,
    /// Where.
    pub room: String,
    /// Which message.
    pub seq: i64,
    /// The new text.
    pub text: String,
}

/// `delete`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Delete {
    /// Of the request.
    pub id: i64,
    /// Where.
    pub room: String,
    /// Which message.
    pub seq: i64,
}

/// `react`
#[derive(Debug, Deserialize, ToSchema)]
pub struct React {
    /// Of the request.
    pub id: i64,
    /// Where.
    pub room: String,
    /// Which message.
    pub seq: i64,
    /// With what.
    pub emoji: String,
    /// On or off.
    pub on: bool,
}

/// `read`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Read {
    /// Of the request.
    pub id: i64,
    /// Where.
    pub room: String,
    /// Up to where.
    pub seq: i64,
}

/// `typing`: no id, no reply.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Typing {
    /// Where.
    pub room: String,
    /// Started or stopped.
    pub on: bool,
}

/// `presence`: no id, no reply.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SetPresence {
    /// `online` or `away`.
    pub status: String,
}

/// `watch`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Watch {
    /// Of the request.
    pub id: i64,
    /// At most 200; replaces those before.
    pub users: Vec<String>,
}

/// `ping`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Ping {
    /// Of the request.
    pub id: i64,
}

impl ClientFrame {
    /// The request's id, when the frame is a request.
    #[must_use]
    pub fn id(&self) -> Option<i64> {
        match self {
            Self::Auth(frame) => Some(frame.id),
            Self::Subscribe(frame) => Some(frame.id),
            Self::Unsubscribe(frame) => Some(frame.id),
            Self::Send(frame) => Some(frame.id),
            Self::Edit(frame) => Some(frame.id),
            Self::Delete(frame) => Some(frame.id),
            Self::React(frame) => Some(frame.id),
            Self::Read(frame) => Some(frame.id),
            Self::Watch(frame) => Some(frame.id),
            Self::Ping(frame) => Some(frame.id),
            Self::Typing(_) | Self::Presence(_) => None,
        }
    }

    /// Its `type`, for metrics: one of [`FRAME_TYPES`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Auth(_) => "auth",
            Self::Subscribe(_) => "subscribe",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Send(_) => "send",
            Self::Edit(_) => "edit",
            Self::Delete(_) => "delete",
            Self::React(_) => "react",
            Self::Read(_) => "read",
            Self::Typing(_) => "typing",
            Self::Presence(_) => "presence",
            Self::Watch(_) => "watch",
            Self::Ping(_) => "ping",
        }
    }
}

/// What this crate says itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    /// The answer to the first `auth`.
    Ready(Ready<'a>),
    /// The answer to a request that was done.
    Ok(Done<'a>),
    /// The answer to a request that was refused.
    Error(Failed<'a>),
    /// The answer to `ping`.
    Pong {
        /// Of the request.
        id: i64,
    },
    /// The access token ends soon: send `auth` with a new one.
    Reauth {
        /// When it ends.
        expires_at: Timestamp,
    },
    /// The server closes the socket next.
    Bye(Bye),
}

/// `ready`
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready<'a> {
    /// Of the `auth`.
    pub id: i64,
    /// Oneself.
    pub user: &'a User,
    /// The session of the token.
    pub session: SessionId,
    /// Which node answers.
    pub node: &'a str,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// How often the server says `heartbeat`, in milliseconds.
    pub heartbeat_ms: u64,
    /// The number of the newest `@me` hint.
    pub seq: Seq,
    /// What a client must keep to.
    pub limits: &'a AdvertisedLimits,
}

/// `ok`: the members depend on the request.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Done<'a> {
    /// Of the request.
    pub id: i64,
    /// `subscribe`: what became of each room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<RoomAnswer<'a>>>,
    /// `send`, `edit`, `delete`, `react`: the message. `read`: where the marker stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The place of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<Seq>,
    /// `send`: when it was posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// `send`: the nonce had been used for it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<bool>,
    /// `edit`, `delete`, `react`: whether it took a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
    /// `auth` again: when the new token ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What became of one room of a `subscribe`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomAnswer<'a> {
    /// As the client wrote it.
    pub room: &'a str,
    /// How it goes on.
    pub status: RoomStatus,
    /// Where the log stands.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogHead>,
    /// `reset`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ResetReason>,
    /// `error`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

/// How a subscription goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomStatus {
    /// Events follow.
    Live,
    /// Batches follow, then events.
    Catchup,
    /// Not subscribed: load the room, subscribe with its head.
    Reset,
    /// Not subscribed.
    Error,
}

/// `error`
#[derive(Debug, Serialize, ToSchema)]
pub struct Failed<'a> {
    /// Of the request, when it was readable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The contract.
    pub code: &'static str,
    /// For people.
    pub message: &'a str,
    /// Whether trying again can help.
    pub retry: bool,
    /// When to try again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
}

/// `bye`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bye {
    /// The close code that follows.
    pub code: u16,
    /// Why, in a word.
    pub reason: &'static str,
    /// Whether to come back.
    pub reconnect: bool,
    /// When, in milliseconds; full-jitter backoff when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
}
