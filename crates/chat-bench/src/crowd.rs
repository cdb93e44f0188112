//! Many clients that come up together: bounded connecting, patience, a barrier.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    backoff::Backoff,
    client::{Client, Lost},
    ears::Sink,
};

/// How long a client may try to become live.
const ARRIVAL: Duration = Duration::from_secs(120);

/// Troubles kept in words; the rest is counted.
const TOLD: usize = 10;

/// What the clients of a crowd share.
pub(crate) struct Crowd {
    gate: Semaphore,
    live: AtomicUsize,
    troubles: AtomicUsize,
    told: Mutex<Vec<String>>,
}

impl Crowd {
    /// A crowd of which `connecting` may be on their way in at the same time.
    pub(crate) fn new(connecting: usize) -> Arc<Self> {
        Arc::new(Self {
            gate: Semaphore::new(connecting.clamp(1, Semaphore::MAX_PERMITS)),
            live: AtomicUsize::new(0),
            troubles: AtomicUsize::new(0),
            told: Mutex::new(Vec::new()),
        })
    }

    /// Connects until the client is live and whole, and counts it. Failures are counted and tried again.
    ///
    /// # Errors
    /// When it does not succeed within two minutes.
    pub(crate) async fn arrive(&self, client: &mut Client, sink: &mut impl Sink) -> anyhow::Result<()> {
        let until = Instant::now() + ARRIVAL;
        let mut backoff = Backoff::default();
        loop {
            let lost = {
                let _permit = self.gate.acquire().await?;
                match timeout_at(until, become_whole(client, sink)).await {
                    Ok(Ok(())) => break,
                    Ok(Err(lost)) => lost,
                    Err(_) => bail!("a client was not live within {} s", ARRIVAL.as_secs()),
                }
            };
            self.trouble(&lost);
            if Instant::now() >= until {
                bail!("a client was not live within {} s: {lost}", ARRIVAL.as_secs());
            }
            sleep(backoff.next()).await;
        }
        self.live.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A client that was live is not any more.
    pub(crate) fn left(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    /// Something went wrong for a client.
    pub(crate) fn trouble(&self, what: &impl ToString) {
        self.troubles.fetch_add(1, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD {
            told.push(what.to_string());
        }
    }

    /// How many troubles there were, and the first of them in words.
    pub(crate) fn troubles(&self) -> (usize, Vec<String>) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        (self.troubles.load(Ordering::Relaxed), told.clone())
    }

    /// Waits until `all` are live.
    ///
    /// # Errors
    /// When some are not within two minutes.
    pub(crate) async fn wait(&self, all: usize) -> anyhow::Result<()> {
        let until = Instant::now() + ARRIVAL;
        loop {
            let live = self.live.load(Ordering::Relaxed);
            if live >= all {
                return Ok(());
            }
            if Instant::now() >= until {
                bail!("only {live} of {all} clients became live: {:?}", self.troubles().1);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn become_whole(client: &mut Client, sink: &mut impl Sink) -> Result<(), Lost> {
    client.connect(sink).await?;
    while !client.is_whole() {
        // A head that moved while subscribing may need a second question.
        match timeout(Duration::from_secs(1), client.ready()).await {
            Ok(ready) => {
                ready?;
                client.pump(sink).await?;
            }
            Err(_) => client.tick(sink).await?,
        }
    }
    Ok(())
}

/// Stays connected until `phase` is no longer `while_phase`; hears everything, says nothing.
///
/// # Errors
/// [`Lost`] when the connection ends.
pub(crate) async fn listen<P: PartialEq + Copy + Send + Sync>(
    client: &mut Client,
    sink: &mut impl Sink,
    phase: &mut watch::Receiver<P>,
    while_phase: P,
) -> Result<(), Lost> {
    while *phase.borrow_and_update() == while_phase {
        tokio::select! {
            ready = client.ready() => {
                ready?;
                client.pump(sink).await?;
            }
            changed = phase.changed() => if changed.is_err() { return Ok(()) },
        }
    }
    Ok(())
}
