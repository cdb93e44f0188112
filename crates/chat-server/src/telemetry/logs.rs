//! Logs: one line an event on stderr, for people or for machines.
//!
//! Stderr, because stdout belongs to the one line that says where the server listens.

use std::io::{self, IsTerminal};

use tracing::{
    Dispatch, Level as Severity, Metadata, Subscriber, level_filters::LevelFilter, span::Record, subscriber::Interest,
};
use tracing_subscriber::{
    field::RecordFields,
    filter::Targets,
    fmt::{
        self, FormatFields, FormattedFields, MakeWriter,
        format::{DefaultFields, JsonFields, Writer},
    },
    layer::{Context, Filter, Layer, SubscriberExt},
    registry,
};

use super::{
    json::JsonLines,
    one_line::OneLineEach,
    trace::{self, HOUSE, Spans, Traces},
};
use crate::config::{Level, Levels, Log, LogFormat, Trace};

/// The process has a log subscriber already.
#[derive(Debug, thiserror::Error)]
#[error("logging was set up twice")]
pub struct AlreadySet;

/// Sends the logs of the whole process to stderr, panics included; call it once, first of all.
///
/// # Errors
/// [`AlreadySet`].
pub fn log_to_stderr(log: &Log) -> Result<(), AlreadySet> {
    install(log, None)
}

/// The same, and traces when the settings name a collector: nothing leaves before they are started.
///
/// # Errors
/// [`AlreadySet`].
pub fn observe(log: &Log, trace: &Trace, node: &str) -> Result<Option<Traces>, AlreadySet> {
    let (spans, traces) = trace::layer(trace, node).unzip();
    install(log, spans)?;
    Ok(traces)
}

fn install(log: &Log, spans: Option<Spans>) -> Result<(), AlreadySet> {
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let logs = dispatch(json, &log.level, spans, io::stderr);
    tracing::dispatcher::set_global_default(logs).map_err(|_| AlreadySet)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let words = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, "panic: {words}");
    }));
    Ok(())
}

/// The subscriber itself, with a writer of the caller's choice. No colours: escape sequences are what the wrapper is
/// there to remove.
fn dispatch<M>(json: bool, levels: &Levels, spans: Option<Spans>, writer: M) -> Dispatch
where
    M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_ansi(false).with_writer(OneLineEach(writer));
    let layer = if json {
        layer.fmt_fields(AtFirst(JsonFields::new())).event_format(JsonLines).boxed()
    } else {
        layer.fmt_fields(AtFirst(DefaultFields::new())).boxed()
    };
    Dispatch::new(registry().with(spans).with(layer.with_filter(Lines::of(levels))))
}

/// Shows the fields that a span began with. Those that come later (a route, a status) are for traces: the one line that
/// tells of them has them anyway, and formatting a span anew costs more than the line.
struct AtFirst<F>(F);

impl<'w, F: FormatFields<'w>> FormatFields<'w> for AtFirst<F> {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> std::fmt::Result {
        self.0.format_fields(writer, fields)
    }

    fn add_fields(&self, _: &'w mut FormattedFields<Self>, _: &Record<'_>) -> std::fmt::Result {
        Ok(())
    }
}

/// What is logged: events as `log.level` says, and whatever it says the spans whose fields each line of theirs needs, those
/// of a request and of a socket. Finer spans are for traces.
struct Lines {
    events: Targets,
    is_on: bool,
}

impl Lines {
    fn of(levels: &Levels) -> Self {
        let is_on = levels.default != Level::Off || levels.parts.iter().any(|(_, level)| *level != Level::Off);
        Self { events: filter(levels), is_on }
    }

    fn lets(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.is_span() {
            return self.is_on && *metadata.level() <= Severity::INFO && metadata.target().starts_with(HOUSE);
        }
        self.events.would_enable(metadata.target(), metadata.level())
    }
}

impl<S: Subscriber> Filter<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.lets(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.lets(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let events = Filter::<S>::max_level_hint(&self.events)?;
        Some(if self.is_on { events.max(LevelFilter::INFO) } else { events })
    }
}

/// Where actix reports every WebSocket that our side closed as an error: a socket's body ends with one on purpose, because
/// nothing else makes the connection close at once. A part named in `log.level` overrides this.
const CLOSES: &str = "actix_http::h1::dispatcher";

fn filter(levels: &Levels) -> Targets {
    let parts = levels.parts.iter().map(|(target, level)| (target.clone(), threshold(*level)));
    Targets::new().with_default(threshold(levels.default)).with_target(CLOSES, LevelFilter::OFF).with_targets(parts)
}

fn threshold(level: Level) -> LevelFilter {
    match level {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool, level: &str, events: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let levels = Levels::try_from(level.to_owned()).unwrap();
        let logs = dispatch(json, &levels, None, move || writer.clone());
        tracing::dispatcher::with_default(&logs, events);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    const HOSTILE: &str = "bob\r\n{\"level\":\"ERROR\"}\x1b[2J\u{9b}31m\u{2028}";

    fn hostile_event() {
        let span = tracing::info_span!("request", path = HOSTILE, agent = %HOSTILE);
        let _inside = span.enter();
        tracing::info!(user = HOSTILE, shown = %HOSTILE, debugged = ?HOSTILE, "{HOSTILE}");
    }

    #[test]
    fn l1_hostile_words_stay_one_escaped_line_in_both_formats() {
        for json in [true, false] {
            let text = logged(json, "info", hostile_event);
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            assert!(text.ends_with('\n'));
            let inner = text.trim_end_matches('\n');
            assert!(!inner.contains(char::is_control), "{inner}");
        }
    }

    #[test]
    fn l1_a_json_line_gives_back_the_words_as_they_were() {
        let text = logged(true, "info", hostile_event);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["user"], HOSTILE);
        assert_eq!(line["message"], HOSTILE);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["path"], HOSTILE);
    }

    #[test]
    fn levels_hold_for_everything_and_for_parts() {
        let events = || {
            tracing::info!(target: "chat_hub::room", "hub");
            tracing::info!(target: "actix_web", "web");
            tracing::debug!(target: "chat_hub::room", "detail");
        };
        assert_eq!(logged(true, "info", events).lines().count(), 2);
        assert_eq!(logged(true, "warn,chat_hub=trace", events).lines().count(), 2);
        assert_eq!(logged(true, "trace,actix_web=off", events).lines().count(), 2);
        assert_eq!(logged(true, "off", events), "");
    }

    #[test]
    fn without_traces_the_finer_spans_are_not_made_and_a_request_s_always_is() {
        for level in ["error", "info", "off,chat_server=warn"] {
            let text = logged(true, level, || {
                let request = tracing::info_span!("request", request_id = "r1");
                let _inside = request.enter();
                assert!(tracing::debug_span!("batch").is_disabled() && tracing::debug_span!("frame").is_disabled());
                tracing::error!("a line");
            });
            let line: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(line["request_id"], "r1", "at {level}");
        }
    }

    #[test]
    fn what_an_event_says_itself_goes_before_what_its_span_says() {
        let text = logged(true, "info", || {
            let span = tracing::info_span!("request", status = 1, level = "forged", request_id = "r1");
            span.record("request_id", "later");
            span.in_scope(|| tracing::warn!(status = 2, target_ms = 3.5, "said"));
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["status"], &line["level"], &line["request_id"]), (&2.into(), &"WARN".into(), &"r1".into()));
        assert_eq!((&line["target_ms"], &line["message"]), (&3.5.into(), &"said".into()));
    }
}
