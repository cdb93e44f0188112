//! Logs: one line an event on stderr, for people or for machines.
//!
//! Stderr, because stdout belongs to the one line that says where the server listens.

use std::io::{self, IsTerminal};

use tracing::{Dispatch, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::{Layer, SubscriberExt},
    registry,
};

use super::one_line::OneLineEach;
use crate::config::{Level, Levels, Log, LogFormat};

/// The process has a log subscriber already.
#[derive(Debug, thiserror::Error)]
#[error("logging was set up twice")]
pub struct AlreadySet;

/// Sends the logs of the whole process to stderr, panics included; call it once, first of all.
///
/// # Errors
/// [`AlreadySet`].
pub fn log_to_stderr(log: &Log) -> Result<(), AlreadySet> {
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let logs = dispatch(json, &log.level, io::stderr);
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
fn dispatch<M>(json: bool, levels: &Levels, writer: M) -> Dispatch
where
    M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_ansi(false).with_writer(OneLineEach(writer));
    let layer = if json {
        layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    } else {
        layer.boxed()
    };
    Dispatch::new(registry().with(layer.with_filter(filter(levels))))
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
        let logs = dispatch(json, &levels, move || writer.clone());
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
        assert_eq!(line["span"]["path"], HOSTILE);
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
}
