//! The two listeners: the public one with both doors, and the one for Prometheus.

use std::{
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    thread::available_parallelism,
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, web};
use chat_web::{Readiness, Web, ws::transport::tcp};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    assembly::{self, Backend},
    config::Settings,
    serve::ServeError,
    telemetry::Telemetry,
};

/// Connections that wait on the metrics listener.
const METRICS_BACKLOG: u32 = 64;

/// What listens, and where.
pub(crate) struct Listeners {
    /// REST, WebSocket, documents.
    pub(crate) public: Server,
    /// `/metrics`, when it is on.
    pub(crate) metrics: Option<Server>,
    /// Where the public listener is.
    pub(crate) address: SocketAddr,
    /// Where the metrics listener is.
    pub(crate) metrics_address: Option<SocketAddr>,
    /// What `/readyz` answers.
    pub(crate) readiness: Readiness,
}

/// Opens both.
///
/// # Errors
/// [`ServeError::Listen`] names the setting whose address can't be listened on.
pub(crate) fn open(settings: &Settings, backend: &Backend, telemetry: &Telemetry) -> Result<Listeners, ServeError> {
    let socket = listen("http.listen", settings.http.listen, settings.http.backlog)?;
    let address = socket.local_addr()?;
    let readiness = Readiness::new(std::sync::Arc::clone(&backend.log));
    let public = public(settings, backend, readiness.clone(), socket)?;
    let (metrics, metrics_address) = match settings.metrics.listen.0 {
        Some(wanted) => {
            let socket = listen("metrics.listen", wanted, METRICS_BACKLOG)?;
            let address = socket.local_addr()?;
            (Some(metrics(telemetry.clone(), socket)?), Some(address))
        }
        None => (None, None),
    };
    Ok(Listeners { public, metrics, address, metrics_address, readiness })
}

fn public(
    settings: &Settings,
    backend: &Backend,
    readiness: Readiness,
    socket: TcpListener,
) -> Result<Server, ServeError> {
    let web = Web::new(backend.chat.clone(), assembly::web(settings), readiness);
    let (door, hub) = (assembly::socket_door(settings, backend), backend.hub.clone());
    let limits = &settings.limits;
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let workers = if settings.http.workers == 0 { cores } else { settings.http.workers };
    let server = HttpServer::new(move || {
        App::new()
            .app_data(hub.shard())
            .app_data(door.clone())
            .configure(chat_web::configure(web.clone()))
            .wrap(chat_web::edge(web.clone()))
    })
    .workers(workers)
    .max_connections(settings.http.connections_per_worker)
    .keep_alive(Duration::from_secs(settings.http.keep_alive_seconds))
    .client_request_timeout(Duration::from_secs(limits.header_seconds))
    .client_disconnect_timeout(tcp::LINGER)
    .h1_write_buffer_size(tcp::WRITE_BUFFER)
    .on_connect(tcp::on_connect(Duration::from_secs(limits.stall_seconds)))
    .shutdown_timeout(1)
    .disable_signals()
    .listen(socket)?;
    Ok(server.run())
}

fn metrics(telemetry: Telemetry, socket: TcpListener) -> Result<Server, ServeError> {
    let server = HttpServer::new(move || {
        let telemetry = telemetry.clone();
        let scrape = move || {
            let text = telemetry.render();
            async move { HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text) }
        };
        App::new().route("/metrics", web::get().to(scrape))
    })
    .workers(1)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(socket)?;
    Ok(server.run())
}

/// A listening socket with a backlog of our own (actix takes it only where it binds itself) and `SO_REUSEADDR`, so that a
/// restart does not wait for old connections to be forgotten.
fn listen(key: &'static str, address: SocketAddr, backlog: u32) -> Result<TcpListener, ServeError> {
    let open = || -> std::io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(socket.into())
    };
    open().map_err(|source| ServeError::Listen { key, address, source })
}
