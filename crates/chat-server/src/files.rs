//! How many files this process may have open: every socket is one.
//!
//! Container engines start processes with a low soft limit (1,024, for programs that use `select`) and a high hard one; a program that
//! knows better raises it itself (<https://0pointer.net/blog/file-descriptor-limits.html>).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one; a failure costs connections, not the start.
pub(crate) fn allow_all() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
