//! Traces: the spans of a sampled request or frame, on their way to an OpenTelemetry collector.
//!
//! ```text
//! span ends ─▶ bounded queue ─▶ one task: batch, encode, POST ─▶ collector
//!                  └ full: dropped, counted
//! ```
//!
//! The official exporter is not used: it reads an environment of its own beside our settings, and its queue does not tell
//! how much it dropped. What is encoded, and how, comes from OpenTelemetry's own crates.

mod client;
mod exporter;
mod filter;
mod parcel;
mod queue;

use std::time::Duration;

use chat_web::middleware::TraceParent;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt as _, TraceState, TracerProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    trace::{ParentBasedSampler, Sampler, SdkTracerProvider, ShouldSample, SpanLimits},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, Registry};

pub(super) use self::filter::HOUSE;
use self::{exporter::Exporter, filter::Steps, queue::Queue};
use crate::config::Trace;

const DROPPED: &str = "chat_trace_spans_dropped_total";

/// The layer that makes spans of a trace.
pub(super) type Spans = Box<dyn Layer<Registry> + Send + Sync>;

/// The other end of the queue, before its task runs.
pub struct Traces {
    exporter: Exporter,
}

/// The task that exports.
pub struct Exporting {
    end: watch::Sender<Option<Instant>>,
    task: JoinHandle<()>,
    within: Duration,
}

/// A layer and what exports its spans; nothing when traces are off.
pub(super) fn layer(settings: &Trace, node: &str) -> Option<(Spans, Traces)> {
    let collector = settings.endpoint.collector()?.clone();
    let (sender, queue) = mpsc::channel(settings.queue_spans);
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "chat-server"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", node.to_owned()),
        ])
        .build();
    let exporter = Exporter {
        queue,
        collector,
        resource: (&resource).into(),
        most: settings.batch_spans,
        within: Duration::from_millis(settings.timeout_ms),
    };
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler(settings.sample_ratio))
        .with_span_limits(SpanLimits::default())
        .with_resource(resource)
        .with_span_processor(Queue(sender))
        .build();
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("chat-server"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Steps);
    Some((spans.boxed(), Traces { exporter }))
}

/// Whoever calls decides for its own traces, but 0 is nothing at all.
fn sampler(ratio: f64) -> Box<dyn ShouldSample> {
    if ratio > 0.0 {
        Box::new(ParentBasedSampler::new(Sampler::TraceIdRatioBased(ratio)))
    } else {
        Box::new(Sampler::AlwaysOff)
    }
}

impl Traces {
    /// Begins to export, on the runtime of the caller.
    #[must_use]
    pub fn start(self) -> Exporting {
        let (end, told) = watch::channel(None);
        let within = self.exporter.within;
        Exporting { end, task: tokio::spawn(self.exporter.run(told)), within }
    }
}

impl Exporting {
    /// Exports what still waits, for no longer than one export may take.
    pub async fn finish(self) {
        let deadline = Instant::now() + self.within;
        self.end.send_replace(Some(deadline));
        // An export that was under way may end with the deadline; what cannot be sent is counted at once then.
        let grace = Duration::from_millis(200);
        if tokio::time::timeout_at(deadline + grace, self.task).await.is_err() {
            tracing::warn!("the last spans could not be exported in time");
        }
    }
}

/// Makes the span a part of the caller's trace; without traces nothing happens.
pub(crate) fn continue_trace(span: &tracing::Span, parent: TraceParent) {
    let flags = if parent.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, caller) = (TraceId::from(parent.trace), SpanId::from(parent.span));
    let caller = SpanContext::new(trace, caller, flags, true, TraceState::NONE);
    // Fails only where traces are off.
    let _ = span.set_parent(Context::new().with_remote_span_context(caller));
}

/// Tells the recorder what is counted here, whether or not traces are on.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        DROPPED,
        "Spans that were not exported: the queue was full, or the collector refused them"
    );
    metrics::counter!(DROPPED).absolute(0);
}

fn dropped(spans: u64) {
    if spans > 0 {
        metrics::counter!(DROPPED).increment(spans);
    }
}
