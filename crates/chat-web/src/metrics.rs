//! What the doors count.
//!
//! Labels have values from closed lists, so nobody outside can make a series (security L3), and all that are known beforehand
//! begin at zero: the first increase of a counter that appears with it is lost to whoever computes a rate.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{problem::ErrorCode, ws};

/// Rates and caps that the doors keep themselves; the others are kept by the port for rates.
const RULES: [&str; 2] = ["frames", "sockets"];
/// Why nobody was let in: codes of the protocol, the label `reason`.
const REASONS: [&str; 3] = ["bad_credentials", "rate_limited", "unavailable"];

/// Tells the recorder what each of them means. Once, after a recorder is installed.
pub fn describe_metrics() {
    requests();
    sockets();
    describe_counter!("chat_errors_total", "Requests and frames answered with an error, by its code");
    for code in ErrorCode::ALL {
        counter!("chat_errors_total", "code" => code.as_str()).absolute(0);
    }
    describe_counter!("chat_rate_limited_total", "What was refused because it came too often, by rule");
    for rule in RULES {
        counter!("chat_rate_limited_total", "rule" => rule).absolute(0);
    }
    describe_counter!("chat_sign_in_failures_total", "Sign-ins that were refused, by error code");
    for reason in REASONS {
        counter!("chat_sign_in_failures_total", "reason" => reason).absolute(0);
    }
    describe_gauge!("chat_draining", "1 while this node sends its clients away, else 0");
    gauge!("chat_draining").set(0.0);
}

fn requests() {
    describe_counter!("chat_http_requests_total", "REST requests answered, by route pattern, method and status");
    describe_histogram!(
        "chat_http_request_duration_seconds",
        Unit::Seconds,
        "From a request's head to its answer, by route pattern and method"
    );
    // One route that somebody asks for on every node, so that the names are there.
    let [route, method] = [("route", "/readyz"), ("method", "GET")];
    counter!("chat_http_requests_total", &[route, method, ("status", "200")]).absolute(0);
    drop(histogram!("chat_http_request_duration_seconds", &[route, method]));
}

fn sockets() {
    describe_gauge!("chat_websocket_connections", "Open WebSocket connections whose user is known");
    gauge!("chat_websocket_connections").set(0.0);
    describe_counter!("chat_websocket_opens_total", "WebSocket handshakes accepted");
    counter!("chat_websocket_opens_total").absolute(0);
    describe_counter!(
        "chat_websocket_closes_total",
        "WebSockets that ended, by close code, whoever closed; 1006: the connection just went"
    );
    for code in ws::close_labels() {
        counter!("chat_websocket_closes_total", "code" => code).absolute(0);
    }
    describe_counter!("chat_websocket_frames_total", "Requests on sockets that were understood, by type");
    describe_histogram!(
        "chat_websocket_frame_duration_seconds",
        Unit::Seconds,
        "From reading a request on a socket to its answer being queued, by type"
    );
    for kind in ws::FRAME_TYPES {
        counter!("chat_websocket_frames_total", "type" => kind).absolute(0);
        drop(histogram!("chat_websocket_frame_duration_seconds", "type" => kind));
    }
}

/// A sign-in was refused with this code.
pub(crate) fn count_sign_in_failure(code: &'static str) {
    if REASONS.contains(&code) {
        counter!("chat_sign_in_failures_total", "reason" => code).increment(1);
    }
}

/// A door refused something by this rule.
pub(crate) fn count_limited(rule: &'static str) {
    counter!("chat_rate_limited_total", "rule" => rule).increment(1);
}
