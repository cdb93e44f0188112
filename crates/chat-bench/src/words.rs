//! The frames of protocol §3 as types: what a server says, and what a client says to it.
//!
//! Only members that a client acts on are named; the rest is ignored, as the protocol asks.

use serde::Deserialize;
use serde_json::{Value, json};

/// A server frame.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Frame {
    /// Signed in.
    Ready {},
    /// The answer to a request.
    Ok {
        /// Of the request.
        id: u32,
        /// Of a `subscribe`.
        rooms: Option<Vec<Subscribed>>,
        /// Of a `send`.
        seq: Option<u64>,
    },
    /// A refusal.
    Error {
        /// Of the request, when it was readable.
        id: Option<u32>,
        /// One of the vocabulary.
        code: String,
        /// When to try again.
        retry_ms: Option<u64>,
        /// Whether trying again can help.
        #[serde(default)]
        retry: bool,
    },
    /// Catch-up.
    Batch(Batch),
    /// One change.
    Event {
        /// The room's id, or `@me`.
        room: String,
        /// Its place in the log.
        seq: u64,
        /// What changed.
        kind: String,
        /// The object after the change.
        data: Value,
    },
    /// Catching up is not possible.
    Reset {
        /// The room's id.
        room: String,
    },
    /// A sign of life.
    Heartbeat {
        /// The heads of rooms that moved.
        #[serde(default)]
        heads: std::collections::HashMap<String, u64>,
    },
    /// No longer a member.
    Evicted {
        /// The room's id.
        room: String,
    },
    /// The token is about to expire.
    Reauth {},
    /// The server is about to close.
    Bye {
        /// The close code to come.
        code: u16,
        /// When to come back.
        retry_ms: Option<u64>,
    },
    /// Ephemeral, or newer than this program.
    #[serde(other)]
    Other,
}

/// One room in the answer to `subscribe`.
#[derive(Debug, Deserialize)]
pub(crate) struct Subscribed {
    /// The room's id.
    pub(crate) room: String,
    /// `live`, `catchup`, `reset` or `error`.
    pub(crate) status: String,
    /// The log's epoch.
    #[serde(default)]
    pub(crate) epoch: String,
    /// The room's head at that moment.
    #[serde(default)]
    pub(crate) head: u64,
    /// Of an `error`.
    pub(crate) code: Option<String>,
}

/// All objects whose `rev` lies in (`from`, `to`].
#[derive(Debug, Deserialize)]
pub(crate) struct Batch {
    /// The room's id.
    pub(crate) room: String,
    /// The log's epoch.
    pub(crate) epoch: String,
    /// Exclusive.
    pub(crate) from: u64,
    /// Inclusive.
    pub(crate) to: u64,
    /// Another follows unasked.
    pub(crate) more: bool,
    /// The messages among the objects.
    #[serde(default)]
    pub(crate) messages: Vec<crate::api::Message>,
}

/// `auth`.
pub(crate) fn auth(id: u32, token: &str) -> String {
    json!({"type": "auth", "id": id, "token": token, "client": concat!("chat-bench/", env!("CARGO_PKG_VERSION"))})
        .to_string()
}

/// `subscribe`, for rooms with their cursors.
pub(crate) fn subscribe<'a>(id: u32, rooms: impl Iterator<Item = (&'a str, Option<(&'a str, u64)>)>) -> String {
    let rooms: Vec<Value> = rooms
        .map(|(room, cursor)| match cursor {
            Some((epoch, after)) => json!({"room": room, "epoch": epoch, "after": after}),
            None => json!({"room": room}),
        })
        .collect();
    json!({"type": "subscribe", "id": id, "rooms": rooms}).to_string()
}

/// `send`. `text` and `nonce` must need no escaping, as those made here do not.
pub(crate) fn send(id: u32, room: &str, nonce: &str, text: &str) -> String {
    format!(r#"{{"type":"send","id":{id},"room":"{room}","nonce":"{nonce}","text":"{text}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_the_protocol_are_understood() {
        let parse = |text: &str| serde_json::from_str::<Frame>(text).unwrap();
        assert!(matches!(parse(r#"{"type":"ready","id":1,"user":{},"limits":{}}"#), Frame::Ready {}));
        assert!(matches!(
            parse(r#"{"type":"ok","id":2,"rooms":[{"room":"R3","status":"error","code":"not_found"}]}"#),
            Frame::Ok { id: 2, rooms: Some(rooms), seq: None } if rooms[0].code.as_deref() == Some("not_found")
        ));
        assert!(matches!(
            parse(r#"{"type":"error","id":4,"code":"slow_mode","message":"…","retry":true,"retry_ms":6200}"#),
            Frame::Error { id: Some(4), retry_ms: Some(6200), retry: true, .. }
        ));
        assert!(matches!(parse(r#"{"type":"presence","user":"U2","status":"online"}"#), Frame::Other));
        assert!(matches!(
            parse(r#"{"type":"bye","code":1012,"reason":"restart","reconnect":true,"retry_ms":3400}"#),
            Frame::Bye { code: 1012, .. }
        ));
    }

    #[test]
    fn what_is_said_is_json() {
        let v: Value = serde_json::from_str(&send(7, "R", "n-1", "n-1 hello")).unwrap();
        assert_eq!(v, json!({"type":"send","id":7,"room":"R","nonce":"n-1","text":"n-1 hello"}));
        let v: Value =
            serde_json::from_str(&subscribe(2, [("R1", Some(("e7", 412))), ("R2", None)].into_iter())).unwrap();
        assert_eq!(v["rooms"], json!([{"room":"R1","epoch":"e7","after":412},{"room":"R2"}]));
    }
}
