//! What the kernel knows about a process: CPU time, memory, open files. Linux only, like the deployments.

use std::{fs, time::Duration};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// CPU and memory of one process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// User and system time so far, all threads; the kernel counts in ticks of 10 ms.
    pub(crate) cpu: Duration,
    /// Resident memory in KiB.
    pub(crate) rss_kib: u64,
}

/// The usage of `pid`.
///
/// # Errors
/// When there is no such process (any more).
pub(crate) fn usage(pid: u32) -> anyhow::Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let ticks = ticks(&stat).context("/proc/PID/stat has no times")?;
    let cpu = Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1));
    Ok(Usage { cpu, rss_kib: rss_kib(&status).unwrap_or(0) })
}

/// `utime + stime` of a stat line; the name in parentheses may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn rss_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Raises the soft limit of open files to the hard one, for this process and those it starts, and checks that
/// `needed` fit.
///
/// # Errors
/// When the hard limit is too low.
pub(crate) fn allow_files(needed: usize) -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    if let Some(most) = limit.maximum {
        anyhow::ensure!(
            most > crate::figures::count(needed),
            "{needed} sockets need more open files than the hard limit of {most} (ulimit -Hn)"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 4 0 1000";
        assert_eq!(ticks(stat), Some(200));
        assert_eq!(rss_kib("Name:\tx\nVmRSS:\t  1234 kB\n"), Some(1234));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(usage(std::process::id()).unwrap().rss_kib > 100);
        assert!(usage(u32::MAX).is_err());
    }
}
