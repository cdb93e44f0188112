//! What a refused handshake looks like: a problem like any other.

use actix_web::http::header::{HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};

use super::transport::{Refused, handshake::WEBSOCKET_VERSION};
use crate::{
    metrics::count_limited,
    problem::{ErrorCode, Problem},
};

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let because = |code| Self::new(code).detail(refused.to_string());
        let millis = |wait: std::time::Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        match refused {
            Refused::UpgradeRequired => because(ErrorCode::UpgradeRequired)
                .header(UPGRADE, HeaderValue::from_static("websocket"))
                .header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(WEBSOCKET_VERSION)),
            Refused::Malformed | Refused::Subprotocol => because(ErrorCode::BadRequest),
            Refused::ForeignOrigin => because(ErrorCode::Forbidden),
            Refused::TooMany { retry_after } => {
                count_limited("sockets");
                because(ErrorCode::RateLimited).retry_ms(millis(retry_after))
            }
            Refused::Draining { retry_after } => because(ErrorCode::Unavailable).retry_ms(millis(retry_after)),
        }
    }
}
