//! What operators see: logs and metrics.
//!
//! Whoever has something to say uses `tracing` and `metrics` and knows nothing of this module; here is decided where it
//! goes. Logs go to stderr, one line an event; metrics are kept in process and rendered when somebody scrapes.

mod logs;
mod metrics;
mod names;
mod one_line;
mod process;

pub use logs::{AlreadySet, log_to_stderr};
pub use metrics::{RecorderTaken, Telemetry};
