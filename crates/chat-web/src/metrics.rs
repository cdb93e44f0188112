//! What the doors count, beside what the protocol names.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

use crate::ws::FRAME_TYPES;

/// Rates that the doors keep themselves; the others are kept by the port for rates.
const RULES: [&str; 2] = ["frames", "sockets"];
/// Why nobody was let in: codes of the protocol, the label `reason`.
const REASONS: [&str; 3] = ["bad_credentials", "rate_limited", "unavailable"];
/// The codes with which sockets end: those of RFC 6455 that occur, and ours.
const CLOSES: [&str; 19] = [
    "1000", "1001", "1002", "1003", "1005", "1006", "1007", "1008", "1009", "1011", "1012", "1013", "4400", "4401",
    "4403", "4408", "4410", "4411", "4429",
];

/// Tells the recorder what each of them means, and begins those with known labels at zero. Once, after a recorder is
/// installed.
pub fn describe_metrics() {
    describe_counter!("chat_websocket_opens_total", "Sockets whose user was let in");
    counter!("chat_websocket_opens_total").absolute(0);
    describe_counter!(
        "chat_websocket_closes_total",
        "Sockets that ended, by close code; 1006: the connection just went"
    );
    for code in CLOSES {
        counter!("chat_websocket_closes_total", "code" => code).absolute(0);
    }
    describe_counter!("chat_websocket_frames_total", "Requests of clients on sockets, by type");
    for kind in FRAME_TYPES {
        counter!("chat_websocket_frames_total", "type" => kind).absolute(0);
    }
    describe_histogram!(
        "chat_websocket_frame_duration_seconds",
        Unit::Seconds,
        "From a request on a socket to its answer being queued, by type"
    );
    describe_counter!("chat_rate_limited_total", "What was refused because it came too often, by rule");
    for rule in RULES {
        counter!("chat_rate_limited_total", "rule" => rule).absolute(0);
    }
    describe_counter!("chat_sign_in_failures_total", "Sign-ins that were refused, by error code");
    for reason in REASONS {
        counter!("chat_sign_in_failures_total", "reason" => reason).absolute(0);
    }
    describe_gauge!("chat_draining", "1 while this node sends its clients away, else 0");
    metrics::gauge!("chat_draining").set(0.0);
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
