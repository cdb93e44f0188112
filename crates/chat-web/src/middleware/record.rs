//! Metrics and the one log line of a request; its id and method stand in the span round it.
//!
//! Labels and fields come from closed lists: route patterns, known methods, codes. Whatever a client can make up (paths,
//! queries, methods, names) would make series without end, and may be private.

use actix_web::{dev::ServiceResponse, http::Method};

use super::Asked;
use crate::problem::Problem;

/// The label of requests that no route answered.
const UNMATCHED: &str = "unmatched";

pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

pub(super) fn record<B>(response: &ServiceResponse<B>, asked: &Asked, problem: Option<&Problem>) {
    let route = response.request().match_pattern().unwrap_or_else(|| UNMATCHED.to_owned());
    let method = method(&asked.method);
    let status = response.status().as_u16();
    let took = asked.at.elapsed();
    let labels = [("route", route.clone()), ("method", method.to_owned())];
    metrics::histogram!("chat_http_request_duration_seconds", &labels).record(took.as_secs_f64());
    let [route_label, method_label] = labels;
    let labels = [route_label, method_label, ("status", status.to_string())];
    metrics::counter!("chat_http_requests_total", &labels).increment(1);
    let duration_ms = took.as_secs_f64() * 1e3;
    let span = tracing::Span::current();
    span.record("route", route.as_str());
    span.record("status", status);
    let Some(problem) = problem else {
        tracing::info!(route, status, duration_ms, "request answered");
        return;
    };
    problem.code().count();
    let code = problem.code().as_str();
    span.record("code", code);
    let reason = problem.log_reason().unwrap_or_default();
    if status == 503 {
        // Expected to pass: overload, a drain, a store that is away.
        tracing::warn!(route, status, duration_ms, code, reason, "request failed");
    } else if status >= 500 {
        tracing::error!(route, status, duration_ms, code, reason, "request failed");
    } else {
        tracing::info!(route, status, duration_ms, code, "request refused");
    }
}
