//! The WebSocket door (`GET /api/v1/ws`).
//!
//! The transport carries frames; what they mean is not its business.

pub mod transport;
