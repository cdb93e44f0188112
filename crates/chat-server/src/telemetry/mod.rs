//! What operators see: logs, metrics and traces.
//!
//! Whoever has something to say uses `tracing` and `metrics` and knows nothing of this module; here is decided where it
//! goes. Logs go to stderr, one line an event; metrics are kept in process and rendered when somebody scrapes; spans of
//! sampled traces go to a collector, when one is named.

mod json;
mod logs;
mod metrics;
mod names;
mod one_line;
mod process;
pub(crate) mod trace;

pub use logs::{AlreadySet, log_to_stderr, observe};
pub use metrics::{RecorderTaken, Telemetry};
pub use trace::{Exporting, Traces};
