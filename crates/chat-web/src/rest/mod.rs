//! The REST door: one table of endpoints, from which both the routes and the OpenAPI document come.
//!
//! A handler is: extract → one use case → view. Nothing here decides anything about rooms or users.

mod accounts;
pub(crate) mod endpoint;
mod extract;
mod house;
mod invites;
mod members;
mod messages;
mod reactions;
mod reply;
mod rooms;
mod search;
mod sessions;
pub(crate) mod socket;
mod users;
mod webhooks;
mod world;

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};
use chat_domain::usecases::Chat;

use self::endpoint::Endpoint;
use crate::{
    docs, middleware,
    problem::{ErrorCode, Problem},
    readiness::Readiness,
    settings::WebSettings,
    ui,
};

/// Everything the REST door stands on.
#[derive(Clone)]
pub struct Web {
    /// The use cases.
    pub chat: Chat,
    /// Limits and trust.
    pub settings: Arc<WebSettings>,
    /// Whether this node wants requests.
    pub readiness: Readiness,
}

impl Web {
    /// Over these use cases, within these settings.
    #[must_use]
    pub fn new(chat: Chat, settings: WebSettings, readiness: Readiness) -> Self {
        Self { chat, settings: Arc::new(settings), readiness }
    }
}

/// Every endpoint, in the order of protocol.md §2.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut table = Vec::new();
    table.extend(accounts::endpoints());
    table.extend(sessions::endpoints());
    table.extend(users::endpoints());
    table.extend(world::endpoints());
    table.extend(rooms::endpoints());
    table.extend(members::endpoints());
    table.extend(invites::endpoints());
    table.extend(messages::endpoints());
    table.extend(reactions::endpoints());
    table.extend(search::endpoints());
    table.extend(webhooks::endpoints());
    table.extend(house::endpoints());
    table.extend(docs::endpoints());
    table.extend(ui::endpoints());
    table
}

/// Every method and path pattern that [`configure`] serves, `HEAD` beside `GET` apart.
#[must_use]
pub fn served() -> Vec<(String, &'static str)> {
    endpoints().iter().map(|endpoint| (endpoint.method.to_string(), endpoint.path)).collect()
}

/// Registers all endpoints and the path of the socket, for which the `App` has a [`crate::ws::Door`] and a
/// [`chat_hub::Shard`] among its data. An `App` needs [`crate::edge`] round it, too.
pub fn configure(web: Web) -> impl Fn(&mut ServiceConfig) + Clone {
    move |config| {
        config.app_data(Data::new(web.clone()));
        let mut paths: BTreeMap<&str, Vec<Endpoint>> = BTreeMap::new();
        for endpoint in endpoints() {
            paths.entry(endpoint.path).or_default().push(endpoint);
        }
        // The first match wins, and literal segments sort before `{…}`.
        for (path, endpoints) in paths {
            config.service(resource(path, endpoints));
        }
        config.service(socket::resource());
        config.default_service(web::to(unknown));
    }
}

fn resource(path: &str, endpoints: Vec<Endpoint>) -> impl actix_web::dev::HttpServiceFactory + 'static {
    let allow: Vec<String> = endpoints.iter().map(Endpoint::methods).collect();
    let allow = allow.join(", ");
    let mut resource = web::resource(path);
    for endpoint in endpoints {
        resource = resource.route(endpoint.route());
    }
    let refuse = move || {
        let allow = HeaderValue::from_str(&allow).unwrap_or(HeaderValue::from_static("GET"));
        let problem = Problem::new(ErrorCode::MethodNotAllowed).header(header::ALLOW, allow);
        std::future::ready(Err::<HttpResponse, _>(problem))
    };
    resource.default_service(web::to(refuse)).wrap(from_fn(middleware::in_time))
}

async fn unknown() -> Result<HttpResponse, Problem> {
    Err(Problem::new(ErrorCode::NotFound))
}
