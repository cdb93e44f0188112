//! The WebSocket door (`GET /api/v1/ws`): one socket carries all rooms.
//!
//! ```text
//! handshake ─▶ Unidentified ──auth──▶ Session: one select! ──▶ End
//!  (transport)   (greeting)      requests ─▶ use cases, hub     (ending)
//! ```
//!
//! The transport carries frames and knows nothing of chat; the session understands them; the hub delivers events straight into
//! the socket's outbox, past all of this.

mod admission;
mod answers;
mod due;
mod ending;
mod flight;
pub mod frames;
mod greeting;
mod pace;
mod refused;
mod requests;
mod session;
mod timer;
mod trace;
pub mod transport;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use chat_domain::usecases::Chat;
use chat_hub::Shard;
use tracing::Instrument as _;

use crate::{middleware::RequestId, settings::AdvertisedLimits};

pub(crate) use self::ending::close_labels;
pub use self::{
    admission::{Admission, Caps},
    frames::FRAME_TYPES,
    pace::PaceSettings,
};
use self::{
    greeting::Unidentified,
    session::Session,
    trace::ConnectionId,
    transport::{Accepted, HandshakeSettings, Refused, handshake},
};

/// What one socket is bounded by; every member is a setting.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// How long a socket may wait with its first frame (`limits.auth_seconds`).
    pub auth_within: Duration,
    /// Between heartbeats, ± 10 % (`limits.heartbeat_seconds`).
    pub heartbeat: Duration,
    /// Without anything from the client (`limits.silence_seconds`).
    pub silence: Duration,
    /// Without progress of a write (`limits.stall_seconds`).
    pub stall: Duration,
    /// How long before its end `reauth` is said.
    pub reauth_before: Duration,
    /// How long after its end the socket is borne.
    pub expiry_grace: Duration,
    /// Requests in flight (`limits.inflight`).
    pub inflight: usize,
    /// Rooms of a socket (`limits.subscriptions`).
    pub subscriptions: usize,
    /// Rooms of one `subscribe` (`limits.rooms_per_subscribe`).
    pub rooms_per_subscribe: usize,
    /// Users of one `watch` (`limits.watch_users`).
    pub watch_users: usize,
    /// The pace of frames.
    pub pace: PaceSettings,
    /// What `ready` tells of the limits.
    pub advertised: AdvertisedLimits,
    /// What `ready` tells of the node (`node.name`).
    pub node: String,
}

/// Everything a socket needs, shared by all of them.
#[derive(Clone)]
pub struct Door {
    /// The use cases.
    pub chat: Chat,
    /// The bounds.
    pub settings: Arc<SocketSettings>,
    /// The bounds of the transport.
    pub handshake: Arc<HandshakeSettings>,
    /// The caps per address.
    pub admission: Admission,
}

/// Answers the upgrade and lets the socket run on this worker until it ends.
///
/// # Errors
/// [`Refused`], in the order of the protocol's checks.
pub fn open(
    door: &Door,
    shard: &Shard,
    request: &HttpRequest,
    payload: web::Payload,
    address: String,
    draining: Option<Duration>,
) -> Result<HttpResponse, Refused> {
    let accepted = handshake(request, payload, &door.handshake, || {
        let permit = door.admission.admit(address)?;
        match draining {
            Some(retry_after) => Err(Refused::Draining { retry_after }),
            None => Ok(permit),
        }
    })?;
    let Accepted { response, inbound, outbox, permit } = accepted;
    let connection = ConnectionId::fresh();
    let socket = Unidentified { door: door.clone(), shard: shard.clone(), inbound, outbox, permit, connection };
    let span = connection.span();
    let request_id = request.extensions().get::<RequestId>().cloned();
    span.in_scope(|| tracing::info!(request_id = request_id.as_ref().map(RequestId::as_str), "socket opened"));
    metrics::counter!("chat_websocket_opens_total").increment(1);
    actix_web::rt::spawn(live(socket).instrument(span));
    Ok(response)
}

/// One socket from its handshake to its end.
async fn live(socket: Unidentified) {
    let opened = Instant::now();
    let end = match socket.identify().await {
        Ok(identified) => Session::run(identified).await,
        Err(end) => end,
    };
    let (code, duration_ms) = (end.code(), opened.elapsed().as_secs_f64() * 1e3);
    tracing::Span::current().record("close_code", code);
    tracing::info!(code, duration_ms, "socket closed");
}
