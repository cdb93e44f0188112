//! A script that is called many times in one pipeline.

use redis::{Cmd, Script};

/// Its source and its hash.
pub(crate) struct Scripted {
    source: &'static str,
    script: Script,
}

impl Scripted {
    pub(crate) fn new(source: &'static str) -> Self {
        Self { source, script: Script::new(source) }
    }

    /// The command that calls it. The first call in a pipeline brings the source, so that the others find it by its hash
    /// whatever Redis forgot since the last time.
    pub(crate) fn call(&self, is_first: bool) -> Cmd {
        let mut command = redis::cmd(if is_first { "EVAL" } else { "EVALSHA" });
        command.arg(if is_first { self.source } else { self.script.get_hash() });
        command
    }
}
