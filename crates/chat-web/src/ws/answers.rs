//! Answers on their way out: frames encoded into the socket's own queue, errors counted where they are answered.

use chat_domain::refusal::Refusal;
use chat_hub::{outbox::Outbox, wsframe};

use super::frames::{Bye, Failed, ServerFrame};
use crate::problem::{ErrorCode, Problem};

/// Queues a frame. A queue that is full past its reserve belongs to a client that breaks every limit: its socket ends.
pub(super) fn say(outbox: &Outbox, frame: &ServerFrame<'_>) {
    let encoded = wsframe::text_with(|buffer| serde_json::to_writer(buffer, frame));
    match encoded {
        Ok(bytes) => {
            if outbox.push_reply(bytes).is_err() {
                outbox.abort();
            }
        }
        Err(error) => {
            tracing::error!(%error, "a frame could not be encoded");
            outbox.abort();
        }
    }
}

/// Answers a refused request.
pub(super) fn refuse(outbox: &Outbox, id: Option<i64>, refusal: Refusal) {
    // A frame has no list of errors: its message names the member.
    let member = matches!(refusal, Refusal::InvalidField { .. }).then(|| refusal.to_string());
    let problem = Problem::from(refusal);
    if let Some(reason) = problem.log_reason() {
        tracing::warn!(reason, code = problem.code().as_str(), "a request on a socket was refused");
    }
    let message = member.as_deref().unwrap_or(problem.message());
    fail(outbox, id, problem.code(), message, problem.retry_after_ms());
}

/// Answers a request that the edge itself refuses.
pub(super) fn fail(outbox: &Outbox, id: Option<i64>, code: ErrorCode, message: &str, retry_ms: Option<u64>) {
    code.count();
    tracing::Span::current().record("error", code.as_str());
    let frame = Failed { id, code: code.as_str(), message, retry: code.retry(), retry_ms };
    say(outbox, &ServerFrame::Error(frame));
}

/// Says why the server is about to close the socket.
pub(super) fn bye(outbox: &Outbox, bye: Bye) {
    say(outbox, &ServerFrame::Bye(bye));
    if outbox.push_reply(wsframe::close(bye.code, bye.reason)).is_err() {
        outbox.abort();
    }
}
