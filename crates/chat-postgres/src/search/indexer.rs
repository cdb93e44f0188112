//! The task of each open handle that moves what waits into the index: soon after commits, with pauses while they go on, and
//! without when too much waits.
//!
//! It holds no handle while it sleeps, so it ends with the last one. Other nodes have such a task too; the database lets one at a
//! time do a slice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chat_domain::refusal::{Refusal, Unavailable};
use futures_util::FutureExt;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::index::{self, Done};
use crate::{Postgres, meters};

/// What other nodes left behind is looked for so often.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A slice takes one part of the time in so many, while commits go on.
const PARTS: u32 = 10;

/// By what the task learns of commits, and of the end of the handle.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    commits: AtomicU64,
    notify: Notify,
}

impl Wake {
    /// Something may wait now.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.notify.notify_one();
    }

    /// There is no handle any more.
    pub(crate) fn end(&self) {
        self.notify.notify_one();
    }

    fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// Starts the task of a handle, unless it is to leave this to others.
pub(crate) fn keep_indexing(store: &Postgres) {
    let settings = store.settings();
    if settings.index_slice > 0 {
        let task = run(store.weak(), Arc::clone(store.wake()), settings.index_pause, settings.index_bound);
        drop(store.runtime().spawn(task));
    }
}

async fn run(store: impl Fn() -> Option<Postgres> + Send, wake: Arc<Wake>, pause: Duration, bound: usize) {
    loop {
        // Woken or not: both are a reason to look.
        drop(timeout(LOOK_AGAIN, wake.notify.notified()).await);
        let mut rest = pause;
        loop {
            sleep(rest).await;
            let Some(store) = store() else { return };
            let (commits, begun) = (wake.commits(), Instant::now());
            let Ok(Done { more, waiting }) = store.index_some().await else {
                // It was logged where it failed. Where only indexing fails, what waits must be seen to grow.
                if let Ok(waiting) = store.waiting().await {
                    meters::show_waiting(waiting);
                }
                drop(store);
                sleep(LOOK_AGAIN).await;
                break;
            };
            meters::show_waiting(waiting);
            if !more {
                break;
            }
            let gives_way = waiting <= bound && wake.commits() != commits;
            rest = if gives_way { pause.max(begun.elapsed() * (PARTS - 1)) } else { Duration::ZERO };
        }
    }
}

impl Postgres {
    /// Moves one slice.
    pub(crate) async fn index_some(&self) -> Result<Done, Refusal> {
        let (most, bound) = (self.settings().index_slice, self.settings().index_bound);
        self.aside("search.index", move |conn| index::some(conn, most, bound).boxed()).await
    }

    /// About how many messages wait.
    async fn waiting(&self) -> Result<usize, Unavailable> {
        let bound = self.settings().index_bound;
        self.read("search.waiting", move |conn| index::waiting(conn, bound).boxed()).await
    }
}
