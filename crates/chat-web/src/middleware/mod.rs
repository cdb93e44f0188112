//! What stands round every request, whichever door it is for.
//!
//! ```text
//! edge: request id ─▶ sizes, encodings ─▶ CORS preflight ─▶ routes ─▶ problems with their instance ─▶ headers ─▶ metrics, log
//! ```
//!
//! Nothing here knows what an endpoint does; metrics and logs know its pattern, never the path, the query or a text.

mod admission;
mod cors;
mod patience;
mod record;
mod request_id;
mod trace_parent;

use std::{sync::Arc, time::Instant};

use actix_web::{
    Error, HttpMessage as _,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::{Next, from_fn},
};
use tracing::{Instrument as _, Span, field::Empty};

pub use self::{patience::in_time, request_id::RequestId, trace_parent::TraceParent};
use crate::{
    problem::{ErrorCode, Problem},
    rest::Web,
    settings::WebSettings,
};

/// What is remembered of a request while it is answered. The request itself cannot be: routes need it for themselves.
struct Asked {
    id: RequestId,
    method: Method,
    origin: Option<HeaderValue>,
    is_signed: bool,
    at: Instant,
}

/// Goes round the whole `App`, as its outermost middleware.
pub fn edge<S, B>(
    web: Web,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<EitherBody<B>>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let settings = Arc::clone(&web.settings);
        async move {
            let asked = Asked::of(&request);
            let span = asked.span();
            if let Some(parent) = TraceParent::of(request.headers()).filter(|_| !span.is_disabled()) {
                (settings.continue_trace)(&span, parent);
            }
            answer(&settings, asked, request, next).instrument(span).await
        }
    })
}

impl Asked {
    fn of(request: &ServiceRequest) -> Self {
        Self {
            id: RequestId::of(request.headers()),
            method: request.method().clone(),
            origin: request.headers().get(header::ORIGIN).cloned(),
            is_signed: request.headers().contains_key(header::AUTHORIZATION),
            at: Instant::now(),
        }
    }

    /// Everything that is logged or traced while the request is answered stands in it.
    fn span(&self) -> Span {
        let (request_id, method) = (self.id.as_str(), record::method(&self.method));
        tracing::info_span!("request", request_id, method, route = Empty, status = Empty, code = Empty)
    }
}

async fn answer<B: MessageBody + 'static>(
    settings: &WebSettings,
    asked: Asked,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    request.extensions_mut().insert(asked.id.clone());
    let origins = &settings.allowed_origins;
    let mut response = if let Err(problem) = admission::admit(&request, settings) {
        ServiceResponse::from_err(problem, request.into_parts().0).map_into_right_body()
    } else if let Some(preflight) = cors::preflight(&request, origins) {
        request.into_response(preflight).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    let problem = problem_of(&response);
    if let Some(problem) = &problem {
        let (request, _) = response.into_parts();
        response = ServiceResponse::new(request, problem.response(Some(asked.id.as_str())).map_into_right_body());
    }
    let status = response.status();
    finish(response.headers_mut(), status, &asked, origins);
    record::record(&response, &asked, problem.as_ref());
    Ok(response)
}

/// The problem inside an answer; errors of the framework get the code of their status.
fn problem_of<B>(response: &ServiceResponse<B>) -> Option<Problem> {
    let error = response.response().error()?;
    if let Some(problem) = error.as_error::<Problem>() {
        return Some(problem.clone());
    }
    let code = match response.status() {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => ErrorCode::Timeout,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG => ErrorCode::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMedia,
        status if status.is_client_error() => ErrorCode::BadRequest,
        _ => ErrorCode::Internal,
    };
    Some(Problem::new(code).reason(error.to_string()))
}

/// Headers that every answer carries.
fn finish(headers: &mut HeaderMap, status: StatusCode, asked: &Asked, origins: &[String]) {
    headers.insert(header::HeaderName::from_static("x-request-id"), asked.id.header());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_read = matches!(asked.method, Method::GET | Method::HEAD) && status.as_u16() < 400;
    if asked.is_signed && is_read && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    cors::allow(headers, asked.origin.as_ref(), origins);
}
