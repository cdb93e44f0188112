//! What the doors are told: the limits they enforce and advertise, whom they trust.
//!
//! Values come from the binary's configuration; the defaults are those of protocol.md §4.

use std::time::Duration;

use serde::Serialize;

use crate::{address::TrustedProxies, middleware::TraceParent};

/// The settings of the REST door and of what stands round both doors.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Of the binary, as `/api/v1/meta` tells it.
    pub version: String,
    /// Whether strangers may register, as `/api/v1/meta` tells it (`auth.registration`).
    pub registration_open: bool,
    /// Most bytes of a request body (`limits.body_bytes`): 413.
    pub body_bytes: usize,
    /// Most bytes of all header lines together (`limits.header_bytes`): 431.
    pub header_bytes: usize,
    /// Most bytes of path and query (`limits.url_bytes`): 414.
    pub url_bytes: usize,
    /// How long a body may take (`limits.body_seconds`): 408.
    pub body_within: Duration,
    /// How long a handler may take: 503. Longer than a body and a store's own time-outs.
    pub answer_within: Duration,
    /// Origins whose pages may call the API (`http.allowed_origins`): whole, as browsers write them.
    pub allowed_origins: Vec<String>,
    /// Whose `X-Forwarded-For` is believed (`http.trusted_proxies`).
    pub trusted_proxies: TrustedProxies,
    /// What clients are told of the limits.
    pub limits: AdvertisedLimits,
    /// Makes the span of a request, not yet entered, a part of its caller's trace.
    pub continue_trace: fn(&tracing::Span, TraceParent),
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            registration_open: true,
            body_bytes: 64 * 1024,
            header_bytes: 16 * 1024,
            url_bytes: 8 * 1024,
            body_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(30),
            allowed_origins: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
            limits: AdvertisedLimits::default(),
            continue_trace: |_, _| {},
        }
    }
}

/// The limits that clients are told, at `/api/v1/meta` and in `ready`. Rates hold while `limits.enabled` does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AdvertisedLimits {
    /// Bytes of a client frame, and of a message after reassembly.
    pub frame: usize,
    /// Unicode scalars of a text.
    pub text: usize,
    /// Rooms that a socket is subscribed to.
    pub subscriptions: usize,
    /// Requests in flight of a socket.
    pub inflight: usize,
    /// Rooms of one `subscribe`.
    pub rooms_per_subscribe: usize,
    /// Users of one `watch`.
    pub watch: usize,
    /// Sockets of a user.
    pub sockets: usize,
    /// Bytes of a REST body.
    pub body: usize,
    /// Bytes of a header block.
    pub header: usize,
    /// Bytes of a URL.
    pub url: usize,
    /// Items of a page.
    pub page: usize,
    /// Objects of one answer of `changes`.
    pub changes: usize,
    /// Bytes that wait for a socket before it is caught up later.
    pub queue: usize,
    /// Sockets of an address.
    pub sockets_per_address: usize,
    /// Sockets of an address that have not said `auth`.
    pub unauthenticated_per_address: usize,
    /// Frames of a socket a second.
    pub frames_per_second: u32,
    /// Frames of a socket at once.
    pub frames_burst: u32,
    /// Sends of a user a second.
    pub sends_per_user_per_second: u32,
    /// Sends of a user at once.
    pub sends_per_user_burst: u32,
    /// Sends into a room a second.
    pub sends_per_room_per_second: u32,
    /// Sends into a room at once.
    pub sends_per_room_burst: u32,
    /// Seconds between two `typing` in a room.
    pub typing_seconds: u64,
    /// REST requests of a user a second.
    pub rest_per_second: u32,
    /// REST requests of a user at once.
    pub rest_burst: u32,
    /// Sign-ins from an address a minute.
    pub sign_in_per_address_per_minute: u32,
    /// Sign-ins for a name a minute.
    pub sign_in_per_name_per_minute: u32,
    /// Registrations from an address an hour.
    pub registrations_per_address_per_hour: u32,
    /// Webhooks of a room.
    pub webhooks_per_room: usize,
    /// Wrong secrets for a webhook from an address a minute.
    pub wrong_webhook_secrets_per_minute: u32,
}

impl Default for AdvertisedLimits {
    fn default() -> Self {
        Self {
            frame: 64 * 1024,
            text: 4_000,
            subscriptions: 500,
            inflight: 32,
            rooms_per_subscribe: 100,
            watch: 200,
            sockets: 16,
            body: 64 * 1024,
            header: 16 * 1024,
            url: 8 * 1024,
            page: crate::pages::MAX_LIMIT,
            changes: crate::pages::MAX_CHANGES,
            queue: 1024 * 1024,
            sockets_per_address: 100,
            unauthenticated_per_address: 10,
            frames_per_second: 10,
            frames_burst: 60,
            sends_per_user_per_second: 5,
            sends_per_user_burst: 10,
            sends_per_room_per_second: 20,
            sends_per_room_burst: 40,
            typing_seconds: 3,
            rest_per_second: 10,
            rest_burst: 60,
            sign_in_per_address_per_minute: 10,
            sign_in_per_name_per_minute: 5,
            registrations_per_address_per_hour: 5,
            webhooks_per_room: 10,
            wrong_webhook_secrets_per_minute: 10,
        }
    }
}
