//! An eye on the memory of the server, while a run goes on.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::AbortHandle, time::sleep};

use crate::{process::usage, report::Report, subject::Subject};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// The memory of the server's processes, watched in the background.
pub(crate) struct Memory {
    pids: Arc<Mutex<Vec<u32>>>,
    start_kib: u64,
    max_kib: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Memory {
    /// Starts to watch, when the processes are known.
    pub(crate) fn watch(subject: &Subject) -> Option<Self> {
        let start = subject.usage().ok().flatten()?;
        let pids = Arc::new(Mutex::new(subject.pids()));
        let max_kib = Arc::new(AtomicU64::new(start.rss_kib));
        let (watched, max) = (Arc::clone(&pids), Arc::clone(&max_kib));
        let task = tokio::spawn(async move {
            loop {
                let now = watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let sum = now.into_iter().filter_map(|pid| usage(pid).ok()).map(|usage| usage.rss_kib).sum();
                max.fetch_max(sum, Ordering::Relaxed);
                sleep(LOOK).await;
            }
        });
        Some(Self { pids, start_kib: start.rss_kib, max_kib, task: task.abort_handle() })
    }

    /// The processes may be others now.
    pub(crate) fn follow(&self, subject: &Subject) {
        *self.pids.lock().unwrap_or_else(PoisonError::into_inner) = subject.pids();
    }

    /// Adds it to the report.
    pub(crate) fn tell(&self, report: &mut Report) {
        let max = self.max_kib.load(Ordering::Relaxed);
        report.figure("server_rss_start_kib", self.start_kib, "KiB");
        report.figure("server_rss_max_kib", max, "KiB");
        report.figure("server_rss_growth_kib", max.saturating_sub(self.start_kib), "KiB");
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.task.abort();
    }
}
