//! Everything between a TCP connection and whole WebSocket messages: the handshake, the guard, the way in and the way out.
//!
//! ```text
//! connection ─▶ guard ─▶ actix-ws decoder ─▶ Inbound ─▶ session
//!            ◀─ OutBody ◀─ Outbox ◀─ hub, session
//! ```
//!
//! actix-ws makes the handshake and decodes frames. In front of it stands a guard, because it checks a frame's length only when
//! the whole frame has arrived; behind it our own reassembly, because its own keeps every fragment apart and so costs a
//! multiple of the bytes received. On the way out it is not used at all: frames are made once and shared by all receivers.
//! Nothing here knows JSON, users or rooms.

pub mod guard;
mod guarded;
pub mod handshake;
pub mod inbound;
mod link;
pub mod origin;
mod outbound;
pub mod tcp;

pub use self::{
    guard::{Guard, Limits, Violation},
    handshake::{Accepted, HandshakeSettings, Refused, handshake},
    inbound::{Inbound, Incoming},
    origin::{AllowedOrigins, Origin},
};
