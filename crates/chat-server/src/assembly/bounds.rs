//! From the settings that operators write to the bounds that each part of the house takes.

use std::{sync::Arc, time::Duration};

use chat_domain::limits::{RateSettings, Refill};
use chat_hub::HubSettings;
use chat_web::ws::{
    Admission, Caps, Door, PaceSettings, SocketSettings,
    transport::{AllowedOrigins, HandshakeSettings, Limits, Origin},
};
use chat_web::{
    WebSettings,
    address::{Network, TrustedProxies},
    settings::AdvertisedLimits,
};

use super::Backend;
use crate::config::{Registration, Settings};

/// How long before its token's end a socket is told to renew, and how long it is borne after (protocol §3).
const REAUTH_BEFORE: Duration = Duration::from_secs(60);
const EXPIRY_GRACE: Duration = Duration::from_secs(10);

pub(super) fn sqlite(settings: &Settings) -> chat_sqlite::Settings {
    let (store, usual) = (&settings.store, chat_sqlite::Settings::default());
    chat_sqlite::Settings {
        busy_timeout: Duration::from_millis(settings.store.busy_timeout_ms),
        readers: settings.store.readers,
        read_timeout: Duration::from_millis(settings.store.read_timeout_ms),
        write_timeout: Duration::from_millis(settings.store.write_timeout_ms),
        index_backlog: unless_zero(store.index_backlog, usual.index_backlog),
        index_slice: unless_zero(store.index_slice, usual.index_slice),
        index_idle: Duration::from_millis(unless_zero(store.index_pause_ms, millis(usual.index_idle))),
        ..usual
    }
}

pub(super) fn postgres(settings: &Settings) -> chat_postgres::Settings {
    let (store, usual) = (&settings.store, chat_postgres::Settings::default());
    chat_postgres::Settings {
        readers: store.readers,
        writers: store.writers,
        connect_timeout: Duration::from_millis(store.connect_timeout_ms),
        wait_timeout: Duration::from_millis(store.wait_timeout_ms),
        read_timeout: Duration::from_millis(store.read_timeout_ms),
        write_timeout: Duration::from_millis(store.write_timeout_ms),
        lock_timeout: Duration::from_millis(store.lock_timeout_ms),
        idle_timeout: Duration::from_millis(store.lock_timeout_ms / 2),
        index_bound: unless_zero(store.index_backlog, usual.index_bound),
        index_slice: unless_zero(store.index_slice, usual.index_slice),
        index_pause: Duration::from_millis(unless_zero(store.index_pause_ms, millis(usual.index_pause))),
        ..usual
    }
}

