//! Why the house says no: a small closed list, so that the edge can map each to one code, one status, one close code.

use crate::{ids::Seq, objects::LogHead, words::Invalid};

/// The store, or the way to it, does not answer: nothing is known to have happened. Try again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unavailable: {reason}")]
pub struct Unavailable {
    /// For the log; never for a client.
    pub reason: String,
    /// When to try again, in milliseconds.
    pub retry_ms: u64,
}

impl Unavailable {
    /// With the usual second of patience.
    #[must_use]
    pub fn because(reason: impl std::fmt::Display) -> Self {
        Self { reason: reason.to_string(), retry_ms: 1_000 }
    }
}

/// Why a command, a question or a request is refused. Refused means: nothing changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No such thing, or none that this user may know of.
    #[error("not found")]
    NotFound,
    /// Known, but not allowed.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The state of things stands against it.
    #[error("{0}")]
    Conflict(&'static str),
    /// The nonce was used with other content.
    #[error("this nonce was used with other content")]
    NonceConflict,
    /// Somebody has, or had, this username.
    #[error("this username is taken")]
    UsernameTaken,
    /// It was here, and is deleted, spent or expired.
    #[error("{0}")]
    Gone(&'static str),
    /// `If-Match` names another revision.
    #[error("the object has changed: its revision is {rev}")]
    PreconditionFailed {
        /// The present revision.
        rev: Seq,
    },
    /// A well-shaped value that is not valid.
    #[error("{pointer} {reason}")]
    InvalidField {
        /// JSON pointer of the member (RFC 6901).
        pointer: &'static str,
        /// What is wrong with it.
        reason: Invalid,
    },
    /// Muted in this room.
    #[error("you are muted in this room")]
    Muted {
        /// Until the mute ends, in milliseconds.
        retry_ms: u64,
    },
    /// Slow mode: too early.
    #[error("slow mode is on in this room")]
    SlowMode {
        /// Until the next post is allowed, in milliseconds.
        retry_ms: u64,
    },
    /// Over a rate.
    #[error("too many requests")]
    RateLimited {
        /// Until the next is allowed, in milliseconds.
        retry_ms: u64,
    },
    /// The cursor can't be served.
    #[error("the cursor cannot be served")]
    ResetRequired {
        /// Why.
        reason: ResetReason,
        /// Where the log stands.
        log: LogHead,
    },
    /// Nobody is signed in, or the credential is not good.
    #[error("not signed in")]
    Unauthenticated,
    /// The access token is past its end.
    #[error("the access token has expired")]
    TokenExpired,
    /// The session was ended.
    #[error("the session was revoked")]
    SessionRevoked,
    /// Wrong name or password; which one is not told.
    #[error("wrong username or password")]
    BadCredentials,
    /// A wrong password where one's own was asked for again.
    #[error("wrong password")]
    WrongPassword,
    /// Nobody may register here.
    #[error("registration is closed")]
    RegistrationClosed,
    /// See [`Unavailable`].
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Refusal {
    /// A member whose value is not valid.
    #[must_use]
    pub fn invalid(pointer: &'static str, reason: Invalid) -> Self {
        Self::InvalidField { pointer, reason }
    }
}

/// Why a client must load a room anew instead of catching up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    /// The cursor is of another history.
    Epoch,
    /// The cursor is beyond the head.
    Ahead,
    /// More objects changed than are worth sending.
    TooFar,
    /// The changes after the cursor were purged.
    Purged,
}
