//! The opening handshake (RFC 6455 §4.2, protocol.md §3): who may have a socket, decided in a fixed order, and its three parts.
//!
//! Cookies, query parameters and offered extensions are not looked at. What a refusal looks like on the wire, and what the
//! caps are, is decided elsewhere.

use std::time::Duration;

use actix_web::{
    FromRequest as _, HttpRequest, HttpResponse, dev,
    http::{
        Version,
        header::{self, HeaderMap},
    },
    web,
};
use chat_hub::outbox::Outbox;
use futures_util::{FutureExt as _, StreamExt as _};

use super::{
    guard::{Guard, Limits},
    guarded::Guarded,
    inbound::Inbound,
    link::Link,
    origin::AllowedOrigins,
    outbound::OutBody,
};

/// The subprotocol, which is the version of the protocol.
pub const SUBPROTOCOL: &str = "chat.v1";

/// The version of the WebSocket protocol (RFC 6455 §4.1).
pub const WEBSOCKET_VERSION: &str = "13";

/// What the transport of every socket is bounded by.
#[derive(Debug, Clone)]
pub struct HandshakeSettings {
    /// Origins allowed besides the server's own.
    pub allowed_origins: AllowedOrigins,
    /// What a client may send.
    pub limits: Limits,
    /// How long the fragments of one message may take, from the first one.
    pub fragments_within: Duration,
    /// Bytes of durable events that a socket's outbound queue takes.
    pub outbox_bytes: usize,
}

impl Default for HandshakeSettings {
    /// The limits of protocol.md §4; no foreign origins.
    fn default() -> Self {
        Self {
            allowed_origins: AllowedOrigins::default(),
            limits: Limits { max_message: 64 * 1024, max_first_message: 8 * 1024 },
            fragments_within: Duration::from_secs(10),
            outbox_bytes: 1024 * 1024,
        }
    }
}

/// Why there is no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not an upgrade to a WebSocket of version 13: 426, with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`.
    #[error("this is a WebSocket endpoint: version 13 is spoken here")]
    UpgradeRequired,
    /// An upgrade with a broken key or with a body: 400.
    #[error("the WebSocket handshake is malformed")]
    Malformed,
    /// A page of a foreign origin: 403.
    #[error("this origin may not open a socket")]
    ForeignOrigin,
    /// Subprotocols were offered, ours not among them: 400.
    #[error("the subprotocol chat.v1 was not offered")]
    Subprotocol,
    /// Too many sockets of this address: 429, and when to try again.
    #[error("too many sockets from this address")]
    TooMany {
        /// For `Retry-After`.
        retry_after: Duration,
    },
    /// This node is about to stop: 503, and when to try again, elsewhere.
    #[error("the server is going away")]
    Draining {
        /// For `Retry-After`.
        retry_after: Duration,
    },
}

/// An open socket.
pub struct Accepted<P> {
    /// The 101 answer. The socket lives in its body.
    pub response: HttpResponse,
    /// What the client sends.
    pub inbound: Inbound,
    /// What the client gets.
    pub outbox: Outbox,
    /// What `admit` gave, to be kept as long as the socket.
    pub permit: P,
}

/// Answers a GET request for a socket.
///
/// The order of the checks is that of protocol.md §3; `admit` is its last part, the caps per address and the drain, and is only
/// asked when everything else is in order.
///
/// # Errors
/// [`Refused`], whose variants stand in the order of the checks.
pub fn handshake<P>(
    request: &HttpRequest,
    payload: web::Payload,
    settings: &HandshakeSettings,
    admit: impl FnOnce() -> Result<P, Refused>,
) -> Result<Accepted<P>, Refused> {
    check_upgrade(request)?;
    if !settings.allowed_origins.admit(request.headers()) {
        return Err(Refused::ForeignOrigin);
    }
    check_subprotocol(request.headers())?;
    let permit = admit()?;

    let link = Link::default();
    let guard = Guard::new(settings.limits);
    let guarded = Guarded::new(payload.into_inner(), guard, link.clone(), settings.fragments_within);
    // Its key was not looked at until here: this call refuses a broken one.
    let (response, session, stream) =
        actix_ws::handle_with_protocols(request, as_payload(request, guarded)?, &[SUBPROTOCOL])
            .map_err(|_| Refused::Malformed)?;
    // Frames take the outbox, not this.
    drop(session);

    let outbox = Outbox::new(settings.outbox_bytes);
    let body = (outbox.clone(), link.clone());
    let response = response.map_body(|_, inner| OutBody::new(body.0, body.1, inner)).map_into_boxed_body();
    let max_frame = usize::try_from(settings.limits.max_message).unwrap_or(usize::MAX);
    let inbound = Inbound::new(stream.max_frame_size(max_frame), link);
    Ok(Accepted { response, inbound, outbox, permit })
}

fn check_upgrade(request: &HttpRequest) -> Result<(), Refused> {
    let headers = request.headers();
    let has = |name, value: &str| {
        headers.get_all(name).any(|given| given.as_bytes().trim_ascii().eq_ignore_ascii_case(value.as_bytes()))
    };
    let is_upgrade = request.version() == Version::HTTP_11
        && request.head().upgrade()
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, WEBSOCKET_VERSION)
        && headers.get_all(header::SEC_WEBSOCKET_VERSION).count() == 1;
    if !is_upgrade {
        return Err(Refused::UpgradeRequired);
    }
    // A body would be read as frames by us and as a body by a proxy in front.
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.contains_key(header::CONTENT_LENGTH) && !has(header::CONTENT_LENGTH, "0");
    if has_body || actix_http::ws::verify_handshake(request.head()).is_err() {
        return Err(Refused::Malformed);
    }
    Ok(())
}

fn check_subprotocol(headers: &HeaderMap) -> Result<(), Refused> {
    let mut offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).peekable();
    let is_ours = |token: &str| token.trim() == SUBPROTOCOL;
    if offered.peek().is_none() || offered.any(|list| list.to_str().is_ok_and(|list| list.split(',').any(is_ours))) {
        Ok(())
    } else {
        Err(Refused::Subprotocol)
    }
}

/// Wraps a stream in the one type that actix-ws takes, which can only be had by extracting it.
fn as_payload(request: &HttpRequest, guarded: Guarded) -> Result<web::Payload, Refused> {
    let mut payload = dev::Payload::Stream { payload: guarded.boxed_local() };
    web::Payload::from_request(request, &mut payload).now_or_never().and_then(Result::ok).ok_or(Refused::Malformed)
}

#[cfg(test)]
mod tests;
