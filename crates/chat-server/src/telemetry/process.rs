//! The process itself: memory, CPU, files, threads, read from /proc at every scrape.
//!
//! The names are those that all Prometheus clients use. Written as text here because CPU time is a counter with a
//! fraction, which the recorder does not have. Elsewhere than on Linux there is no /proc, and nothing is shown.

use std::{fmt::Write, fs};

/// The kernel's clock tick in /proc, for all architectures that anybody runs this on (USER_HZ, proc_pid_stat(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// The lines of all that could be read.
pub(super) fn render() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    // The directory handle of this very look counts once.
    let open = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1).to_string());

    let mut text = String::new();
    let mut show = |name: &str, kind: &str, help: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing into a String can't fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
    };
    let bytes = |field| status_field(&status, field).map(|kib| kib.saturating_mul(1_024).to_string());
    show("process_resident_memory_bytes", "gauge", "Memory in RAM", bytes("VmRSS:"));
    show("process_virtual_memory_bytes", "gauge", "Address space", bytes("VmSize:"));
    show("process_threads", "gauge", "Threads", status_field(&status, "Threads:").map(|n| n.to_string()));
    show(
        "process_cpu_seconds_total",
        "counter",
        "CPU time, user and system",
        cpu_seconds(&stat).map(|s| s.to_string()),
    );
    let system = fs::read_to_string("/proc/stat").unwrap_or_default();
    let began = started(&stat, &system).map(|s| s.to_string());
    show("process_start_time_seconds", "gauge", "When the process began, in seconds since 1970", began);
    show("process_open_fds", "gauge", "Open file descriptors", open);
    show("process_max_fds", "gauge", "File descriptors that may be open", max_files(&limits).map(|n| n.to_string()));
    text
}

/// The number after a field's name in /proc/self/status.
fn status_field(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// utime + stime of /proc/self/stat. The program's name may hold blanks and brackets, so fields count from the last `)`:
/// the state is the 3rd of the manual, the two times the 14th and 15th.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// The 22nd field is when the process began, in ticks since the machine did, which /proc/stat tells.
fn started(stat: &str, system: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().nth(19)?.parse::<f64>().ok()?;
    let boot = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse::<f64>().ok()?;
    Some(boot + ticks / TICKS_PER_SECOND)
}

/// The soft limit in /proc/self/limits; none when it is unlimited.
fn max_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_even_behind_an_odd_program_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 1 2 3";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
        assert_eq!(started(stat, "cpu 1 2\nbtime 1000\n"), Some(1000.01));
        let status = "Name:\tchat\nVmSize:\t    2048 kB\nVmRSS:\t     512 kB\nThreads:\t4\n";
        assert_eq!(status_field(status, "VmRSS:"), Some(512));
        assert_eq!(max_files("Max open files            1024                 4096                 files"), Some(1024));
        assert_eq!(max_files("Max open files            unlimited            unlimited            files"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_time_and_files() {
        let text = render();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
            line.parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 500_000.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_threads") >= 1.0);
        assert!(value("process_start_time_seconds") > 1.6e9);
    }
}
