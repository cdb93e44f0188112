//! What the server says about itself: OpenAPI, AsyncAPI, a page that shows both, a page for each error.
//!
//! Everything is made once, from the table of endpoints, the frames' types and the table of errors.

mod asyncapi;
mod frames;
pub(crate) mod html;
mod openapi;
mod schemas;

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
};

use crate::{
    problem::{Answered, ErrorCode, Problem},
    rest::endpoint::{Endpoint, Who},
};

static OPENAPI: LazyLock<String> = LazyLock::new(|| schemas::finished(openapi::document()));
static ASYNCAPI: LazyLock<String> = LazyLock::new(|| schemas::finished(asyncapi::document()));

/// The OpenAPI document, as `/openapi.json` serves it.
#[must_use]
pub fn openapi_json() -> &'static str {
    &OPENAPI
}

/// The AsyncAPI document, as `/asyncapi.json` serves it.
#[must_use]
pub fn asyncapi_json() -> &'static str {
    &ASYNCAPI
}

pub(crate) fn endpoints() -> [Endpoint; 6] {
    [
        Endpoint::new((Method::GET, "/docs"), "docs", Who::Anyone, "These documents, for people", docs)
            .document("text/html"),
        Endpoint::new((Method::GET, "/docs/docs.css"), "docs_style", Who::Anyone, "Of `/docs`", style)
            .document("text/css"),
        Endpoint::new((Method::GET, "/docs/docs.js"), "docs_script", Who::Anyone, "Of `/docs`", script)
            .document("text/javascript"),
        Endpoint::new((Method::GET, "/openapi.json"), "openapi", Who::Anyone, "The REST door, as OpenAPI 3.1", openapi)
            .document("application/json"),
        Endpoint::new((Method::GET, "/asyncapi.json"), "asyncapi", Who::Anyone, "The socket, as AsyncAPI 3", asyncapi)
            .document("application/json"),
        Endpoint::new((Method::GET, "/errors/{code}"), "error", Who::Anyone, "What an error means", error)
            .document("text/html")
            .refuses(&[ErrorCode::NotFound]),
    ]
}

fn asset(media: &'static str, text: &'static str) -> Answered {
    Ok(HttpResponse::Ok().content_type(media).insert_header((header::CACHE_CONTROL, "no-cache")).body(text))
}

async fn docs() -> Answered {
    html::answer(include_str!("assets/docs.html").to_owned())
}

async fn style() -> Answered {
    asset("text/css; charset=utf-8", include_str!("assets/docs.css"))
}

async fn script() -> Answered {
    asset("text/javascript; charset=utf-8", include_str!("assets/docs.js"))
}

async fn openapi() -> Answered {
    asset("application/json", openapi_json())
}

async fn asyncapi() -> Answered {
    asset("application/json", asyncapi_json())
}

async fn error(request: HttpRequest) -> Answered {
    let code = request.match_info().get("code").and_then(ErrorCode::named);
    html::answer(html::error_page(code.ok_or_else(|| Problem::new(ErrorCode::NotFound))?))
}
