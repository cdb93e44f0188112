//! The words and the rules of the chat: pure types, the ports, the use cases.
//!
//! Everything here is decided without a runtime, a web server, a database or a cache, so that it can be tested against
//! mocks and memory, and simulated with a seed. Read in this order: [`words`] people type, [`objects`] they see, a
//! [`command`] they give, the [`rules`] that decide it, the [`ports`] that carry it, the [`usecases`] doors call.

pub mod command;
pub mod event;
pub mod ids;
pub mod limits;
pub mod objects;
pub mod pages;
pub mod ports;
pub mod refusal;
pub mod rules;
pub mod timestamp;

pub mod usecases;
pub mod words;