fn unless_zero<N: Default + PartialEq>(number: N, usual: N) -> N {
    if number == N::default() { usual } else { number }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn redis(settings: &Settings, identity: Option<&str>) -> chat_redis::Settings {
    let prefix = &settings.redis.prefix;
    chat_redis::Settings {
        prefix: identity.map_or_else(|| prefix.clone(), |identity| format!("{prefix}:{identity}")),
        tail_events: settings.redis.tail_events,
        tail_bytes: settings.redis.tail_bytes,
        rates: rates(settings),
        rates_alone: settings.redis.rates_alone,
        ..chat_redis::Settings::default()
    }
}

pub(super) fn hub(settings: &Settings) -> HubSettings {
    let (hub, limits) = (&settings.hub, &settings.limits);
    HubSettings {
        node: settings.node.name.as_str().into(),
        lanes: hub.writer_lanes,
        writer_batch: hub.writer_batch,
        writer_queue: hub.writer_queue,
        ring_events: hub.ring_events,
        reorder: Duration::from_millis(hub.reorder_ms),
        room_linger: Duration::from_secs(hub.room_linger_seconds),
        poll: Duration::from_secs(hub.poll_seconds),
        poll_without_bus: Duration::from_millis(hub.poll_without_bus_ms),
        presence_ttl: Duration::from_secs(hub.presence_seconds),
        catchup_concurrency: hub.catchup_concurrency,
        batch_bytes: hub.batch_bytes,
        sockets_per_user: limits.enabled.then_some(limits.sockets_per_user),
        access_ttl: Duration::from_secs(settings.auth.access_ttl_s),
        offline_delay: Duration::from_secs(hub.offline_seconds),
        seed: rand::random(),
        #[cfg(feature = "sabotage")]
        sabotage: sabotage(),
        #[cfg(feature = "sabotage")]
        crash: crash(),
        ..HubSettings::default()
    }
}

/// Which defect a build for the verifier's own proof shall have. Not a setting: no release knows it.
#[cfg(feature = "sabotage")]
#[expect(clippy::disallowed_methods, reason = "no setting on purpose")]
fn sabotage() -> Option<chat_hub::Sabotage> {
    match std::env::var("SABOTAGE").ok()?.as_str() {
        "ack-before-commit" => Some(chat_hub::Sabotage::AckBeforeCommit),
        "no-nonce" => Some(chat_hub::Sabotage::NoNonce),
        "skip-catch-up" => Some(chat_hub::Sabotage::SkipCatchUp),
        _ => None,
    }
}

/// Where a build for the verifier's own proof shall die: `CRASH_AT`, at the `CRASH_AFTER`th pass.
#[cfg(feature = "sabotage")]
#[expect(clippy::disallowed_methods, reason = "no setting on purpose")]
fn crash() -> Option<Arc<chat_hub::Crash>> {
    let point = match std::env::var("CRASH_AT").ok()?.as_str() {
        "before-commit" => chat_hub::CrashPoint::BeforeCommit,
        "after-commit" => chat_hub::CrashPoint::AfterCommit,
        "fan-out" => chat_hub::CrashPoint::FanOut,
        _ => return None,
    };
    let passes = std::env::var("CRASH_AFTER").ok().and_then(|passes| passes.parse().ok()).unwrap_or(1);
    Some(Arc::new(chat_hub::Crash::new(point, passes)))
}

pub(super) fn rates(settings: &Settings) -> RateSettings {
    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3_600);
    let limits = &settings.limits;
    let whole = |period, count| Refill::per(period, count, count);
    RateSettings {
        enabled: limits.enabled,
        sends_per_user: Refill::per(SECOND, limits.sends_per_user_per_second, limits.sends_per_user_burst),
        sends_per_room: Refill::per(SECOND, limits.sends_per_room_per_second, limits.sends_per_room_burst),
        rest: Refill::per(SECOND, limits.rest_per_second, limits.rest_burst),
        sign_in_per_address: whole(MINUTE, limits.sign_in_per_address_per_minute),
        sign_in_per_name: whole(MINUTE, limits.sign_in_per_name_per_minute),
        registrations_per_address: whole(HOUR, limits.registrations_per_address_per_hour),
        typing: Refill::per(Duration::from_secs(limits.typing_seconds), 1, 1),
        wrong_webhook_secrets: whole(MINUTE, limits.wrong_webhook_secrets_per_minute),
    }
}

/// The REST door, and what stands round both.
#[must_use]
pub fn web(settings: &Settings) -> WebSettings {
    let (http, limits) = (&settings.http, &settings.limits);
    let proxies = http.trusted_proxies.iter().filter_map(|network| Network::parse(&String::from(*network)));
    WebSettings {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registration_open: settings.auth.registration == Registration::Open,
        body_bytes: limits.body_bytes,
        header_bytes: limits.header_bytes,
        url_bytes: limits.url_bytes,
        body_within: Duration::from_secs(limits.body_seconds),
        allowed_origins: http.allowed_origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
        trusted_proxies: TrustedProxies::new(proxies.collect()),
        limits: advertised(settings),
        continue_trace: crate::telemetry::trace::continue_trace,
        ..WebSettings::default()
    }
}

