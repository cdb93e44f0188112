//! The doors: REST and WebSocket, the error table they share, the documents that describe them, and the web client.
//!
//! A door knows HTTP, JSON and sockets, and nothing of stores: it asks [`chat_domain::usecases::Chat`] and shows what comes.

pub mod address;
pub mod docs;
pub mod json;
mod metrics;
pub mod middleware;
pub mod pages;
pub mod problem;
pub mod readiness;
pub mod rest;
pub mod settings;
mod ui;
pub mod ws;

pub use self::{
    address::address_of,
    metrics::describe_metrics,
    middleware::edge,
    readiness::Readiness,
    rest::{Web, configure},
    settings::WebSettings,
};
