//! What the house tells about itself: limits, life, readiness.

use actix_web::{
    HttpResponse,
    http::{Method, header},
    web::Data,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    reply,
};
use crate::{
    problem::{Answered, ErrorCode, Problem},
    settings::AdvertisedLimits,
};

pub(super) fn endpoints() -> [Endpoint; 3] {
    [
        Endpoint::new((Method::GET, "/api/v1/meta"), "meta", Who::Anyone, "Version and limits", meta)
            .gives::<Meta>(200),
        Endpoint::new((Method::GET, "/healthz"), "alive", Who::Anyone, "The process is alive", alive)
            .gives::<State>(200),
        Endpoint::new((Method::GET, "/readyz"), "ready", Who::Anyone, "The node wants requests", ready)
            .gives::<State>(200)
            .refuses(&[ErrorCode::Unavailable]),
    ]
}

/// Version and limits.
#[derive(Serialize, ToSchema)]
struct Meta<'a> {
    /// Of the server.
    version: &'a str,
    /// What a client must keep to.
    limits: &'a AdvertisedLimits,
    /// `open` or `closed`.
    registration: &'static str,
}

async fn meta(web: Data<Web>) -> Answered {
    let settings = &web.settings;
    let registration = if settings.registration_open { "open" } else { "closed" };
    reply::ok(&Meta { version: &settings.version, limits: &settings.limits, registration })
}

/// A state in a word.
#[derive(Serialize, ToSchema)]
struct State {
    /// `alive` or `ready`.
    status: &'static str,
}

fn state(status: &'static str) -> Answered {
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(State { status }))
}

async fn alive() -> Answered {
    state("alive")
}

async fn ready(web: Data<Web>) -> Answered {
    let unready = |why: chat_domain::refusal::Unavailable| {
        Problem::new(ErrorCode::Unavailable).retry_ms(why.retry_ms).reason(why.reason)
    };
    web.readiness.check().await.map_err(unready)?;
    state("ready")
}
