//! Sessions: sign in, refresh, look at them, sign out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::Data,
};
use chat_domain::{
    ids::SessionId,
    objects::{Session, User},
    ports::Secret,
    refusal::Refusal,
    usecases::{Chat, Grant, SignIn},
    words::Device,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Body, FromJson, OneSession, Query, Signed},
    reply,
};
use crate::{
    address::address_of,
    json::{FieldError, Fields, string, word},
    metrics::count_sign_in_failure,
    problem::{Answered, ErrorCode},
};

const SESSIONS: &str = "/api/v1/sessions";

pub(super) fn endpoints() -> [Endpoint; 5] {
    use ErrorCode::{BadCredentials, NotFound, RateLimited, SessionRevoked, Unauthenticated, Unavailable};
    [
        Endpoint::new((Method::POST, SESSIONS), "sign_in", Who::Anyone, "Signs in", sign_in)
            .takes::<Credentials>()
            .gives::<Tokens>(201)
            .refuses(&[BadCredentials, RateLimited, Unavailable]),
        Endpoint::new(
            (Method::POST, "/api/v1/sessions/refresh"),
            "refresh",
            Who::Anyone,
            "Presents a refresh token for a new pair of tokens",
            refresh,
        )
        .takes::<Refresh>()
        .gives::<Tokens>(200)
        .refuses(&[Unauthenticated, SessionRevoked, Unavailable]),
        Endpoint::new((Method::GET, SESSIONS), "sessions", Who::User, "One's own sessions", list).pages::<Session>(),
        Endpoint::new(
            (Method::DELETE, SESSIONS),
            "end_other_sessions",
            Who::User,
            "Ends all sessions but this",
            end_others,
        )
        .empty(204),
        Endpoint::new(
            (Method::DELETE, "/api/v1/sessions/{id}"),
            "end_session",
            Who::User,
            "Ends a session; `current` is the one that asks",
            end,
        )
        .empty(204)
        .refuses(&[NotFound]),
    ]
}

/// Somebody who wants in.
#[derive(ToSchema)]
struct Credentials {
    /// As registered, in any case.
    username: String,
    /// Theirs.
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// What the device is called.
    device: Option<Device>,
}

impl FromJson for Credentials {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let username = fields.need("username", string);
        let password = fields.need("password", string);
        let device = fields.may("device", word(Device::parse));
        let secret = |text: &str| Secret::new(text.to_owned());
        fields.finish(|| Some(Self { username: username?.to_owned(), password: secret(password?), device }))
    }
}

/// What a sign-in or a refresh grants.
#[derive(Serialize, ToSchema)]
struct Tokens<'a> {
    /// For `Authorization: Bearer` and for the `auth` frame.
    access_token: &'a str,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    /// For the next refresh; good once.
    refresh_token: &'a str,
    /// Which session.
    session: SessionId,
    /// Oneself.
    user: &'a User,
}

/// Tokens are kept by nobody on the way (RFC 6749 §5.1).
fn tokens(status: StatusCode, grant: &Grant) -> HttpResponse {
    let tokens = Tokens {
        access_token: grant.access_token.expose(),
        token_type: "Bearer",
        expires_in: grant.expires_in,
        refresh_token: grant.refresh_token.expose(),
        session: grant.session,
        user: &grant.user,
    };
    HttpResponse::build(status).insert_header((header::CACHE_CONTROL, "no-store")).json(tokens)
}

async fn sign_in(web: Data<Web>, request: HttpRequest, Body(credentials): Body<Credentials>) -> Answered {
    let Credentials { username, password, device } = credentials;
    let attempt = SignIn { username, password, device };
    let signed_in = web.chat.sign_in(&address_of(&request, &web.settings), attempt).await;
    let grant = signed_in.inspect_err(|refusal| count_sign_in_failure(ErrorCode::of(refusal).as_str()))?;
    Ok(tokens(StatusCode::CREATED, &grant))
}

/// A refresh token.
#[derive(ToSchema)]
struct Refresh {
    /// The newest one.
    #[schema(value_type = String)]
    refresh_token: Secret,
}

impl FromJson for Refresh {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let token = fields.need("refresh_token", string);
        fields.finish(|| Some(Self { refresh_token: Secret::new(token?.to_owned()) }))
    }
}

async fn refresh(web: Data<Web>, Body(body): Body<Refresh>) -> Answered {
    let granted = web.chat.refresh(body.refresh_token.expose()).await;
    if granted.as_ref().is_err_and(|refusal| *refusal == Refusal::SessionRevoked) {
        // For the audit (security R2); which session it was, the hub's line beside this one tells when it ends by it.
        tracing::warn!("a refresh token was presented after its successor was used, or after its session's end");
    }
    let grant = granted?;
    Ok(tokens(StatusCode::OK, &grant))
}

async fn list(web: Data<Web>, who: Signed, query: Query) -> Answered {
    let asked = query.page("sessions")?;
    reply::page(&asked.list, web.chat.sessions(who.claims, asked.page).await?)
}

async fn end(web: Data<Web>, who: Signed, At(session): At<OneSession>) -> Answered {
    web.chat.end_session(who.user, session.for_session(who.claims.session)).await?;
    reply::nothing()
}

async fn end_others(web: Data<Web>, who: Signed) -> Answered {
    web.chat.end_other_sessions(who.claims).await?;
    reply::nothing()
}
