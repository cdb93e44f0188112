//! Pages of other origins (Fetch standard, CORS protocol): off unless origins are configured.
//!
//! Origins are compared whole and echoed exactly; credentials are never allowed, because no cookie is ever read.

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, If-Match, If-None-Match, X-Request-Id");
const RESPONSE_HEADERS: HeaderValue =
    HeaderValue::from_static("ETag, Idempotent-Replayed, Location, Retry-After, WWW-Authenticate, X-Request-Id");
/// Seconds that a browser may remember a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

fn is_allowed(origin: &HeaderValue, origins: &[String]) -> bool {
    origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
}

/// The answer to a preflight of a page that is allowed.
pub(super) fn preflight(request: &ServiceRequest, origins: &[String]) -> Option<HttpResponse> {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && is_allowed(request.headers().get(header::ORIGIN)?, origins);
    asks.then(|| {
        HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
            .finish()
    })
}

/// Lets a page of an allowed origin read the answer. Caches must tell origins apart as soon as there are any.
pub(super) fn allow(headers: &mut HeaderMap, origin: Option<&HeaderValue>, origins: &[String]) {
    if origins.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.filter(|origin| is_allowed(origin, origins)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
}
