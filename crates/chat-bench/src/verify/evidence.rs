//! What the participants of a `verify` record together: latencies, connections and how they ended.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::progress::Progress;
use crate::{
    client::Lost,
    figures::{Latencies, now_us},
    report::Report,
};

/// How long everybody may take to connect.
const ARRIVAL: Duration = Duration::from_secs(60);

/// The end of an established connection that the client did not want.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// When, in microseconds of [`now_us`].
    pub(crate) at_us: u64,
    /// Of a slow reader, which may not get to hear anything in time.
    pub(crate) slow: bool,
    /// `bye` with 1012 was heard and the close code was 1012.
    pub(crate) proper: bool,
    /// In words.
    pub(crate) how: String,
}

/// Shared by all participants.
pub(crate) struct Evidence {
    connected: AtomicUsize,
    unanswered: AtomicUsize,
    /// Latencies count for messages sent after this moment; `u64::MAX` while the server is in trouble.
    calm_since: AtomicU64,
    ends: Mutex<Vec<End>>,
    /// Changes when everybody is to move to the node that is theirs.
    moves: watch::Sender<()>,
    /// How far everybody is.
    pub(crate) progress: Progress,
    /// From the first attempt to the acknowledgement.
    pub(crate) acks: Latencies,
    /// From the first attempt to a live delivery, slow readers not counted.
    pub(crate) deliveries: Latencies,
}

impl Evidence {
    /// Nothing yet.
    pub(crate) fn new(progress: Progress) -> anyhow::Result<Self> {
        Ok(Self {
            connected: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            calm_since: AtomicU64::new(u64::MAX),
            ends: Mutex::default(),
            moves: watch::Sender::new(()),
            progress,
            acks: Latencies::new()?,
            deliveries: Latencies::new()?,
        })
    }

    /// From now on latencies count.
    pub(crate) fn calm(&self) {
        self.calm_since.store(now_us(), Ordering::Relaxed);
    }

    /// From now on they do not.
    pub(crate) fn trouble(&self) {
        self.calm_since.store(u64::MAX, Ordering::Relaxed);
    }

    /// Whether the latency of a message made at this moment counts.
    pub(crate) fn counts(&self, made_us: u64) -> bool {
        made_us > self.calm_since.load(Ordering::Relaxed)
    }

    /// After a fault everybody is where nothing happened, and the next one would hit an empty node. So those who are not on
    /// the node that is theirs go there, as behind a balancer that spreads its connections anew.
    pub(crate) fn spread(&self) {
        self.moves.send_replace(());
    }

    /// Hears of [`Evidence::spread`].
    pub(crate) fn moves(&self) -> watch::Receiver<()> {
        self.moves.subscribe()
    }

    /// A participant is connected and live.
    pub(crate) fn connect(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    /// A connected participant is not any more, by its own will (`None`) or not.
    pub(crate) fn disconnect(&self, slow: bool, lost: Option<&Lost>) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
        let Some(lost) = lost else { return };
        let proper = matches!(lost, Lost::Closed { code: Some(1012), bye: Some((1012, _)) });
        let end = End { at_us: now_us(), slow, proper, how: lost.to_string() };
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
    }

    /// How many are connected.
    pub(crate) fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// The ends between two moments.
    pub(crate) fn ends(&self, from_us: u64, to_us: u64) -> Vec<End> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().filter(|end| (from_us..=to_us).contains(&end.at_us)).cloned().collect()
    }

    /// A message was sent for the first time.
    pub(crate) fn ask(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    /// It was acknowledged, or refused for good.
    pub(crate) fn answer(&self) {
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits until `all` are connected.
    ///
    /// # Errors
    /// When they are not within a minute.
    pub(crate) async fn wait_connected(&self, all: usize) -> anyhow::Result<()> {
        wait(ARRIVAL, || self.connected() >= all).await.then_some(()).ok_or_else(|| {
            anyhow::anyhow!("only {} of {all} participants were connected within a minute", self.connected())
        })
    }

    /// Waits until everything sent is answered.
    ///
    /// # Errors
    /// When it is not within `limit`.
    pub(crate) async fn wait_answered(&self, limit: Duration) -> anyhow::Result<()> {
        let left = || self.unanswered.load(Ordering::Relaxed);
        // A sender between an acknowledgement and its next message shows as nothing under way: look twice.
        for _ in 0..2 {
            if !wait(limit, || left() == 0).await {
                bail!("{} sends were not answered within {} s", left(), limit.as_secs());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Latencies and ends, for the report.
    pub(crate) fn tell(&self, report: &mut Report) {
        report.latency("ack", self.acks.summary());
        report.latency("delivery", self.deliveries.summary());
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        report.figure("lost_connections", ends.len(), "");
        let broken: Vec<&End> = ends.iter().filter(|end| end.how.contains("broke a rule")).collect();
        for end in broken {
            report.anomaly(end.how.clone());
        }
    }
}

/// Waits until `done`, at most `limit`; says whether it came true.
async fn wait(limit: Duration, done: impl Fn() -> bool) -> bool {
    let until = Instant::now() + limit;
    while !done() {
        if Instant::now() >= until {
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
    true
}
