//! What an access token says, and whether that holds at a given moment.
//!
//! RFC 9068 (JWT profile for access tokens) with every claim required and typed: the library skips a claim it can't
//! read, so all checks are done here, on the caller's clock. Knows nothing of keys and signatures.

use chat_domain::{
    ids::{SessionId, UserId},
    ports::{AccessClaims, TokenRefused},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::randomness;

/// `iss` and the check of it: tokens of another product signed with a shared key are not ours.
pub(crate) const ISSUER: &str = "realtime-chat";
/// `aud`: the API that the token opens.
pub(crate) const AUDIENCE: &str = "realtime-chat/v1";
/// How far two nodes' clocks may differ (security J4).
const LEEWAY_MS: i64 = 5_000;

/// The payload as it is on the wire. Times are whole seconds (RFC 7519 NumericDate). A missing claim, one of another
/// type or one given twice fails to deserialise; unknown claims are ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    jti: String,
    iat: u64,
    nbf: u64,
    exp: u64,
}

impl Claims {
    /// A token for `session`, valid from `now` (cut to the second) for `ttl_s` seconds.
    pub(crate) fn new(user: UserId, session: SessionId, now: Timestamp, ttl_s: u64) -> Self {
        let now_s = u64::try_from(now.as_millis() / 1_000).unwrap_or(0);
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_string(),
            sid: session.to_string(),
            jti: randomness::text::<16>(),
            iat: now_s,
            nbf: now_s,
            exp: now_s.saturating_add(ttl_s),
        }
    }

    /// The token's meaning at `now`. Expiry is judged last, so that `Expired` is said of a token that was true.
    pub(crate) fn check(&self, now: Timestamp) -> Result<AccessClaims, TokenRefused> {
        let ours = self.iss == ISSUER && self.aud == AUDIENCE && !self.jti.is_empty();
        let user = UserId::parse(&self.sub).filter(|_| ours).ok_or(TokenRefused::Invalid)?;
        let session = SessionId::parse(&self.sid).ok_or(TokenRefused::Invalid)?;
        let (issued_at, not_before, expires_at) = (moment(self.iat)?, moment(self.nbf)?, moment(self.exp)?);

        let horizon = now.plus_millis(LEEWAY_MS);
        if issued_at > horizon || not_before > horizon || expires_at <= issued_at || expires_at <= not_before {
            return Err(TokenRefused::Invalid);
        }
        if now > expires_at.plus_millis(LEEWAY_MS) {
            return Err(TokenRefused::Expired);
        }
        Ok(AccessClaims { user, session, issued_at, expires_at })
    }
}

/// The moment of a NumericDate; one that no calendar has is a forgery.
fn moment(seconds: u64) -> Result<Timestamp, TokenRefused> {
    let millis = i64::try_from(seconds).ok().and_then(|s| s.checked_mul(1_000)).ok_or(TokenRefused::Invalid)?;
    let at = Timestamp::from_millis(millis);
    if at.as_millis() == millis { Ok(at) } else { Err(TokenRefused::Invalid) }
}
