//! What is counted, and how fast each of it refills (protocol §4).

use std::time::Duration;

use crate::ids::{RoomId, UserId, WebhookId};

/// The longest that guessing makes anybody wait (security A7); less where a full bucket is empty sooner.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What kind of thing is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateKind {
    /// [`Rate::SendsOfUser`].
    SendsOfUser,
    /// [`Rate::SendsIntoRoom`].
    SendsIntoRoom,
    /// [`Rate::RestOfUser`].
    RestOfUser,
    /// [`Rate::SignInsFrom`].
    SignInsFrom,
    /// [`Rate::SignInsFor`].
    SignInsFor,
    /// [`Rate::RegistrationsFrom`].
    RegistrationsFrom,
    /// [`Rate::Typing`].
    Typing,
    /// [`Rate::WrongSecretsOf`].
    WrongSecretsOf,
}

/// A rate that is counted, and whose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Sends of one user, or of one webhook's bot: 5/s, burst 10.
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
    /// Wrong secrets for one webhook, there or not, from one address: 10 a minute. Per webhook, because a program that still
    /// posts to one that was removed must not shut out the others that run on its machine.
    WrongSecretsOf(WebhookId, String),
}

impl Rate {
    /// What kind of thing it counts.
    #[must_use]
    pub fn kind(&self) -> RateKind {
        match self {
            Self::SendsOfUser(_) => RateKind::SendsOfUser,
            Self::SendsIntoRoom(_) => RateKind::SendsIntoRoom,
            Self::RestOfUser(_) => RateKind::RestOfUser,
            Self::SignInsFrom(_) => RateKind::SignInsFrom,
            Self::SignInsFor(_) => RateKind::SignInsFor,
            Self::RegistrationsFrom(_) => RateKind::RegistrationsFrom,
            Self::Typing(..) => RateKind::Typing,
            Self::WrongSecretsOf(..) => RateKind::WrongSecretsOf,
        }
    }
}

/// How fast a rate refills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refill {
    /// From one to the next in the long run.
    pub interval: Duration,
    /// At once after a pause; at least 1.
    pub burst: u32,
}

impl Refill {
    /// So many in each `period`, and `burst` at once.
    #[must_use]
    pub fn per(period: Duration, count: u32, burst: u32) -> Self {
        Self { interval: period / count.max(1), burst: burst.max(1) }
    }

    /// How long a full one takes to be empty.
    #[must_use]
    pub fn whole(self) -> Duration {
        self.interval * self.burst
    }

    /// So many times slower, and holding so many times less, but at least one.
    #[must_use]
    pub fn divided(self, by: u32) -> Self {
        let by = by.max(1);
        Self { interval: self.interval * by, burst: (self.burst / by).max(1) }
    }
}

/// How a rate is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How fast it refills.
    pub refill: Refill,
    /// Each try that comes too early makes the wait longer (security A7).
    pub grows: bool,
}

impl Rule {
    /// The most that a bucket is ever filled with, whoever says so: a full one. Where no wait grows, what several nodes let
    /// through before they knew of each other stays counted, up to one burst more. A sign-in's door must open within a
    /// minute, so there is no such debt.
    #[must_use]
    pub fn most(self) -> Duration {
        if self.grows { self.refill.whole() } else { self.refill.whole() * 2 }
    }

    /// The longest wait that tries which come too early can earn.
    #[must_use]
    pub fn longest_wait(self) -> Duration {
        if self.grows { LONGEST_WAIT.min(self.refill.whole()) } else { Duration::ZERO }
    }
}

/// The rates of protocol §4 that are counted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateSettings {
    /// `limits.enabled`: false counts nothing.
    pub enabled: bool,
    /// Sends of one user.
    pub sends_per_user: Refill,
    /// Sends into one room.
    pub sends_per_room: Refill,
    /// REST requests of one user.
    pub rest: Refill,
    /// Sign-ins from one address.
    pub sign_in_per_address: Refill,
    /// Sign-ins for one name.
    pub sign_in_per_name: Refill,
    /// Registrations from one address.
    pub registrations_per_address: Refill,
    /// Typing of one user in one room.
    pub typing: Refill,
    /// Wrong secrets for one webhook from one address.
    pub wrong_webhook_secrets: Refill,
}

impl RateSettings {
    /// How this rate is counted.
    #[must_use]
    pub fn rule(&self, rate: &Rate) -> Rule {
        self.rule_of(rate.kind())
    }

    /// How rates of this kind are counted.
    #[must_use]
    pub fn rule_of(&self, kind: RateKind) -> Rule {
        let (refill, grows) = match kind {
            RateKind::SendsOfUser => (self.sends_per_user, false),
            RateKind::SendsIntoRoom => (self.sends_per_room, false),
            RateKind::RestOfUser => (self.rest, false),
            RateKind::SignInsFrom => (self.sign_in_per_address, true),
            RateKind::SignInsFor => (self.sign_in_per_name, true),
            RateKind::RegistrationsFrom => (self.registrations_per_address, false),
            RateKind::Typing => (self.typing, false),
            RateKind::WrongSecretsOf => (self.wrong_webhook_secrets, false),
        };
        Rule { refill, grows }
    }
}

impl Default for RateSettings {
    /// Protocol §4.
    fn default() -> Self {
        let (second, minute, hour) = (Duration::from_secs(1), Duration::from_secs(60), Duration::from_secs(3_600));
        Self {
            enabled: true,
            sends_per_user: Refill::per(second, 5, 10),
            sends_per_room: Refill::per(second, 20, 40),
            rest: Refill::per(second, 10, 60),
            sign_in_per_address: Refill::per(minute, 10, 10),
            sign_in_per_name: Refill::per(minute, 5, 5),
            registrations_per_address: Refill::per(hour, 5, 5),
            typing: Refill::per(Duration::from_secs(3), 1, 1),
            wrong_webhook_secrets: Refill::per(minute, 10, 10),
        }
    }
}
