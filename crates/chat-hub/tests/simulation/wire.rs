//! The client's side of the wire: bytes to frames to what a frame says.

use std::{collections::BTreeMap, sync::Arc};

use chat_domain::{
    event::{Eviction, Object},
    ids::{RoomId, Seq, UserId},
    objects::{Epoch, Member, Message, Room},
    refusal::ResetReason,
};
use serde::Deserialize;

/// What the server says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    Ready { seq: Seq },
    Ok { rooms: Vec<RoomAnswer> },
    Event(EventFrame),
    Batch(BatchFrame),
    Reset { room: RoomId, head: Seq, reason: ResetReason },
    Heartbeat { heads: BTreeMap<RoomId, Seq>, seq: Seq },
    Evicted { room: RoomId, reason: Eviction },
    Typing { room: RoomId, user: UserId },
    Presence { user: UserId },
    Bye { code: u16 },
}

/// A line of the answer to `subscribe` or, with `gone`, to `unsubscribe`.
#[derive(Deserialize)]
pub struct RoomAnswer {
    pub room: RoomId,
    pub status: String,
    #[serde(default)]
    pub epoch: Option<Epoch>,
    #[serde(default)]
    pub head: Seq,
    #[serde(default)]
    pub code: String,
}

#[derive(Deserialize)]
pub struct EventFrame {
    /// A room, or `@me`.
    pub room: String,
    pub seq: Seq,
    pub kind: String,
    #[serde(default)]
    pub by: Option<UserId>,
    pub data: serde_json::Value,
}

impl EventFrame {
    pub fn object(&self) -> Option<Object> {
        let data = self.data.clone();
        Some(match self.kind.as_str() {
            "message" => Object::Message(serde_json::from_value(data).ok()?),
            "member" => Object::Member(serde_json::from_value(data).ok()?),
            "room" => Object::Room(serde_json::from_value(data).ok()?),
            _ => return None,
        })
    }
}

#[derive(Deserialize)]
pub struct BatchFrame {
    pub room: RoomId,
    pub epoch: Epoch,
    pub from: Seq,
    pub to: Seq,
    pub head: Seq,
    pub more: bool,
    pub messages: Vec<Arc<Message>>,
    pub members: Vec<Arc<Member>>,
    #[serde(default)]
    pub state: Option<Arc<Room>>,
}

impl BatchFrame {
    pub fn objects(&self) -> Vec<Object> {
        let messages = self.messages.iter().cloned().map(Object::Message);
        let members = self.members.iter().cloned().map(Object::Member);
        messages.chain(members).chain(self.state.clone().map(Object::Room)).collect()
    }
}

/// Puts chunks together and cuts them into the payloads of text frames (RFC 6455 §5.2, unmasked).
#[derive(Default)]
pub struct Cutter {
    buffer: Vec<u8>,
}

impl Cutter {
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    pub fn next(&mut self) -> Option<Result<Vec<u8>, String>> {
        let (first, short) = (*self.buffer.first()?, *self.buffer.get(1)?);
        let (length, start) = match short {
            126 => (u64::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().unwrap())), 4),
            127 => (u64::from_be_bytes(self.buffer.get(2..10)?.try_into().unwrap()), 10),
            short => (u64::from(short), 2),
        };
        if first != 0x81 {
            return Some(Err(format!("a frame begins with {first:#x}")));
        }
        let end = start + usize::try_from(length).unwrap();
        let payload = self.buffer.get(start..end)?.to_vec();
        self.buffer.drain(..end);
        Some(Ok(payload))
    }
}
