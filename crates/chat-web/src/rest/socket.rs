//! The path of the other door: who may have a socket is decided there, and nothing about frames is known here.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web::{self, Data},
};
use chat_hub::Shard;

use super::Web;
use crate::{
    address::address_of,
    problem::{Answered, ErrorCode, Problem},
    readiness::Phase,
    ws::{self, Door},
};

/// Where the socket is.
pub(crate) const PATH: &str = "/api/v1/ws";

/// When to try another node, once this one is draining.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// Only GET: a handshake has no other method (RFC 6455 §4.1).
pub(super) fn resource() -> actix_web::Resource {
    let refuse = || {
        let problem = Problem::new(ErrorCode::MethodNotAllowed).header(header::ALLOW, HeaderValue::from_static("GET"));
        std::future::ready(Err::<HttpResponse, _>(problem))
    };
    web::resource(PATH).route(web::get().to(open)).default_service(web::to(refuse))
}

async fn open(web: Data<Web>, request: HttpRequest, payload: web::Payload) -> Answered {
    let parts = request.app_data::<Door>().zip(request.app_data::<Shard>());
    let (door, shard) = parts.ok_or_else(|| Problem::new(ErrorCode::Internal).reason("no socket is wired"))?;
    let draining = (web.readiness.phase() == Phase::Draining).then_some(ELSEWHERE);
    let address = address_of(&request, &web.settings);
    Ok(ws::open(door, shard, &request, payload, address, draining)?)
}
