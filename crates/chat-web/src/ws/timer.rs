//! How long a frame takes, from being understood to the last that is done for it: shared by whoever still works on it, counted
//! when the last of them lets go.

use std::rc::Rc;

use tokio::time::Instant;
use tracing::Span;

/// What goes with a frame while it is worked on.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) span: Span,
    _timer: Option<Rc<Timer>>,
}

impl Work {
    /// On nothing.
    pub(super) fn none() -> Self {
        Self { span: Span::none(), _timer: None }
    }

    /// On a frame of this type, from now on.
    pub(super) fn on(kind: &'static str, span: Span) -> Self {
        Self { span, _timer: Some(Rc::new(Timer { kind, since: Instant::now() })) }
    }
}

struct Timer {
    kind: &'static str,
    since: Instant,
}

impl Drop for Timer {
    fn drop(&mut self) {
        let took = self.since.elapsed().as_secs_f64();
        metrics::histogram!("chat_websocket_frame_duration_seconds", "type" => self.kind).record(took);
    }
}
