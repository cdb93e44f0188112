//! The doors: REST, WebSocket, the error table, the served documents

pub mod ws;
