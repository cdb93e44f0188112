//! Secrets: access tokens (JWT) and passwords (bcrypt).
//!
//! Implements the ports of `chat_domain::ports::secrets`. Knows algorithms and nothing else: not where a key or a hash
//! is kept, not who asks, not what time it is (callers say).

mod claims;
mod keys;
mod passwords;
mod pool;
mod randomness;
mod tokens;
mod work;

pub use keys::{KeysRefused, SigningKeys};
pub use passwords::{BcryptPasswords, HashLimits, PasswordsRefused};
pub use tokens::{JwtTokens, TokensRefused};
