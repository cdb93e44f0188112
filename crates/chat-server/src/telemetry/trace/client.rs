//! The way to the collector: one POST on a connection of its own.
//!
//! An export happens once a second at most, so a pool of connections would only be one more thing that can hang.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tokio::net::TcpStream;

use crate::config::Collector;

/// Bytes of an answer that are read; a good one has none.
const ANSWER_BYTES: usize = 64 * 1_024;

/// What the collector said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken, but for so many spans.
    Taken {
        /// Those it would not have.
        rejected: u64,
    },
    /// Try again later (OTLP/HTTP: 429, 502, 503, 504).
    Later(StatusCode),
    /// Never.
    Refused(StatusCode),
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Posts one export.
pub(super) async fn post(to: &Collector, body: Bytes) -> Result<Answer, Failure> {
    let stream = TcpStream::connect((to.host.as_str(), to.port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(to.path())
        .header(HOST, &to.authority)
        .header(CONTENT_TYPE, "application/x-protobuf")
        .header(USER_AGENT, concat!("chat-server/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Full::new(body))?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await?.to_bytes();
        Ok(understand(status, &body))
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end with the answer; then the exchange has everything it needs.
        _ = &mut connection => exchange.await,
    }
}

fn understand(status: StatusCode, body: &[u8]) -> Answer {
    if status.is_success() {
        // A body that is no such message is somebody else's success.
        let partly = ExportTraceServiceResponse::decode(body).ok().and_then(|answer| answer.partial_success);
        let rejected = partly.map_or(0, |partly| partly.rejected_spans.try_into().unwrap_or(0));
        return Answer::Taken { rejected };
    }
    match status.as_u16() {
        429 | 502 | 503 | 504 => Answer::Later(status),
        _ => Answer::Refused(status),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    #[test]
    fn answers_are_understood_as_the_specification_says() {
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans: 3, error_message: String::new() });
        let partly = ExportTraceServiceResponse { partial_success }.encode_to_vec();
        assert_eq!(understand(StatusCode::OK, &partly), Answer::Taken { rejected: 3 });
        assert_eq!(understand(StatusCode::OK, b""), Answer::Taken { rejected: 0 });
        assert_eq!(understand(StatusCode::ACCEPTED, b"{}"), Answer::Taken { rejected: 0 });
        for status in [429, 502, 503, 504] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(understand(status, b""), Answer::Later(status));
        }
        for status in [301, 400, 404, 413, 500] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(understand(status, b""), Answer::Refused(status));
        }
    }
}
