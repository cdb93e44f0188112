//! The spans of a socket: one for its whole life, by which its log lines are found, and one for each frame, which begins a
//! trace of its own, for a socket may live for days. A frame's span is below `info`: without traces there is none.

use std::fmt;

use tracing::{Span, field::Empty};

/// The name of a socket in logs and traces; random, so that it tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionId(u64);

impl ConnectionId {
    pub(super) fn fresh() -> Self {
        Self(rand::random())
    }

    /// A trace of its own, linked to that of the handshake.
    pub(super) fn span(self) -> Span {
        let span = tracing::info_span!(parent: None, "connection", connection = %self, close_code = Empty);
        span.follows_from(Span::current());
        span
    }

    /// Of one frame of this type, linked to its socket.
    pub(super) fn frame(self, r#type: &'static str) -> Span {
        let span = tracing::debug_span!(parent: None, "frame", connection = %self, r#type, error = Empty);
        if !span.is_disabled() {
            span.follows_from(Span::current());
        }
        span
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
