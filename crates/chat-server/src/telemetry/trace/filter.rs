//! Which spans make traces: ours, and of those the ones whose trace is exported.
//!
//! Events stay with the logs. A span below `info` is a step of a trace: while the trace round it is not sampled, the step
//! is not even made, so that an unsampled request costs its one span. What begins a trace decides for itself.

use opentelemetry::{Context as Trace, trace::TraceContextExt as _};
use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter};

/// Spans that may begin a trace, though they are below `info`.
const BEGINNINGS: [&str; 1] = ["frame"];
/// The targets of the house.
pub(in crate::telemetry) const HOUSE: &str = "chat_";

/// See above.
pub(super) struct Steps;

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::DEBUG && metadata.target().starts_with(HOUSE)
}

fn is_always(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || BEGINNINGS.contains(&metadata.name())
}

fn is_sampled() -> bool {
    Trace::map_current(|trace| trace.span().span_context().is_sampled())
}

impl<S: Subscriber> Filter<S> for Steps {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        is_ours(metadata) && (is_always(metadata) || is_sampled())
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match (is_ours(metadata), is_always(metadata)) {
            (false, _) => Interest::never(),
            (true, true) => Interest::always(),
            (true, false) => Interest::sometimes(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }
}
