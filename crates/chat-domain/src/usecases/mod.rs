//! The use cases: what a door may ask of the house. REST and WebSocket go through the same ones.
//!
//! A use case counts the rate, gives the moment and the fresh id, and hands on: writes to the [`Journal`], where the rules
//! decide them inside the transaction; questions to a store, which asks the rules in the snapshot it answers from.

mod accounts;
pub mod copying;
mod log;
mod rooms;
mod sessions;
mod webhooks;

use std::sync::Arc;

pub use accounts::Registration;
pub use sessions::{Grant, SignIn};

use crate::{
    limits::{Limits, Rate},
    ports::{
        AccountStore, Clock, Journal, LogStore, Passwords, RateLimits, RoomStore, SessionStore, Tokens, WebhookStore,
    },
    refusal::Refusal,
};

/// Everything the use cases stand on.
#[derive(Clone)]
pub struct Ports {
    /// Users.
    pub accounts: Arc<dyn AccountStore>,
    /// Sign-ins.
    pub sessions: Arc<dyn SessionStore>,
    /// Rooms.
    pub rooms: Arc<dyn RoomStore>,
    /// Their logs.
    pub log: Arc<dyn LogStore>,
    /// Webhooks.
    pub webhooks: Arc<dyn WebhookStore>,
    /// The road into them.
    pub journal: Arc<dyn Journal>,
    /// Access tokens and random secrets.
    pub tokens: Arc<dyn Tokens>,
    /// Password hashes.
    pub passwords: Arc<dyn Passwords>,
    /// Rates.
    pub rates: Arc<dyn RateLimits>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

/// The house as doors see it.
#[derive(Clone)]
pub struct Chat {
    ports: Ports,
    limits: Limits,
}

impl Chat {
    /// Over these ports, within these limits.
    #[must_use]
    pub fn new(ports: Ports, limits: Limits) -> Self {
        Self { ports, limits }
    }

    /// The limits the rules enforce.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts one under a rate.
    ///
    /// # Errors
    /// `RateLimited`.
    pub fn count(&self, rate: &Rate) -> Result<(), Refusal> {
        self.ports.rates.count(rate).map_err(|retry_ms| Refusal::RateLimited { retry_ms })
    }

    /// The time that the house goes by.
    #[must_use]
    pub fn now(&self) -> crate::timestamp::Timestamp {
        self.ports.clock.now()
    }
}
