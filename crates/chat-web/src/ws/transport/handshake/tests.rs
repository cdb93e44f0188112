//! The order and the outcome of the checks. What goes over the wire is tested in tests/conformance.rs.

use actix_web::{FromRequest as _, http::StatusCode, test::TestRequest};

use super::*;

fn upgrade() -> TestRequest {
    TestRequest::get()
        .insert_header(("Host", "chat.example"))
        .insert_header(("Connection", "Upgrade"))
        .insert_header(("Upgrade", "websocket"))
        .insert_header(("Sec-WebSocket-Version", "13"))
        .insert_header(("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw=="))
}

fn attempt(request: TestRequest, admit: Result<u8, Refused>) -> Result<Accepted<u8>, Refused> {
    let (request, mut payload) = request.to_http_parts();
    let payload = web::Payload::from_request(&request, &mut payload).now_or_never().unwrap().unwrap();
    handshake(&request, payload, &HandshakeSettings::default(), || admit)
}

fn refusal(request: TestRequest) -> Refused {
    attempt(request, Ok(1)).err().unwrap()
}

fn protocol_answered(request: TestRequest) -> Option<String> {
    let accepted = attempt(request, Ok(7)).ok().unwrap();
    assert_eq!(accepted.permit, 7);
    assert_eq!(accepted.response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert!(!accepted.response.headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS));
    let protocol = accepted.response.headers().get(header::SEC_WEBSOCKET_PROTOCOL)?;
    Some(protocol.to_str().unwrap().to_owned())
}

#[test]
fn what_is_no_upgrade_of_version_13_is_told_to_upgrade() {
    for (name, value) in [
        ("Connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("Upgrade", "websockets"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Version", "13, 8"),
    ] {
        assert_eq!(refusal(upgrade().insert_header((name, value))), Refused::UpgradeRequired, "{name}: {value}");
    }
    assert_eq!(refusal(TestRequest::get()), Refused::UpgradeRequired);
    assert_eq!(refusal(upgrade().append_header(("Sec-WebSocket-Version", "12"))), Refused::UpgradeRequired);
}

#[test]
fn a_broken_key_or_a_body_is_malformed() {
    for (name, value) in [
        ("Sec-WebSocket-Key", "short"),
        ("Sec-WebSocket-Key", ""),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
    ] {
        assert_eq!(refusal(upgrade().insert_header((name, value))), Refused::Malformed, "{name}: {value}");
    }
    assert_eq!(protocol_answered(upgrade().insert_header(("Content-Length", "0"))), None);
}

#[test]
fn t2_a_foreign_origin_is_refused_before_the_subprotocol_is_looked_at() {
    let request = upgrade()
        .insert_header(("Origin", "https://evil.example"))
        .insert_header(("Sec-WebSocket-Protocol", "other.v9"));
    assert_eq!(refusal(request), Refused::ForeignOrigin);
}

#[test]
fn t4_exactly_our_subprotocol_is_chosen_from_any_list() {
    let ours = Some(SUBPROTOCOL.to_owned());
    let offer = |list| upgrade().insert_header(("Sec-WebSocket-Protocol", list));
    assert_eq!(protocol_answered(upgrade()), None);
    assert_eq!(protocol_answered(offer("chat.v1, x")), ours);
    assert_eq!(protocol_answered(offer("x ,chat.v1")), ours);
    let second_header = offer("x").append_header(("Sec-WebSocket-Protocol", "chat.v1"));
    assert_eq!(protocol_answered(second_header), ours);
    for list in ["other.v9", "chat.v10", "CHAT.V1", "chat.v1x, xchat.v1", ""] {
        assert_eq!(refusal(offer(list)), Refused::Subprotocol, "{list:?}");
    }
}

#[test]
fn caps_are_asked_last() {
    let draining = Refused::Draining { retry_after: Duration::from_secs(1) };
    assert_eq!(attempt(upgrade(), Err(draining)).err(), Some(draining));
    let request = upgrade().insert_header(("Sec-WebSocket-Protocol", "other.v9"));
    assert_eq!(attempt(request, Err(draining)).err(), Some(Refused::Subprotocol));
}

#[test]
fn t3_cookies_query_parameters_and_extensions_are_not_looked_at() {
    let request = upgrade()
        .uri("/api/v1/ws?token=abc")
        .insert_header(("Cookie", "token=abc"))
        .insert_header(("Sec-WebSocket-Extensions", "permessage-deflate"));
    assert_eq!(protocol_answered(request), None);
}
