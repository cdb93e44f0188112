//! How a socket ends: who ended it, with which code, and what is said before.

use std::time::Duration;

use chat_hub::{Signal, outbox::Outbox, wsframe};

use super::{
    answers,
    frames::Bye,
    transport::{Inbound, Incoming, Violation},
};

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed it, with this code.
    Client(Option<u16>),
    /// The connection is gone.
    Gone,
    /// The client broke the protocol or a limit of the transport.
    Violation(Violation),
    /// A binary message: close 1003.
    Binary,
    /// The server closes it, and says why.
    Server(Bye),
}

/// A close of ours that the client may come back from, or not.
const fn bye(code: u16, reason: &'static str, reconnect: bool) -> End {
    End::Server(Bye { code, reason, reconnect, retry_ms: None })
}

impl End {
    /// 4400: not JSON, no known shape, or too many bad requests.
    pub(super) const NONSENSE: Self = bye(4400, "bad_request", false);
    /// 4401: no, invalid or expired token.
    pub(super) const UNAUTHENTICATED: Self = bye(4401, "unauthenticated", true);
    /// 4401: the token ran out and was not renewed.
    pub(super) const EXPIRED: Self = bye(4401, "token_expired", true);
    /// 4403: the session was revoked.
    pub(super) const REVOKED: Self = bye(4403, "session_revoked", false);
    /// 4408: no `auth` in time.
    pub(super) const NO_AUTH: Self = bye(4408, "auth_timeout", true);
    /// 4410: writes make no progress.
    pub(super) const STALLED: Self = bye(4410, "slow", true);
    /// 4411: nothing was heard.
    pub(super) const SILENT: Self = bye(4411, "silent", true);
    /// 4429: the frame rate was grossly exceeded. Wait at least ten seconds.
    pub(super) const FLOOD: Self =
        End::Server(Bye { code: 4429, reason: "rate_limited", reconnect: true, retry_ms: Some(10_000) });

    /// A fault of the server: 1013 with patience when it is an outage.
    pub(super) fn overload(retry_ms: u64) -> Self {
        Self::Server(Bye { code: 1013, reason: "unavailable", reconnect: true, retry_ms: Some(retry_ms) })
    }

    /// What an incoming that is no message means; `None` for messages, pings and pongs.
    pub(super) fn of(incoming: &Incoming) -> Option<Self> {
        match incoming {
            Incoming::Close(code) => Some(Self::Client(*code)),
            Incoming::Violation(violation) => Some(Self::Violation(*violation)),
            Incoming::Gone => Some(Self::Gone),
            Incoming::Binary(_) => Some(Self::Binary),
            Incoming::Text(_) | Incoming::Ping(_) | Incoming::Pong => None,
        }
    }

    /// What the hub asks for.
    pub(super) fn asked(signal: Signal) -> Self {
        match signal {
            Signal::Close { code, reason, reconnect, retry_ms } => {
                Self::Server(Bye { code, reason, reconnect, retry_ms })
            }
        }
    }

    /// The code for metrics; 1006 stands for a connection that just went (RFC 6455 §7.1.5).
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Client(code) => code.unwrap_or(1005),
            Self::Gone => 1006,
            Self::Violation(violation) => violation.close_code(),
            Self::Binary => 1003,
            Self::Server(bye) => bye.code,
        }
    }

    /// Says what is to be said and closes.
    pub(super) async fn carry_out(self, inbound: Inbound, outbox: &Outbox) {
        metrics::counter!("chat_websocket_closes_total", "code" => close_label(self.code())).increment(1);
        let sent = match self {
            Self::Gone => {
                outbox.abort();
                return;
            }
            Self::Client(Some(code)) => outbox.push_reply(wsframe::close(code, "")),
            Self::Client(None) => outbox.push_reply(wsframe::close_without_code()),
            Self::Violation(violation) => {
                tracing::info!(%violation, code = violation.close_code(), "a client broke the protocol");
                outbox.push_reply(wsframe::close(violation.close_code(), ""))
            }
            Self::Binary => outbox.push_reply(wsframe::close(1003, "text only")),
            Self::Server(bye) => {
                answers::bye(outbox, bye);
                Ok(())
            }
        };
        if sent.is_err() {
            outbox.abort();
        }
        inbound.finish(outbox).await;
        // A reader that stopped does not keep what is queued for it; the kernel ends the connection itself.
        if tokio::time::timeout(LAST_WORDS, outbox.closed()).await.is_err() {
            outbox.abort();
        }
    }
}

/// How long what is queued may take to leave once the socket has ended.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// The codes that are counted by themselves: those of RFC 6455 and its registry, and ours.
const CLOSE_CODES: [u16; 21] = [
    1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 4400, 4401, 4403, 4408, 4409, 4410,
    4411, 4429,
];
/// All others: codes that clients choose freely must not make metric series.
const OTHER: &str = "other";

fn close_label(code: u16) -> String {
    if CLOSE_CODES.contains(&code) { code.to_string() } else { OTHER.to_owned() }
}

/// Every value of the label `code` of closes.
pub(crate) fn close_labels() -> impl Iterator<Item = String> {
    CLOSE_CODES.iter().map(u16::to_string).chain([OTHER.to_owned()])
}
