//! Ports for secrets: access tokens, passwords, and the random strings that are stored hashed.

use async_trait::async_trait;

use crate::{
    ids::{SessionId, UserId},
    timestamp::Timestamp,
    words::Password,
};

/// A text nobody may print. `Debug` shows `[redacted]`; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes hold of a secret text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that hands it out or checks it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The SHA-256 of a random secret of at least 128 bits: all that a store ever sees of it (security R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

/// What a valid access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`.
    pub user: UserId,
    /// `sid`.
    pub session: SessionId,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// Why an access token does not open the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Not one of ours, tampered with, of another kind, or missing a claim.
    #[error("the access token is not valid")]
    Invalid,
    /// Was ours, and is past `exp` and the leeway.
    #[error("the access token has expired")]
    Expired,
}

/// No hash could be computed in time: the queue is full, or the wait was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Busy {
    /// When to try again, in milliseconds.
    pub retry_ms: u64,
}

/// Signs and checks access tokens, and makes the random secrets that are stored hashed.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Tokens: Send + Sync {
    /// A signed token for this session, issued at `now`; it expires `access_ttl` later.
    fn issue(&self, user: UserId, session: SessionId, now: Timestamp) -> Secret;

    /// What the token says, when it is one of ours and `now` is not past its end by more than the leeway (5 s).
    ///
    /// # Errors
    /// [`TokenRefused`]; everything but a true, expired token is `Invalid`.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenRefused>;

    /// How long an access token lives, in seconds.
    fn access_ttl_s(&self) -> u64;

    /// A fresh random secret of 256 bits, URL-safe: refresh tokens, invite codes, webhook secrets.
    fn fresh_secret(&self) -> Secret;

    /// The SHA-256 of a secret, as stores keep it.
    fn digest(&self, secret: &str) -> Digest;
}

/// A stored password hash with its algorithm's tag (PHC or modular crypt format).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What a check of a password found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordVerdict {
    /// Not this password, or there was no hash to compare with.
    Wrong,
    /// This password.
    Right,
    /// This password, but the hash is weaker than the present setting: hash again and store.
    RightButWeak,
}

/// Hashes and checks passwords: slow on purpose, so bounded in number and kept off the threads that serve sockets.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// The hash of a password, salted, at the configured cost.
    ///
    /// # Errors
    /// [`Busy`] at once when the queue is full.
    async fn hash(&self, password: Password) -> Result<PasswordHash, Busy>;

    /// Compares; without a stored hash it spends the same time on a dummy one and answers `Wrong` (security A1).
    ///
    /// # Errors
    /// [`Busy`] at once when the queue is full.
    async fn verify(&self, password: Password, stored: Option<PasswordHash>) -> Result<PasswordVerdict, Busy>;
}
