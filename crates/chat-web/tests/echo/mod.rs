//! An echo server on exactly the product's transport, for conformance tests and measurements only.
//!
//! It says back every message, text and binary alike (the product refuses binary), and closes as the session does.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::{Server, ServerHandle},
    rt, web,
};
use chat_hub::{outbox::Outbox, wsframe};
use chat_web::ws::transport::{HandshakeSettings, Inbound, Incoming, Limits, handshake, tcp};

/// How an echo server differs from the product.
#[derive(Clone)]
pub struct EchoSettings {
    pub handshake: HandshakeSettings,
    pub no_progress: Duration,
    pub workers: usize,
}

impl EchoSettings {
    /// Messages up to `max_message` bytes, and queues that hold two of them.
    pub fn with_limit(max_message: u32) -> Self {
        let limit = u64::from(max_message);
        Self {
            handshake: HandshakeSettings {
                limits: Limits { max_message: limit, max_first_message: limit },
                outbox_bytes: (max_message as usize * 2).max(1 << 20),
                ..HandshakeSettings::default()
            },
            no_progress: Duration::from_secs(20),
            workers: 2,
        }
    }
}

/// A running echo server.
pub struct Echo {
    pub address: SocketAddr,
    pub handle: ServerHandle,
    /// Sessions under way.
    pub sessions: Arc<AtomicUsize>,
}

/// Binds port `port` of the loopback (0: any free one); the caller runs the returned server.
pub fn serve(settings: &EchoSettings, port: u16) -> io::Result<(Server, Echo)> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let address = listener.local_addr()?;
    let sessions = Arc::new(AtomicUsize::new(0));
    let (counter, handshake_settings) = (Arc::clone(&sessions), settings.handshake.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(handshake_settings.clone()))
            .app_data(web::Data::from(Arc::clone(&counter)))
            .route("/", web::get().to(open))
    })
    .workers(settings.workers)
    .backlog(4096)
    .client_disconnect_timeout(tcp::LINGER)
    .h1_write_buffer_size(tcp::WRITE_BUFFER)
    .on_connect(tcp::on_connect(settings.no_progress))
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    let handle = server.handle();
    Ok((server, Echo { address, handle, sessions }))
}

async fn open(
    request: HttpRequest,
    payload: web::Payload,
    settings: web::Data<HandshakeSettings>,
    sessions: web::Data<AtomicUsize>,
) -> HttpResponse {
    match handshake(&request, payload, &settings, || Ok(())) {
        Ok(accepted) => {
            sessions.fetch_add(1, Ordering::SeqCst);
            let sessions = Rc::new(sessions);
            rt::spawn(async move {
                echo(accepted.inbound, accepted.outbox).await;
                sessions.fetch_sub(1, Ordering::SeqCst);
            });
            accepted.response
        }
        Err(refused) => HttpResponse::BadRequest().body(refused.to_string()),
    }
}

async fn echo(mut inbound: Inbound, outbox: Outbox) {
    let close = loop {
        let incoming = tokio::select! {
            incoming = inbound.next() => incoming,
            () = outbox.closed() => return,
        };
        let frame = match incoming {
            Some(Incoming::Text(text)) => wsframe::text(text.as_bytes()),
            Some(Incoming::Binary(bytes)) => binary(&bytes),
            Some(Incoming::Ping(payload)) => wsframe::pong(&payload),
            Some(Incoming::Pong) => continue,
            Some(Incoming::Close(Some(code))) => break wsframe::close(code, ""),
            Some(Incoming::Close(None)) => break wsframe::close_without_code(),
            Some(Incoming::Violation(violation)) => {
                break wsframe::close(violation.close_code(), &violation.to_string());
            }
            Some(Incoming::Gone) | None => break wsframe::close_without_code(),
        };
        while outbox.push(frame.clone()).is_err() {
            outbox.drained().await;
        }
    };
    let _ = outbox.push_reply(close);
    inbound.finish(&outbox).await;
}

fn binary(payload: &[u8]) -> bytes::Bytes {
    let mut frame = wsframe::text(payload).to_vec();
    frame[0] = 0x82;
    bytes::Bytes::from(frame)
}
