//! The life of a server: start, serve, drain, end.
//!
//! The engine (stores' answers, writer, poller) runs on one multi-thread runtime; the doors on workers of their own, which
//! are current-thread runtimes. A signal begins the drain: not ready, `bye` to every socket in slices, the writer flushed, the
//! listeners closed. A second signal ends it at once.

use std::{io, net::SocketAddr, time::Duration};

use actix_web::dev::ServerHandle;
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

use crate::{
    assembly::{AssemblyError, Backend},
    config::Settings,
    files,
    listeners::{self, Listeners},
    telemetry::{RecorderTaken, Telemetry, Traces, trace},
};

/// How long the listeners may take to close once the sockets are gone, beyond `drain.seconds`.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Why the server ended, or never began.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting or a store.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// A listener can't be opened.
    #[error("{key}: cannot listen on {address}: {source}")]
    Listen {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The metrics recorder is taken.
    #[error(transparent)]
    Recorder(#[from] RecorderTaken),
    /// The runtime, a signal handler or a listener failed.
    #[error("the server failed: {0}")]
    Io(#[from] io::Error),
    /// A second signal came while draining.
    #[error("ended by a second signal before the drain was done")]
    Impatient,
}

impl ServeError {
    /// 2 for a wrong setting, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Listen { .. } => 2,
            Self::Assembly(error) if error.is_setting() => 2,
            Self::Assembly(_) | Self::Recorder(_) | Self::Io(_) | Self::Impatient => 1,
        }
    }
}

/// Serves until a signal, then drains. Spans are exported meanwhile, and the last of them after everything else.
///
/// # Errors
/// [`ServeError`].
pub fn serve(settings: &Settings, traces: Option<Traces>) -> Result<(), ServeError> {
    let engine = engine()?;
    let result = engine.block_on(async {
        let exporting = traces.map(Traces::start);
        let result = life(settings).await;
        match (exporting, &result) {
            (None, _) | (_, Err(ServeError::Impatient)) => {}
            (Some(exporting), _) => exporting.finish().await,
        }
        result
    });
    // What is still blocked on a disk does not keep the process.
    engine.shutdown_timeout(Duration::from_millis(200));
    result
}

/// The runtime on which adapters live.
pub(crate) fn engine() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().thread_name("engine").build()
}

async fn life(settings: &Settings) -> Result<(), ServeError> {
    let mut signals = Signals::new()?;
    files::allow_all();
    let telemetry = Telemetry::install()?;
    trace::describe_metrics();
    let backend = Backend::assemble(settings).await?;
    let listeners = listeners::open(settings, &backend, &telemetry)?;
    let told = announcement(&listeners);
    let Listeners { public, metrics, readiness, .. } = listeners;
    let handles: Vec<ServerHandle> =
        [Some(&public), metrics.as_ref()].into_iter().flatten().map(|s| s.handle()).collect();
    let mut public = tokio::spawn(public);
    let metrics = metrics.map(tokio::spawn);
    readiness.ready();
    announce(&told);
    tracing::info!(node = settings.node.name, version = env!("CARGO_PKG_VERSION"), "ready");
    let upkeep = telemetry.upkeep();
    tokio::select! {
        () = signals.next() => {}
        ended = &mut public => return Err(ended.map_or_else(io::Error::other, |result| result.err().unwrap_or_else(|| io::Error::other("the listener closed"))).into()),
        () = upkeep => {}
    }
    tracing::info!(seconds = settings.drain.seconds, "draining");
    readiness.drain();
    let deadline = Instant::now() + Duration::from_secs(settings.drain.seconds);
    let drained = async {
        backend.hub.drain(deadline.saturating_duration_since(Instant::now())).await;
        for handle in &handles {
            if tokio::time::timeout(CLOSE_WITHIN, handle.stop(true)).await.is_err() {
                handle.stop(false).await;
            }
        }
    };
    tokio::select! {
        () = drained => {}
        () = signals.next() => return Err(ServeError::Impatient),
    }
    drop(metrics);
    tracing::info!("ended");
    Ok(())
}

fn announcement(listeners: &Listeners) -> String {
    match listeners.metrics_address {
        Some(metrics) => format!("listening on http://{}, metrics on http://{metrics}/metrics", listeners.address),
        None => format!("listening on http://{}", listeners.address),
    }
}

/// One line on stdout once everything listens and is ready: what scripts and tests wait for.
#[expect(clippy::print_stdout, reason = "protocol §7: `serve` prints one line with its addresses")]
fn announce(line: &str) {
    println!("{line}");
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
