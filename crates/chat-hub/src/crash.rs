//! Failpoints: a node that dies at a chosen instruction, so that the verifier can look at what is left. Compiled only for that;
//! never in a release.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::core::Core;

/// Where a node dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// A batch was taken, and its commit not begun.
    BeforeCommit,
    /// A batch is durable, and nobody was told.
    AfterCommit,
    /// Some of a room's sockets have an event, and others have not.
    FanOut,
}

/// A death that was ordered.
#[derive(Debug)]
pub struct Crash {
    point: CrashPoint,
    /// Passes of the point that are survived.
    passes: AtomicU32,
}

impl Crash {
    /// Dies when `point` is passed for the `passes`th time.
    #[must_use]
    pub fn new(point: CrashPoint, passes: u32) -> Self {
        Self { point, passes: AtomicU32::new(passes.max(1)) }
    }
}

impl Core {
    /// Passes a point, or dies there as by `kill -9`: nothing is flushed, nobody is told.
    pub(crate) fn pass(&self, point: CrashPoint) {
        let ordered = self.settings.crash.as_deref().filter(|crash| crash.point == point);
        if ordered.is_some_and(|crash| crash.passes.fetch_sub(1, Ordering::Relaxed) == 1) {
            std::process::abort();
        }
    }
}
