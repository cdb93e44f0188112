//! When something is due on a socket: heartbeat, renewal of the token, its end, silence, a stalled write.

use std::time::Duration;

use chat_domain::{ports::AccessClaims, timestamp::Timestamp};
use chat_hub::outbox::Outbox;
use rand::RngExt as _;
use tokio::time::Instant;

use super::{Door, ending::End};

/// The times of one socket, all on the runtime's clock.
#[derive(Debug)]
pub(super) struct Due {
    heartbeat_every: Duration,
    silence: Duration,
    stall: Duration,
    reauth_before: Duration,
    grace: Duration,
    heartbeat: Instant,
    heard: Instant,
    reauth: Option<Instant>,
    end: Instant,
}

impl Due {
    pub(super) fn new(door: &Door, claims: &AccessClaims, now: Instant) -> Self {
        let settings = &door.settings;
        let mut due = Self {
            heartbeat_every: settings.heartbeat,
            silence: settings.silence,
            stall: settings.stall,
            reauth_before: settings.reauth_before,
            grace: settings.expiry_grace,
            heartbeat: now,
            heard: now,
            reauth: None,
            end: now,
        };
        due.heartbeat = now + due.beat();
        due.renewed(claims, door.chat.now(), now);
        due
    }

    /// A beat of ± 10 %, so that sockets that came together do not beat together.
    fn beat(&self) -> Duration {
        self.heartbeat_every.mul_f64(rand::rng().random_range(0.9..=1.1))
    }

    /// A token with these claims holds from now on.
    pub(super) fn renewed(&mut self, claims: &AccessClaims, wall: Timestamp, now: Instant) {
        let left = Duration::from_millis(claims.expires_at.millis_since(wall));
        self.end = now + left + self.grace;
        self.reauth = Some(now + left.saturating_sub(self.reauth_before));
    }

    /// Something came from the client.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// The next moment worth waking for.
    pub(super) fn next(&self, outbox: &Outbox) -> Instant {
        // Pushes do not wake this loop, so a stall is looked for at a quarter of its time.
        let stall = outbox.last_progress().map_or(Instant::now() + self.stall / 4, |at| at + self.stall);
        let times = [self.heartbeat, self.heard + self.silence, self.end, stall];
        let soonest = times.into_iter().chain(self.reauth).min();
        soonest.unwrap_or(self.heartbeat)
    }

    /// Whether the socket must end now.
    pub(super) fn check(&self, now: Instant, outbox: &Outbox) -> Result<(), End> {
        if now >= self.end {
            return Err(End::EXPIRED);
        }
        if outbox.last_progress().is_some_and(|at| now >= at + self.stall) {
            return Err(End::STALLED);
        }
        if now >= self.heard + self.silence {
            return Err(End::SILENT);
        }
        Ok(())
    }

    /// Whether a heartbeat is due; the next one is set then.
    pub(super) fn take_heartbeat(&mut self, now: Instant) -> bool {
        let due = now >= self.heartbeat;
        if due {
            self.heartbeat = now + self.beat();
        }
        due
    }

    /// Whether to say `reauth`; once for each token.
    pub(super) fn take_reauth(&mut self, now: Instant) -> bool {
        let due = self.reauth.is_some_and(|at| now >= at);
        if due {
            self.reauth = None;
        }
        due
    }
}
