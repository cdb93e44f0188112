//! The first frame: a socket nobody knows yet becomes, by value, the socket of a user, or ends.

use chat_domain::{ports::AccessClaims, refusal::Refusal};
use chat_hub::{Identity, Ready as Welcome, Shard, Socket, outbox::Outbox, wsframe};
use tokio::time::{Instant, timeout_at};
use tracing::Span;

use super::{
    Door,
    admission::Permit,
    answers,
    ending::End,
    frames::{ClientFrame, Ready, ServerFrame},
    timer::Work,
    trace::ConnectionId,
    transport::{Inbound, Incoming},
};
use crate::{json, problem::ErrorCode};

/// A socket that may say nothing but `auth`.
pub(super) struct Unidentified {
    pub(super) door: Door,
    pub(super) shard: Shard,
    pub(super) inbound: Inbound,
    pub(super) outbox: Outbox,
    pub(super) permit: Permit,
    pub(super) connection: ConnectionId,
}

/// A socket whose user and session are known.
pub(super) struct Identified {
    pub(super) door: Door,
    pub(super) inbound: Inbound,
    pub(super) outbox: Outbox,
    pub(super) permit: Permit,
    pub(super) socket: Socket,
    pub(super) claims: AccessClaims,
    pub(super) connection: ConnectionId,
}

impl Unidentified {
    /// Waits for `auth`; a socket that ends here was never anybody's.
    ///
    /// # Errors
    /// How it ended.
    pub(super) async fn identify(mut self) -> Result<Identified, End> {
        let deadline = Instant::now() + self.door.settings.auth_within;
        let heard = match timeout_at(deadline, self.greeting()).await {
            Ok(heard) => heard,
            Err(_) => Err(End::NO_AUTH),
        };
        match heard {
            Ok((socket, claims)) => {
                self.permit.identified();
                let Self { door, inbound, outbox, permit, connection, .. } = self;
                Ok(Identified { door, inbound, outbox, permit, socket, claims, connection })
            }
            Err(end) => {
                end.carry_out(self.inbound, &self.outbox).await;
                Err(end)
            }
        }
    }

    async fn greeting(&mut self) -> Result<(Socket, AccessClaims), End> {
        loop {
            let Some(incoming) = self.inbound.next().await else { return Err(End::Gone) };
            if let Some(end) = End::of(&incoming) {
                return Err(end);
            }
            match incoming {
                Incoming::Text(text) => return self.first_frame(&text, Instant::now()).await,
                Incoming::Ping(payload) => {
                    self.outbox.push_reply(wsframe::pong(&payload)).map_err(|_| End::Gone)?;
                }
                Incoming::Pong | Incoming::Binary(_) | Incoming::Close(_) | Incoming::Violation(_) | Incoming::Gone => {
                }
            }
        }
    }

    async fn first_frame(&mut self, text: &str, now: Instant) -> Result<(Socket, AccessClaims), End> {
        let value = json::parse_object(text.as_bytes()).map_err(|_| End::NONSENSE)?;
        let id = value.get("id").and_then(serde_json::Value::as_i64);
        let Ok(ClientFrame::Auth(auth)) = serde_json::from_value(value) else {
            answers::fail(&self.outbox, id, ErrorCode::Unauthenticated, "the first frame must be auth", None);
            return Err(End::UNAUTHENTICATED);
        };
        let work = Work::on("auth", Span::none(), now);
        let welcomed = match self.welcome(&auth.token).await {
            Ok((socket, welcome, claims)) => {
                self.say_ready(auth.id, &welcome, &claims);
                Ok((socket, claims))
            }
            Err(refusal) => {
                let end = end_of(&refusal);
                answers::refuse(&self.outbox, Some(auth.id), refusal);
                Err(end)
            }
        };
        work.done();
        welcomed
    }

    async fn welcome(&self, token: &str) -> Result<(Socket, Welcome, AccessClaims), Refusal> {
        let claims = self.door.chat.authenticate(token)?;
        let identity = Identity { user: claims.user, session: claims.session };
        let (socket, welcome) = self.shard.connect(identity, self.outbox.clone()).await?;
        Ok((socket, welcome, claims))
    }

    fn say_ready(&self, id: i64, welcome: &Welcome, claims: &AccessClaims) {
        let settings = &self.door.settings;
        let ready = Ready {
            id,
            user: &welcome.user,
            session: claims.session,
            node: &settings.node,
            expires_at: claims.expires_at,
            heartbeat_ms: u64::try_from(settings.heartbeat.as_millis()).unwrap_or(u64::MAX),
            seq: welcome.seq,
            limits: &settings.advertised,
        };
        answers::say(&self.outbox, &ServerFrame::Ready(ready));
    }
}

/// How a socket ends whose `auth` was refused.
fn end_of(refusal: &Refusal) -> End {
    match refusal {
        Refusal::SessionRevoked => End::REVOKED,
        Refusal::TokenExpired => End::EXPIRED,
        Refusal::Unavailable(cause) => End::overload(cause.retry_ms),
        Refusal::Unauthenticated
        | Refusal::NotFound
        | Refusal::Forbidden(_)
        | Refusal::Conflict(_)
        | Refusal::NonceConflict
        | Refusal::UsernameTaken
        | Refusal::Gone(_)
        | Refusal::PreconditionFailed { .. }
        | Refusal::InvalidField { .. }
        | Refusal::Muted { .. }
        | Refusal::SlowMode { .. }
        | Refusal::RateLimited { .. }
        | Refusal::ResetRequired { .. }
        | Refusal::BadCredentials
        | Refusal::WrongPassword
        | Refusal::RegistrationClosed => End::UNAUTHENTICATED,
    }
}
