//! Signals, and what `/proc` knows of the processes of a server.

use std::{
    fs, io,
    process::{Child, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How often a wait looks again.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// Sends a signal; a process that has ended already is no error.
///
/// # Errors
/// When we may not.
pub(crate) fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    match kill_process(pid.ok_or_else(|| io::Error::other("no such process id"))?, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// Waits until `child` has ended.
///
/// # Errors
/// `TimedOut` when it still runs after `limit`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> io::Result<ExitStatus> {
    let mut status = None;
    until(limit, "the process did not end", || {
        status = child.try_wait()?;
        Ok(status.is_some())
    })?;
    status.ok_or_else(|| io::Error::other("the process has no status"))
}

/// Looks again and again until `done`.
///
/// # Errors
/// `TimedOut` with `what` after `limit`, and those of `done`.
pub(crate) fn until(limit: Duration, what: &str, mut done: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let end = Instant::now() + limit;
    while !done()? {
        if Instant::now() >= end {
            let message = format!("{what} within {} s", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Whether the process is stopped by a signal.
pub(crate) fn is_stopped(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state_and_parent(&stat).is_some_and(|(state, _)| state == 'T')
}

/// The living children of a process.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn children(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // Who ends while we look has no file any more.
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        if state_and_parent(&stat).is_some_and(|(state, parent)| parent == pid && state != 'Z') {
            found.push(id);
        }
    }
    Ok(found)
}

/// State and parent of a stat line; the name in parentheses may hold anything.
fn state_and_parent(stat: &str) -> Option<(char, u32)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn state_and_parent_are_found_behind_any_name() {
        assert_eq!(state_and_parent("42 (a) S 9 (b) T 41 42 0"), Some(('T', 41)));
        assert_eq!(state_and_parent(""), None);
    }

    #[test]
    fn a_stopped_child_is_seen() {
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        assert!(children(std::process::id()).unwrap().contains(&child.id()));
        assert!(!is_stopped(child.id()));
        signal(child.id(), Signal::STOP).unwrap();
        until(Duration::from_secs(5), "not stopped", || Ok(is_stopped(child.id()))).unwrap();
        assert_eq!(wait(&mut child, Duration::ZERO).unwrap_err().kind(), io::ErrorKind::TimedOut);
        signal(child.id(), Signal::KILL).unwrap();
        wait(&mut child, Duration::from_secs(5)).unwrap();
    }
}
