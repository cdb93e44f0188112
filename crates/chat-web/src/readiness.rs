//! Whether this node wants requests: what `/readyz` answers.
//!
//! A load balancer asks often and from many places, so the store is asked at most once a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use chat_domain::{ports::LogStore, refusal::Unavailable};
use tokio::{sync::Mutex, time::Instant};

/// How long an answer of the store is good.
const FRESH: Duration = Duration::from_secs(1);
/// How long the store may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where in its life the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not yet.
    Starting,
    /// Serving.
    Ready,
    /// No longer.
    Draining,
}

/// Shared by everybody who asks or tells.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    phase: AtomicU8,
    store: Arc<dyn LogStore>,
    last: Mutex<Option<(Instant, Result<(), Unavailable>)>>,
}

impl Readiness {
    /// Starting; `store` is what must answer.
    #[must_use]
    pub fn new(store: Arc<dyn LogStore>) -> Self {
        Self(Arc::new(Inner { phase: AtomicU8::new(0), store, last: Mutex::new(None) }))
    }

    /// From now on requests are wanted; a drain is never taken back.
    pub fn ready(&self) {
        let _already_on = self.0.phase.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire);
    }

    /// From now on no more requests are wanted.
    pub fn drain(&self) {
        self.0.phase.store(2, Ordering::Release);
        metrics::gauge!("chat_draining").set(1.0);
    }

    /// Where in its life the node is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.0.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Serving, and the store answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), Unavailable> {
        match self.phase() {
            Phase::Starting => Err(Unavailable::because("starting")),
            Phase::Draining => Err(Unavailable::because("draining")),
            Phase::Ready => self.ask_store().await,
        }
    }

    /// Callers that come while the store is asked wait for that one answer.
    async fn ask_store(&self) -> Result<(), Unavailable> {
        let mut last = self.0.last.lock().await;
        if let Some((at, answer)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = match tokio::time::timeout(PATIENCE, self.0.store.ping()).await {
            Ok(answer) => answer,
            Err(_) => Err(Unavailable::because("the store does not answer")),
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}
