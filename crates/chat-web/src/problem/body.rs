//! The body of an error: RFC 9457, as protocol.md §2 has it.
//!
//! A problem is made where something is refused and becomes bytes at the edge, which alone knows the request's id.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use chat_domain::{objects::LogHead, refusal::ResetReason};
use serde_json::{Value, json};

use super::ErrorCode;
use crate::json::{FieldError, Malformed};

/// What a handler returns.
pub type Answered = Result<HttpResponse, Problem>;

/// The media type of problems (RFC 9457 §6.1).
const PROBLEM_JSON: &str = "application/problem+json";

/// An answer that says no.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: ErrorCode,
    status: u16,
    detail: Cow<'static, str>,
    retry_ms: Option<u64>,
    errors: Vec<FieldError>,
    reset: Option<Reset>,
    headers: Vec<(HeaderName, HeaderValue)>,
    closes: bool,
    reason: Option<String>,
}

/// Where to start anew, beside `reset_required`.
#[derive(Clone, Debug)]
pub(crate) struct Reset {
    pub(crate) reason: ResetReason,
    pub(crate) log: LogHead,
}

impl Problem {
    /// With the status and the words that the table gives to the code.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        let facts = code.facts();
        Self(Box::new(Parts {
            code,
            status: facts.status,
            detail: Cow::Borrowed(facts.meaning),
            retry_ms: None,
            errors: Vec::new(),
            reset: None,
            headers: Vec::new(),
            closes: false,
            reason: None,
        }))
    }

    /// `bad_request`, for a reason.
    #[must_use]
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::BadRequest).detail(detail)
    }

    /// Another status than the table's.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }

    /// Words for people. Never SQL, paths or secrets.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// When to try again; with 429 and 503 also as `Retry-After`, in seconds, rounded up.
    #[must_use]
    pub fn retry_ms(mut self, retry_ms: u64) -> Self {
        self.0.retry_ms = Some(retry_ms);
        self
    }

    /// Which members are wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// A header beside those that the status asks for.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The connection ends with this answer: what the client still sends is not read.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.0.closes = true;
        self
    }

    /// Why, for the log alone.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    pub(super) fn reset(mut self, reset: Reset) -> Self {
        self.0.reset = Some(reset);
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The words for people, as a socket's `error.message` has them too.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.detail
    }

    /// When to try again, as a socket's `error.retry_ms` has it too.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.0.retry_ms
    }

    /// Why, for the log alone.
    #[must_use]
    pub fn log_reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The body; `instance` is the request's id.
    #[must_use]
    pub fn body(&self, instance: Option<&str>) -> Value {
        let Parts { code, status, detail, retry_ms, errors, reset, .. } = &*self.0;
        let mut body = json!({
            "type": format!("/errors/{}", code.as_str()),
            "title": code.facts().title,
            "status": status,
            "detail": detail,
            "code": code.as_str(),
        });
        if let Value::Object(members) = &mut body {
            let optional = [
                ("instance", instance.map(Value::from)),
                ("retry_ms", retry_ms.map(Value::from)),
                ("errors", (!errors.is_empty()).then(|| json!(errors))),
                ("reason", reset.as_ref().map(|reset| json!(reset.reason))),
                ("epoch", reset.as_ref().map(|reset| json!(reset.log.epoch))),
                ("head", reset.as_ref().map(|reset| json!(reset.log.head))),
                ("floor", reset.as_ref().map(|reset| json!(reset.log.floor))),
            ];
            for (name, value) in optional {
                if let Some(value) = value {
                    members.insert(name.to_owned(), value);
                }
            }
        }
        body
    }

    /// The whole answer.
    #[must_use]
    pub fn response(&self, instance: Option<&str>) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(PROBLEM_JSON).insert_header((header::CACHE_CONTROL, "no-store"));
        if self.0.status == 401 {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if self.0.status == 429 || self.0.status == 503 {
            let seconds = self.0.retry_ms.unwrap_or(1_000).div_ceil(1_000).max(1);
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        for header in self.0.headers.iter().cloned() {
            response.insert_header(header);
        }
        if self.0.closes {
            response.force_close();
        }
        response.body(self.body(instance).to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::bad_request(malformed.to_string())
    }
}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::new(ErrorCode::InvalidField).errors(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_in_whole_seconds_rounded_up() {
        let header = |ms| {
            let answer = Problem::new(ErrorCode::RateLimited).retry_ms(ms).response(None);
            answer.headers().get(header::RETRY_AFTER).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!((header(1), header(1_000), header(1_001)), ("1".into(), "1".into(), "2".into()));
        let muted = Problem::new(ErrorCode::Muted).retry_ms(5_000);
        assert!(muted.response(None).headers().get(header::RETRY_AFTER).is_none());
        assert_eq!(muted.body(None)["retry_ms"], 5_000);
    }

    #[test]
    fn the_body_is_as_the_protocol_has_it() {
        let problem = Problem::new(ErrorCode::RateLimited).detail("slowly").retry_ms(1_500);
        let expected = json!({"type": "/errors/rate_limited", "title": "Too many requests", "status": 429,
            "detail": "slowly", "instance": "r1", "code": "rate_limited", "retry_ms": 1500});
        assert_eq!(problem.body(Some("r1")), expected);
    }
}
