//! What happened in a run, as a hash of all and the last lines of it.

use std::{
    cell::RefCell,
    collections::{VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

/// Lines that a failure shows.
const KEPT: usize = 80;

#[derive(Default)]
pub struct Trace(RefCell<Lines>);

#[derive(Default)]
struct Lines {
    last: VecDeque<String>,
    /// Of fixed keys, so that runs can be compared.
    hash: DefaultHasher,
    count: u64,
}

impl Trace {
    /// The line must hold nothing that differs between two runs of a seed.
    pub fn note(&self, at_ms: u64, line: impl FnOnce() -> String) {
        let line = format!("{at_ms:>7} {}", line());
        let mut lines = self.0.borrow_mut();
        line.hash(&mut lines.hash);
        lines.count += 1;
        if lines.last.len() == KEPT {
            lines.last.pop_front();
        }
        lines.last.push_back(line);
    }

    pub fn hash(&self) -> u64 {
        self.0.borrow().hash.finish()
    }

    pub fn count(&self) -> u64 {
        self.0.borrow().count
    }

    pub fn tail(&self) -> String {
        self.0.borrow().last.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}
