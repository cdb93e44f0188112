//! How many frames come, and how long each takes from being read to its answer being queued.

use std::rc::Rc;

use metrics::{Counter, Histogram};
use tokio::time::Instant;
use tracing::Span;

use super::frames::FRAME_TYPES;

/// What goes with a frame while it is worked on.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) span: Span,
    timer: Option<Rc<Timer>>,
}

struct Timer {
    kind: &'static str,
    since: Instant,
}

impl Work {
    /// On nothing.
    pub(super) fn none() -> Self {
        Self { span: Span::none(), timer: None }
    }

    /// On a frame of this type that was read at this moment; counts it.
    pub(super) fn on(kind: &'static str, span: Span, since: Instant) -> Self {
        with_meter(kind, |meter| meter.frames.increment(1));
        Self { span, timer: Some(Rc::new(Timer { kind, since })) }
    }

    /// Whoever holds it is done with it; when nobody else goes on with the frame, it has taken so long. A frame whose socket
    /// ends before its answer has taken no time that would mean anything.
    pub(super) fn done(self) {
        if let Some(timer) = self.timer.and_then(Rc::into_inner) {
            with_meter(timer.kind, |meter| meter.seconds.record(timer.since.elapsed().as_secs_f64()));
        }
    }
}

/// What is counted of one type.
struct Meter {
    kind: &'static str,
    frames: Counter,
    seconds: Histogram,
}

thread_local! {
    /// Asked for once a thread: a frame pays for two additions, not for finding them by their labels.
    static METERS: [Meter; FRAME_TYPES.len()] = FRAME_TYPES.map(|kind| Meter {
        kind,
        frames: metrics::counter!("chat_websocket_frames_total", "type" => kind),
        seconds: metrics::histogram!("chat_websocket_frame_duration_seconds", "type" => kind),
    });
}

fn with_meter(kind: &'static str, count: impl FnOnce(&Meter)) {
    METERS.with(|meters| {
        if let Some(meter) = meters.iter().find(|meter| meter.kind == kind) {
            count(meter);
        }
    });
}
