//! What the hub wants of a socket's loop, and the way it hears of it.

use std::cell::Cell;

use tokio::sync::Notify;

/// What the hub wants of a socket's loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Say `bye` and close.
    Close {
        /// 4403, 4409 or 1012.
        code: u16,
        /// For `bye`.
        reason: &'static str,
        /// Whether the client should come back.
        reconnect: bool,
        /// When, in milliseconds.
        retry_ms: Option<u64>,
    },
}

impl Signal {
    /// The session ended.
    pub(crate) const REVOKED: Self =
        Self::Close { code: 4403, reason: "session_revoked", reconnect: false, retry_ms: None };

    /// Another socket of the same user came, one too many.
    pub(crate) const ONE_TOO_MANY: Self =
        Self::Close { code: 4409, reason: "too_many_sockets", reconnect: false, retry_ms: None };

    /// The node stops.
    pub(crate) const fn restart(retry_ms: u64) -> Self {
        Self::Close { code: 1012, reason: "restart", reconnect: true, retry_ms: Some(retry_ms) }
    }
}

/// Holds the first signal until the loop takes it: a socket is closed once, for the first reason.
#[derive(Debug, Default)]
pub(crate) struct SignalCell {
    signal: Cell<Option<Signal>>,
    raised: Notify,
}

impl SignalCell {
    pub(crate) fn raise(&self, signal: Signal) {
        if self.signal.get().is_none() {
            self.signal.set(Some(signal));
            self.raised.notify_one();
        }
    }

    /// Waits for ever when there is none. Losing the future loses nothing.
    pub(crate) async fn next(&self) -> Signal {
        loop {
            if let Some(signal) = self.signal.take() {
                return signal;
            }
            self.raised.notified().await;
        }
    }
}
