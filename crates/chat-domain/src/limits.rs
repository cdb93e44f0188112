//! Limits that the rules themselves enforce, and the names of the rates that a limiter counts.

use crate::ids::{RoomId, UserId};

/// Sizes the use cases check; every one is a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most scalars of a message (`limits.text_chars`).
    pub text_chars: usize,
    /// Whether strangers may register (`auth.registration`).
    pub registration_open: bool,
    /// How long a refresh token lives, in seconds (`auth.refresh_ttl_s`).
    pub refresh_ttl_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text_chars: 4_000, registration_open: true, refresh_ttl_s: 2_592_000 }
    }
}

/// A rate that is counted, and whose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Sends of one user: 5/s, burst 10.
    SendsOfUser(UserId),
    /// Sends into one room: 20/s, burst 40.
    SendsIntoRoom(RoomId),
    /// REST requests of one user: 10/s, burst 60.
    RestOfUser(UserId),
    /// Sign-ins from one address: 10 a minute. The address as the edge normalised it (IPv6 by /64).
    SignInsFrom(String),
    /// Sign-ins for one name: 5 a minute.
    SignInsFor(String),
    /// Registrations from one address: 5 an hour.
    RegistrationsFrom(String),
    /// Typing of one user in one room: one per 3 s.
    Typing(UserId, RoomId),
}
