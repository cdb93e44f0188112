//! The doors: REST, WebSocket, the error table, the served documents

pub mod json;
pub mod problem;
pub mod ws;
