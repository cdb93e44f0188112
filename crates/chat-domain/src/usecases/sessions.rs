//! Sessions: sign in, refresh, look at them, sign out.

use super::{Chat, accounts::busy};
use crate::{
    ids::{SessionId, UserId},
    limits::Rate,
    objects::{Session, User},
    pages::{Page, PageOf},
    ports::{AccessClaims, NewSession, PasswordHash, PasswordVerdict, Rotation, Secret, TokenRefused},
    refusal::Refusal,
    timestamp::Timestamp,
    words::{Device, Password, Username},
};

/// Somebody wants in.
#[derive(Clone)]
pub struct SignIn {
    /// As typed.
    pub username: String,
    /// As typed.
    pub password: Secret,
    /// What the device is called.
    pub device: Option<Device>,
}

/// What a sign-in or a refresh grants.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// For `Authorization: Bearer` and for the `auth` frame.
    pub access_token: Secret,
    /// Seconds.
    pub expires_in: u64,
    /// For the next refresh; good once.
    pub refresh_token: Secret,
    /// Which session.
    pub session: SessionId,
    /// Oneself.
    pub user: User,
}

impl Chat {
    /// Signs somebody in. Every wrong pair costs one hash and gets the same answer (security A1).
    ///
    /// # Errors
    /// `RateLimited`, `BadCredentials`, `Unavailable`.
    pub async fn sign_in(&self, address: &str, attempt: SignIn) -> Result<Grant, Refusal> {
        let name = attempt.username.to_ascii_lowercase();
        let by_name = Rate::SignInsFor(name.chars().take(Username::MAX + 1).collect());
        self.count(&Rate::SignInsFrom(address.to_owned()))?;
        self.count(&by_name)?;
        let name = Username::parse(&name).ok();
        let mut opened = Err(Refusal::NotFound);
        // The stored hash may be replaced while this one is computed: by a better one of the same password, or of another.
        for _ in 0..2 {
            let (user, password, stored, verdict) = self.check(name.as_ref(), &attempt.password).await?;
            self.ports.rates.forgive(&by_name);
            opened = self.open_session(user, stored.clone(), attempt.device.clone()).await;
            if let (Ok(grant), PasswordVerdict::RightButWeak) = (&opened, verdict) {
                self.rehash(grant.user.id, password, stored).await;
            }
            if opened != Err(Refusal::NotFound) {
                break;
            }
        }
        opened.map_err(|refusal| if refusal == Refusal::NotFound { Refusal::BadCredentials } else { refusal })
    }

    /// The user of that name and password, and the stored hash that says so.
    async fn check(
        &self,
        name: Option<&Username>,
        typed: &Secret,
    ) -> Result<(User, Password, PasswordHash, PasswordVerdict), Refusal> {
        let known = match name {
            Some(name) => self.ports.accounts.credentials(name).await?,
            None => None,
        };
        // What could never be a password still costs a hash: of a text that could.
        let possible = Password::attempt(typed.expose());
        let known = known.filter(|_| possible.is_some());
        let password = possible.or_else(|| Password::attempt("impossible")).ok_or(Refusal::BadCredentials)?;
        let stored = known.as_ref().map(|(_, hash)| hash.clone());
        let verdict = self.ports.passwords.verify(password.clone(), stored).await.map_err(busy)?;
        match known {
            Some((user, stored)) if verdict != PasswordVerdict::Wrong => Ok((user, password, stored, verdict)),
            Some(_) | None => Err(Refusal::BadCredentials),
        }
    }

    /// A hash below the configured cost is replaced when its password is at hand; failing that is no reason to refuse.
    async fn rehash(&self, user: UserId, password: Password, old: PasswordHash) {
        if let Ok(new) = self.ports.passwords.hash(password).await {
            let _again_next_time = self.ports.accounts.rehash(user, old, new).await;
        }
    }

    async fn open_session(&self, user: User, password: PasswordHash, device: Option<Device>) -> Result<Grant, Refusal> {
        let now = self.now();
        let refresh = self.ports.tokens.fresh_secret();
        let session = NewSession {
            id: SessionId(self.ports.clock.fresh_id()),
            user: user.id,
            password,
            device,
            refresh: self.ports.tokens.digest(refresh.expose()),
            at: now,
            expires_at: self.refresh_end(now),
        };
        let id = session.id;
        self.ports.sessions.open(session).await?;
        Ok(self.grant(user, id, refresh, now))
    }

    fn refresh_end(&self, now: Timestamp) -> Timestamp {
        let ttl = i64::try_from(self.limits.refresh_ttl_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
        now.plus_millis(ttl)
    }

    fn grant(&self, user: User, session: SessionId, refresh_token: Secret, now: Timestamp) -> Grant {
        let tokens = &self.ports.tokens;
        let access_token = tokens.issue(user.id, session, now);
        Grant { access_token, expires_in: tokens.access_ttl_s(), refresh_token, session, user }
    }

    /// Presents a refresh token for a successor.
    ///
    /// # Errors
    /// `Unauthenticated`, `SessionRevoked` (a token used twice ends the session), `Unavailable`.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Grant, Refusal> {
        let now = self.now();
        let successor = self.ports.tokens.fresh_secret();
        let presented = self.ports.tokens.digest(refresh_token);
        let next = self.ports.tokens.digest(successor.expose());
        match self.ports.sessions.rotate(presented, next, now, self.refresh_end(now)).await? {
            Rotation::Rotated { user, session } => Ok(self.grant(user, session, successor, now)),
            Rotation::Reused { session, .. } => {
                self.ports.journal.end_sessions(&[session]);
                Err(Refusal::SessionRevoked)
            }
            Rotation::Ended => Err(Refusal::SessionRevoked),
            Rotation::Unknown => Err(Refusal::Unauthenticated),
        }
    }

    /// What an access token says, when it is good and its session has not ended.
    ///
    /// # Errors
    /// `Unauthenticated`, `TokenExpired`, `SessionRevoked`.
    pub fn authenticate(&self, access_token: &str) -> Result<AccessClaims, Refusal> {
        let claims = self.ports.tokens.verify(access_token, self.now()).map_err(|refused| match refused {
            TokenRefused::Invalid => Refusal::Unauthenticated,
            TokenRefused::Expired => Refusal::TokenExpired,
        })?;
        if self.ports.journal.has_ended(claims.session) { Err(Refusal::SessionRevoked) } else { Ok(claims) }
    }

    /// One's own sessions.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn sessions(
        &self,
        claims: AccessClaims,
        page: PageOf<SessionId>,
    ) -> Result<Page<Session, SessionId>, Refusal> {
        let mut page = self.ports.sessions.list(claims.user, self.now(), page).await?;
        for session in &mut page.items {
            session.current = session.id == claims.session;
        }
        Ok(page)
    }

    /// Signs one session out.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), Refusal> {
        self.ports.sessions.end(user, session, self.now()).await?;
        self.ports.journal.end_sessions(&[session]);
        Ok(())
    }

    /// Signs all sessions out but the one that asks.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn end_other_sessions(&self, claims: AccessClaims) -> Result<(), Refusal> {
        let ended = self.ports.sessions.end_others(claims.user, claims.session, self.now()).await?;
        self.ports.journal.end_sessions(&ended);
        Ok(())
    }
}
