//! What the engine's tasks and every worker share: the parts of one node's hub, and the ways to run and to ask.
//!
//! Adapters live on the engine's runtime (their connections are bound to it), so every question to a port runs there, under a
//! time-out, whichever thread asks. Every task here ends with the hub.

use std::{
    future::Future,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_domain::refusal::{Refusal, Unavailable};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore, watch},
    time::timeout,
};

use crate::{
    HubPorts, HubSettings, ended::Ended, fresh::Fresh, loader::Loader, people::People, presence::PresenceDesk,
    rooms::Rooms, tail::TailDesk, topics::Topics, watched::Watched, writer::Writer,
};

/// One node's hub.
pub(crate) struct Core {
    pub(crate) ports: HubPorts,
    pub(crate) settings: HubSettings,
    pub(crate) writer: Writer,
    pub(crate) rooms: Rooms,
    pub(crate) people: People,
    pub(crate) presence: PresenceDesk,
    pub(crate) watched: Watched,
    pub(crate) topics: Topics,
    pub(crate) ended: Ended,
    pub(crate) loader: Loader,
    pub(crate) tail: TailDesk,
    pub(crate) fresh: Fresh,
    /// Admits reads of the record for one user's catch-up.
    pub(crate) user_reads: Semaphore,
    /// Admits reads of the record for the node's own rooms: these must not queue behind a storm of catch-ups.
    pub(crate) house_reads: Semaphore,
    /// Something may have been missed: look at the heads now.
    pub(crate) poll_now: Notify,
    draining: AtomicBool,
    handle: Handle,
    stop: watch::Sender<bool>,
    rng: Mutex<SmallRng>,
}

impl Core {
    pub(crate) fn new(ports: HubPorts, settings: HubSettings, handle: Handle) -> Self {
        Self {
            writer: Writer::new(&settings),
            rooms: Rooms::default(),
            people: People::default(),
            presence: PresenceDesk::default(),
            watched: Watched::default(),
            topics: Topics::default(),
            ended: Ended::default(),
            loader: Loader::default(),
            tail: TailDesk::default(),
            fresh: Fresh::default(),
            user_reads: Semaphore::new(settings.catchup_concurrency),
            house_reads: Semaphore::new(settings.open_concurrency),
            poll_now: Notify::new(),
            draining: AtomicBool::new(false),
            handle,
            stop: watch::Sender::new(false),
            rng: Mutex::new(SmallRng::seed_from_u64(settings.seed)),
            ports,
            settings,
        }
    }

    /// Runs on the engine's runtime until it is done or the hub stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stopped();
        self.handle.spawn(async move {
            tokio::select! {
                biased;
                () = stopped => {}
                () = task => {}
            }
        });
    }

    /// Resolves when the hub stops.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the hub itself is gone, which is a stop too.
            let _ = stop.wait_for(|stopped| *stopped).await;
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Puts a question to a port, on the engine's runtime, and waits no longer than the read time-out.
    pub(crate) async fn ask<T, E>(
        &self,
        question: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        E: Into<Refusal> + Send + 'static,
    {
        match self.handle.spawn(timeout(self.settings.read_timeout, question)).await {
            Ok(Ok(answer)) => answer.map_err(Into::into),
            Ok(Err(_)) => Err(Unavailable::because("no answer in time").into()),
            Err(error) => Err(Unavailable::because(error).into()),
        }
    }

    /// From now on nobody is let in.
    pub(crate) fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Between half of `wait` and the whole, so that many who wait do not come back together.
    pub(crate) fn jittered(&self, wait: Duration) -> Duration {
        wait / 2 + wait.mul_f64(lock(&self.rng).random_range(0.0..0.5))
    }

    /// A number up to and including `most`.
    pub(crate) fn random_up_to(&self, most: u64) -> u64 {
        lock(&self.rng).random_range(0..=most)
    }
}

/// Locks; a panic of another holder does not take the rest of the node down with it: every critical section here leaves a
/// state that the next look at the record corrects.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
