//! Tokens and passwords: `auth.*`.

use serde::{Deserialize, Serialize};

use super::{Hidden, SettingsError, Store, StoreUrl, section::section};

section! {
    /// Tokens and passwords.
    Auth in "auth" {
        /// Keys of access tokens, `kid:base64,…` of at least 32 bytes each; the first signs, all verify. Empty = see `auth.secret_file`.
        secret: Hidden = Hidden::default();
        /// File that holds what `auth.secret` would, readable by its owner only. Both empty = made once beside an embedded store; with PostgreSQL one of them is required.
        secret_file: String = String::new();
        /// Seconds that an access token lives.
        access_ttl_s: u64 = 900, within 1..=86_400;
        /// Seconds that a refresh token lives.
        refresh_ttl_s: u64 = 2_592_000, within 1..=31_536_000;
        /// bcrypt's cost: 2^cost rounds, 240 ms at 12; below 10 only with `auth.allow_weak_hash`.
        bcrypt_cost: u32 = 12, within 4..=16;
        /// Allows a cost below 10: for tests.
        allow_weak_hash: bool = false;
        /// Whether strangers may register: `open` or `closed`.
        registration: Registration = Registration::Open;
        /// Passwords hashed at a time; 0 = one per core.
        hash_threads: usize = 0, within 0..=256;
        /// Passwords that may wait for a hashing thread; above it sign-in answers 503.
        hash_queue: usize = 64, within 1..=10_000;
        /// Seconds that a sign-in waits for its hash, at most.
        hash_wait_seconds: u64 = 5, within 1..=60;
    }
}

/// Whether strangers may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Anybody.
    Open,
    /// Nobody.
    Closed,
}

/// The least cost that guards against a stolen database (OWASP password storage cheat sheet).
const MIN_STRONG_COST: u32 = 10;

impl Auth {
    pub(super) fn check_together(&self) -> Result<(), SettingsError> {
        if self.bcrypt_cost < MIN_STRONG_COST && !self.allow_weak_hash {
            let detail = format!(
                "{} is below {MIN_STRONG_COST}, which needs auth.allow_weak_hash = true (tests only)",
                self.bcrypt_cost
            );
            return Err(SettingsError::wrong("auth.bcrypt_cost", detail));
        }
        if self.secret.expose().is_some() && !self.secret_file.is_empty() {
            return Err(SettingsError::wrong("auth.secret_file", "is set beside auth.secret; give one of them"));
        }
        Ok(())
    }

    /// Nodes that share a record share the keys, too: what one signs, the others verify.
    pub(super) fn check_with(&self, store: &Store) -> Result<(), SettingsError> {
        let is_given = self.secret.expose().is_some() || !self.secret_file.is_empty();
        match &store.url {
            StoreUrl::Postgres(_) if !is_given => {
                let detail = "a PostgreSQL store is shared by nodes, and so are the keys: set it, or auth.secret_file";
                Err(SettingsError::wrong("auth.secret", detail))
            }
            StoreUrl::Postgres(_) | StoreUrl::Sqlite(_) | StoreUrl::Memory => Ok(()),
        }
    }
}
