//! The senders of a `durable`: each sends one message after the other and waits for each acknowledgement; all of them rest
//! while something else is measured.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    client::{Client, Lost},
    crowd::Crowd,
    ears::{Answer, Seen, Sink},
    figures::{Latencies, micros},
    stage::Stage,
    subject::Subject,
    text,
};

/// How long one acknowledgement may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks whether everybody rests.
const LOOK: Duration = Duration::from_millis(1);

/// What the senders are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Rest,
    Send,
    GoHome,
}

/// What the senders share.
struct Shared {
    run: String,
    bytes: usize,
    acks: Latencies,
    busy: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

/// The senders.
pub(crate) struct Crew {
    phase: watch::Sender<Phase>,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// Holds the answer to the one request under way.
#[derive(Default)]
struct Last(Option<(u32, Answer)>);

impl Sink for Last {
    fn message(&mut self, _seen: Seen<'_>) {}
    fn answer(&mut self, id: u32, answer: Answer) {
        self.0 = Some((id, answer));
    }
}

impl Crew {
    /// Connects so many senders, spread over the rooms of the stage.
    ///
    /// # Errors
    /// When one does not come in.
    pub(crate) async fn gather(
        subject: &Subject,
        stage: &Stage,
        senders: usize,
        connecting: usize,
        bytes: usize,
    ) -> anyhow::Result<Self> {
        let crowd = Crowd::new(connecting);
        let (phase, watched) = watch::channel(Phase::Rest);
        let shared = Arc::new(Shared {
            run: stage.run.clone(),
            bytes,
            acks: Latencies::new()?,
            busy: AtomicUsize::new(0),
            failures: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        let rooms = stage.rooms.len().max(1);
        for n in 0..senders {
            let mut client = stage.client(subject, n % rooms, n / rooms)?;
            // A send needs membership, not a subscription: nothing but acknowledgements is delivered here.
            let room = client.ears.rooms.pop().map(|room| room.id).unwrap_or_default();
            crowd.arrive(&mut client, &mut Last::default()).await?;
            tasks.spawn(send(n, client, room, Arc::clone(&shared), watched.clone()));
        }
        Ok(Self { phase, shared, tasks })
    }

    /// Lets everybody send for so long; answers the acknowledgements and the time until the last of them.
    ///
    /// # Errors
    /// When somebody does not come to rest.
    pub(crate) async fn slice(&self, during: Duration) -> anyhow::Result<(u64, Duration)> {
        let before = self.shared.acks.summary().count;
        let start = Instant::now();
        self.phase.send_replace(Phase::Send);
        sleep(during).await;
        self.phase.send_replace(Phase::Rest);
        while self.shared.busy.load(Ordering::SeqCst) > 0 {
            if start.elapsed() > during + PATIENCE {
                bail!("senders still wait for answers {} s after the end", PATIENCE.as_secs());
            }
            sleep(LOOK).await;
        }
        Ok((self.shared.acks.summary().count - before, start.elapsed()))
    }

    /// Sends everybody home; answers how long acknowledgements took, and what went wrong.
    ///
    /// # Errors
    /// When a sender panicked.
    pub(crate) async fn dismiss(mut self) -> anyhow::Result<(crate::figures::Summary, Vec<String>)> {
        self.phase.send_replace(Phase::GoHome);
        while let Some(done) = self.tasks.join_next().await {
            done?;
        }
        let failures = self.shared.failures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((self.shared.acks.summary(), failures))
    }
}

/// One sender: sends while it may, until it goes home or something goes wrong.
async fn send(who: usize, mut client: Client, room: String, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
    let mut n = 0;
    loop {
        if phase.wait_for(|phase| *phase != Phase::Rest).await.is_err() || *phase.borrow() == Phase::GoHome {
            return;
        }
        // Busy first, then the look: who sees nobody busy after it said "rest" can be sure that nobody sends.
        shared.busy.fetch_add(1, Ordering::SeqCst);
        let mut failure = None;
        if *phase.borrow() == Phase::Send {
            n += 1;
            failure = one(who, n, &mut client, &room, &shared).await.err();
        }
        shared.busy.fetch_sub(1, Ordering::SeqCst);
        if let Some(failure) = failure {
            return shared.failures.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{failure:#}"));
        }
    }
}

async fn one(who: usize, n: u32, client: &mut Client, room: &str, shared: &Shared) -> anyhow::Result<()> {
    let nonce = text::nonce(&shared.run, who, n);
    let text = text::text(&nonce, shared.bytes);
    let start = Instant::now();
    match timeout(PATIENCE, answered(client, room, &nonce, &text)).await {
        Ok(Ok(Answer::Ok(_))) => shared.acks.record(who, &[micros(start.elapsed())]),
        Ok(Ok(Answer::Error { code, .. })) => bail!("refused: {code}"),
        Ok(Err(lost)) => bail!("{lost}"),
        Err(_) => bail!("no answer within {} s", PATIENCE.as_secs()),
    }
    Ok(())
}

async fn answered(client: &mut Client, room: &str, nonce: &str, text: &str) -> Result<Answer, Lost> {
    let id = client.send(room, nonce, text).await?;
    let mut last = Last::default();
    loop {
        client.ready().await?;
        client.pump(&mut last).await?;
        match last.0.take() {
            Some((answered, answer)) if answered == id => return Ok(answer),
            Some(_) | None => {}
        }
    }
}
