//! The metrics whose names others rely on (protocol §7): described, and visible from the first scrape.
//!
//! A counter that appears only with its first error can't be alerted on: the first increase is lost. What other parts
//! record beside these, they describe themselves.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// Error codes of the protocol (§1), the only values of the label `code`.
const CODES: [&str; 27] = [
    "bad_request",
    "invalid_field",
    "unauthenticated",
    "token_expired",
    "session_revoked",
    "bad_credentials",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "conflict",
    "nonce_conflict",
    "username_taken",
    "gone",
    "reset_required",
    "precondition_failed",
    "too_large",
    "unsupported_media",
    "timeout",
    "upgrade_required",
    "rate_limited",
    "slow_mode",
    "muted",
    "too_many_inflight",
    "too_many_subscriptions",
    "registration_closed",
    "unavailable",
    "internal",
];

/// Tells the recorder about them, with zeros where the labels are known beforehand.
pub(super) fn describe() {
    describe_gauge!("chat_websocket_connections", "Open WebSocket connections");
    gauge!("chat_websocket_connections").set(0.0);
    describe_counter!("chat_messages_received_total", "Messages accepted from clients");
    counter!("chat_messages_received_total").absolute(0);
    describe_counter!("chat_messages_delivered_total", "Messages handed to sockets");
    counter!("chat_messages_delivered_total").absolute(0);
    describe_counter!("chat_errors_total", "Requests and frames answered with an error, by its code");
    for code in CODES {
        counter!("chat_errors_total", "code" => code).absolute(0);
    }
    describe_counter!("chat_http_requests_total", "REST requests answered, by route pattern, method and status");
    counter!("chat_http_requests_total", "route" => "/readyz", "method" => "GET", "status" => "200").absolute(0);
    describe_histogram!(
        "chat_http_request_duration_seconds",
        Unit::Seconds,
        "Time from a request's head to its answer"
    );
    describe_gauge!("chat_build_info", "Always 1; the version is in the label");
    gauge!("chat_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
