//! What happened in a run, line by line: the last of it for a failure's message, all of it to compare runs by.

use std::{cell::RefCell, path::PathBuf};

/// Lines that a failure shows.
const SHOWN: usize = 40;

#[derive(Default)]
pub struct Trace(RefCell<Vec<String>>);

impl Trace {
    /// The line must hold nothing that differs between two runs of a seed.
    pub fn note(&self, at_ms: u64, line: impl FnOnce() -> String) {
        let line = format!("{at_ms:>7} {}", line());
        self.0.borrow_mut().push(line);
    }

    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// Its last lines, and where all of them were put.
    pub fn tail(&self, seed: u64) -> String {
        let all = self.0.borrow();
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("simulation-{seed}.log"));
        let kept = match std::fs::write(&file, all.join("\n")) {
            Ok(()) => file.display().to_string(),
            Err(error) => error.to_string(),
        };
        format!("{}\nall {} lines: {kept}", all[all.len().saturating_sub(SHOWN)..].join("\n"), all.len())
    }
}