/// What clients are told of the limits, by both doors.
fn advertised(settings: &Settings) -> AdvertisedLimits {
    let limits = &settings.limits;
    AdvertisedLimits {
        frame: limits.frame_bytes,
        text: limits.text_chars,
        subscriptions: limits.subscriptions,
        inflight: limits.inflight,
        rooms_per_subscribe: limits.rooms_per_subscribe,
        watch: limits.watch_users,
        sockets: limits.sockets_per_user,
        body: limits.body_bytes,
        header: limits.header_bytes,
        url: limits.url_bytes,
        queue: limits.outbound_bytes,
        sockets_per_address: limits.sockets_per_address,
        unauthenticated_per_address: limits.unauthenticated_per_address,
        frames_per_second: limits.frames_per_second,
        frames_burst: limits.frames_burst,
        sends_per_user_per_second: limits.sends_per_user_per_second,
        sends_per_user_burst: limits.sends_per_user_burst,
        sends_per_room_per_second: limits.sends_per_room_per_second,
        sends_per_room_burst: limits.sends_per_room_burst,
        typing_seconds: limits.typing_seconds,
        rest_per_second: limits.rest_per_second,
        rest_burst: limits.rest_burst,
        sign_in_per_address_per_minute: limits.sign_in_per_address_per_minute,
        sign_in_per_name_per_minute: limits.sign_in_per_name_per_minute,
        registrations_per_address_per_hour: limits.registrations_per_address_per_hour,
        webhooks_per_room: limits.webhooks_per_room,
        wrong_webhook_secrets_per_minute: limits.wrong_webhook_secrets_per_minute,
        ..AdvertisedLimits::default()
    }
}

/// The WebSocket door.
#[must_use]
pub fn socket_door(settings: &Settings, backend: &Backend) -> Door {
    let limits = &settings.limits;
    let cap = |cap: usize| limits.enabled.then_some(cap);
    Door {
        chat: backend.chat.clone(),
        settings: Arc::new(sockets(settings)),
        handshake: Arc::new(handshake(settings)),
        admission: Admission::new(Caps {
            unauthenticated: cap(limits.unauthenticated_per_address),
            total: cap(limits.sockets_per_address),
        }),
    }
}

fn sockets(settings: &Settings) -> SocketSettings {
    let limits = &settings.limits;
    SocketSettings {
        auth_within: Duration::from_secs(limits.auth_seconds),
        heartbeat: Duration::from_secs(limits.heartbeat_seconds),
        silence: Duration::from_secs(limits.silence_seconds),
        stall: Duration::from_secs(limits.stall_seconds),
        reauth_before: REAUTH_BEFORE,
        expiry_grace: EXPIRY_GRACE,
        inflight: limits.inflight,
        subscriptions: limits.subscriptions,
        rooms_per_subscribe: limits.rooms_per_subscribe,
        watch_users: limits.watch_users,
        pace: PaceSettings {
            per_second: limits.frames_per_second,
            burst: limits.frames_burst,
            bad_requests: usize::try_from(limits.bad_requests_per_minute).unwrap_or(usize::MAX),
            enabled: limits.enabled,
        },
        advertised: advertised(settings),
        node: settings.node.name.clone(),
    }
}

fn handshake(settings: &Settings) -> HandshakeSettings {
    let limits = &settings.limits;
    let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let origins = settings.http.allowed_origins.iter().filter_map(|origin| Origin::parse(origin.as_str()));
    HandshakeSettings {
        allowed_origins: AllowedOrigins::new(origins.collect()),
        limits: Limits {
            max_message: bytes(limits.frame_bytes),
            max_first_message: bytes(limits.auth_frame_bytes.min(limits.frame_bytes)),
        },
        fragments_within: Duration::from_secs(limits.fragment_seconds),
        outbox_bytes: limits.outbound_bytes,
    }
}
