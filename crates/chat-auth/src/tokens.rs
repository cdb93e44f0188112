//! Access tokens: HS256 JWTs that say who and which session, checked without a database.
//!
//! The library signs and verifies; what a token must contain and when it holds is decided in `claims`, on the caller's
//! clock. A check costs about 2 µs, so nothing is cached, and a revoked session needs no cache to be emptied.

use chat_domain::{
    ids::{SessionId, UserId},
    ports::{AccessClaims, Digest, Secret, TokenRefused, Tokens},
    timestamp::Timestamp,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{claims::Claims, keys::SigningKeys, randomness};

/// `typ` of an access token (RFC 9068 §2.1): a token made for another purpose with the same key opens nothing.
const TYPE: &str = "at+jwt";
/// Bytes of a random secret: 256 bits, so that a plain SHA-256 of it can't be reversed by guessing (security R3).
const SECRET_BYTES: usize = 32;

/// [`Tokens`] by HMAC-SHA-256 over an ordered list of keys.
pub struct JwtTokens {
    header: Header,
    signing: EncodingKey,
    verifying: Vec<(String, DecodingKey)>,
    rules: Validation,
    access_ttl_s: u64,
}

/// Why tokens can't be made with these keys.
#[derive(Debug, thiserror::Error)]
pub enum TokensRefused {
    /// The trial token could not be signed.
    #[error("signing a trial token failed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// The trial token did not come back as it went out.
    #[error("checking a trial token failed: {0}")]
    Verify(#[from] TokenRefused),
}

impl JwtTokens {
    /// Takes the keys and the life of an access token in seconds, and signs and checks one token, so that a broken
    /// set-up shows at start and not at the first sign-in.
    ///
    /// # Errors
    /// [`TokensRefused`] when that trial fails.
    pub fn new(keys: &SigningKeys, access_ttl_s: u64) -> Result<Self, TokensRefused> {
        let verifying: Vec<_> =
            keys.as_slice().iter().map(|key| (key.kid.clone(), DecodingKey::from_secret(&key.secret))).collect();
        let first = keys.as_slice().first();
        let tokens = Self {
            header: Header {
                typ: Some(TYPE.to_owned()),
                kid: first.map(|key| key.kid.clone()),
                ..Header::new(Algorithm::HS256)
            },
            signing: EncodingKey::from_secret(first.map_or(&[], |key| key.secret.as_slice())),
            verifying,
            rules: signature_only(),
            access_ttl_s: access_ttl_s.max(1),
        };
        let now = Timestamp::default();
        let trial = tokens.sign(&Claims::new(UserId(Uuid::nil()), SessionId(Uuid::nil()), now, 1))?;
        tokens.verify(&trial, now)?;
        Ok(tokens)
    }

    fn sign(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        encode(&self.header, claims, &self.signing)
    }

    /// The key that the token names, if the header is one of ours. RFC 7515 §4.1.11: an extension marked critical
    /// that we don't know makes the token invalid; we know none.
    fn key_of(&self, token: &str) -> Option<&DecodingKey> {
        let header = decode_header(token).ok()?;
        let ours = header.alg == Algorithm::HS256 && header.typ.as_deref() == Some(TYPE) && header.crit.is_none();
        let kid = header.kid.filter(|_| ours)?;
        self.verifying.iter().find(|(known, _)| *known == kid).map(|(_, key)| key)
    }
}

impl Tokens for JwtTokens {
    #[expect(clippy::expect_used, reason = "the same call succeeded in `new`; a string and numbers always serialise")]
    fn issue(&self, user: UserId, session: SessionId, now: Timestamp) -> Secret {
        let claims = Claims::new(user, session, now, self.access_ttl_s);
        Secret::new(self.sign(&claims).expect("a token can be signed"))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenRefused> {
        let key = self.key_of(token).ok_or(TokenRefused::Invalid)?;
        let data = decode::<Claims>(token, key, &self.rules).map_err(|_| TokenRefused::Invalid)?;
        data.claims.check(now)
    }

    fn access_ttl_s(&self) -> u64 {
        self.access_ttl_s
    }

    fn fresh_secret(&self) -> Secret {
        Secret::new(randomness::text::<SECRET_BYTES>())
    }

    fn digest(&self, secret: &str) -> Digest {
        Digest(Sha256::digest(secret.as_bytes()).into())
    }
}

impl std::fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.verifying.iter().map(|(kid, _)| kid).collect();
        f.debug_struct("JwtTokens")
            .field("keys", &names)
            .field("access_ttl_s", &self.access_ttl_s)
            .finish_non_exhaustive()
    }
}

/// The library's own claim checks off: they skip what they can't parse and read the machine's clock.
fn signature_only() -> Validation {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    rules
}
