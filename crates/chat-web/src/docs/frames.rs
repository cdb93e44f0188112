//! The frames of the socket: one list per direction. A frame that is added to the protocol is added here.

use chat_domain::timestamp::Timestamp;
use chat_hub::frames as hub;
use utoipa::ToSchema;

use crate::{rest::endpoint::Shape, ws::frames};

/// A frame, as the document tells it.
pub(super) struct Frame {
    /// Its `type`.
    pub(super) name: &'static str,
    /// Unique within its direction: some types have several forms.
    pub(super) key: &'static str,
    /// Its members.
    pub(super) shape: Shape,
    /// What it says.
    pub(super) about: &'static str,
}

const fn frame(name: &'static str, shape: Shape, about: &'static str) -> Frame {
    Frame { name, key: name, shape, about }
}

/// `reauth`, whose one member stands in the enum of frames itself.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is all that is wanted")]
struct Reauth {
    /// When the access token ends.
    expires_at: Timestamp,
}

/// `pong`, likewise.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is all that is wanted")]
struct Pong {
    /// Of the request.
    id: i64,
}

/// What clients say.
pub(super) fn client_frames() -> Vec<Frame> {
    vec![
        frame("auth", Shape::of::<frames::Auth>(), "The first frame; sent again, it renews"),
        frame("subscribe", Shape::of::<frames::Subscribe>(), "Listen to rooms, from the head or from a cursor"),
        frame("unsubscribe", Shape::of::<frames::Unsubscribe>(), "Stop listening"),
        frame("send", Shape::of::<frames::Send>(), "Post a message"),
        frame("edit", Shape::of::<frames::Edit>(), "Give one's own message another text"),
        frame("delete", Shape::of::<frames::Delete>(), "Leave a tombstone"),
        frame("react", Shape::of::<frames::React>(), "React, or take it back"),
        frame("read", Shape::of::<frames::Read>(), "Move one's read marker forward"),
        frame("typing", Shape::of::<frames::Typing>(), "Tell that one types, or stopped"),
        frame("presence", Shape::of::<frames::SetPresence>(), "Tell whether somebody is there"),
        frame("watch", Shape::of::<frames::Watch>(), "Choose whose presence to hear"),
        frame("ping", Shape::of::<frames::Ping>(), "Ask for a pong"),
    ]
}

/// What the server says.
pub(super) fn server_frames() -> Vec<Frame> {
    vec![
        frame("ready", Shape::of::<frames::Ready<'static>>(), "The answer to the first auth"),
        frame("ok", Shape::of::<frames::Done<'static>>(), "The answer to a request that was done"),
        frame("error", Shape::of::<frames::Failed<'static>>(), "The answer to a request that was refused"),
        frame("batch", Shape::of::<hub::BatchFrame>(), "What was missed, as the latest state of everything changed"),
        frame("event", Shape::of::<hub::EventFrame>(), "A change of a room, as it happened"),
        Frame {
            name: "event",
            key: "event_me",
            shape: Shape::of::<hub::HintFrame>(),
            about: "A hint about one's own world",
        },
        frame("reset", Shape::of::<hub::ResetFrame>(), "The cursor cannot be served: load the room anew"),
        frame("heartbeat", Shape::of::<hub::HeartbeatFrame>(), "Where things stand"),
        frame("typing", Shape::of::<hub::TypingFrame>(), "Somebody types in a room, or stopped"),
        frame("presence", Shape::of::<hub::PresenceFrame>(), "A watched user's presence"),
        frame("evicted", Shape::of::<hub::EvictedFrame>(), "The room is no longer one's own"),
        frame("reauth", Shape::of::<Reauth>(), "The access token ends soon: send auth with a new one"),
        frame("bye", Shape::of::<frames::Bye>(), "The server closes the socket next"),
        frame("pong", Shape::of::<Pong>(), "The answer to ping"),
    ]
}
