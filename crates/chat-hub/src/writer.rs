//! The one road into every log: whatever arrives while a transaction is under way becomes the next batch.
//!
//! No timer and no added wait: an idle lane commits at once, a busy one in batches as large as its commits are slow. Lanes are
//! chosen by room, so one room's commands keep their order. A lane belongs to no request: callers that go away cancel nothing.
//! When a commit takes too long, those who wait are told that its fate is unknown; the lane stays with it, so that what it
//! commits after all is still announced, and refuses newcomers meanwhile.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use chat_domain::{
    command::{Command, Outcome, Reply},
    ids::RoomId,
    ports::Pending,
    refusal::{Refusal, Unavailable},
};
use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep, timeout},
};
use tracing::{Instrument as _, Span};

use crate::{
    HubSettings,
    core::{Core, lock},
    trace,
};

/// After so many commit time-outs a commit is given up.
const ABANDON_AFTER: u32 = 6;

/// The way into the lanes.
pub(crate) struct Writer {
    lanes: Vec<mpsc::Sender<Submitted>>,
    /// The lanes' other ends, until they are started.
    waiting: Mutex<Vec<mpsc::Receiver<Submitted>>>,
    closing: watch::Sender<bool>,
    /// Lanes hold the sender; when all are done nothing can be received any more.
    done: (Mutex<Option<mpsc::Sender<()>>>, tokio::sync::Mutex<mpsc::Receiver<()>>),
}

struct Submitted {
    command: Command,
    answer: Answer,
    /// Of a command whose trace is recorded.
    span: Option<Span>,
}

type Answer = oneshot::Sender<Result<Outcome, Refusal>>;
type Committed = Result<Vec<Result<Outcome, Refusal>>, Unavailable>;

impl Writer {
    pub(crate) fn new(settings: &HubSettings) -> Self {
        let (lanes, waiting) = (0..settings.lanes.max(1)).map(|_| mpsc::channel(settings.writer_queue)).unzip();
        let (sender, receiver) = mpsc::channel(1);
        let done = (Mutex::new(Some(sender)), tokio::sync::Mutex::new(receiver));
        Self { lanes, waiting: Mutex::new(waiting), closing: watch::Sender::new(false), done }
    }

    /// Joins the next batch of the room's lane.
    pub(crate) fn submit(&self, command: Command) -> Pending {
        let Some(lane) = self.lanes.get(lane_of(command.room, self.lanes.len())) else {
            return refuse("the writer has no lane");
        };
        match lane.try_reserve() {
            Ok(place) => {
                let (answer, outcome) = oneshot::channel();
                let span = trace::command(&command);
                place.send(Submitted { command, answer, span });
                Box::pin(async move { outcome.await.unwrap_or_else(|_| Err(busy("the writer stopped"))) })
            }
            Err(mpsc::error::TrySendError::Full(())) => refuse("the writer's queue is full"),
            Err(mpsc::error::TrySendError::Closed(())) => refuse("the writer is closed"),
        }
    }

    /// Commands that no batch has taken yet.
    pub(crate) fn queued(&self) -> usize {
        self.lanes.iter().map(|lane| lane.max_capacity() - lane.capacity()).sum()
    }

    /// Takes no more, and waits until what was taken is committed.
    pub(crate) async fn flush(&self) {
        self.closing.send_replace(true);
        drop(lock(&self.done.0).take());
        self.done.1.lock().await.recv().await;
    }
}

fn busy(reason: &str) -> Refusal {
    Unavailable::because(reason).into()
}

fn refuse(reason: &'static str) -> Pending {
    Box::pin(async move { Err(busy(reason)) })
}

/// Ids are random in their last bytes (RFC 9562 §5.7).
fn lane_of(room: RoomId, lanes: usize) -> usize {
    let tail = room.as_bytes().iter().rev().take(4).fold(0_usize, |hash, byte| (hash << 8) | usize::from(*byte));
    tail % lanes.max(1)
}

impl Core {
    /// Starts the lanes.
    pub(crate) fn start_writer(self: &Arc<Self>) {
        for queue in lock(&self.writer.waiting).drain(..) {
            let lane = Lane { core: Arc::clone(self), queue };
            let done = lock(&self.writer.done.0).clone();
            self.spawn(async move {
                lane.run().await;
                drop(done);
            });
        }
    }
}

struct Lane {
    core: Arc<Core>,
    queue: mpsc::Receiver<Submitted>,
}

impl Lane {
    async fn run(mut self) {
        let mut closing = self.core.writer.closing.subscribe();
        let mut batch = Vec::new();
        let most = self.core.settings.writer_batch;
        loop {
            tokio::select! {
                biased;
                () = closed(&mut closing), if !self.queue.is_closed() => self.queue.close(),
                count = self.queue.recv_many(&mut batch, most) => {
                    if count == 0 {
                        return;
                    }
                    // They end when the batch is answered; without traces there is none.
                    let commands: Vec<Span> = batch.iter_mut().filter_map(|submitted| submitted.span.take()).collect();
                    let span = trace::batch(batch.len(), &commands);
                    self.commit(std::mem::take(&mut batch)).instrument(span).await;
                }
            }
        }
    }

    async fn commit(&mut self, batch: Vec<Submitted>) {
        metrics::histogram!("chat_writer_batch_size").record(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        #[cfg(feature = "sabotage")]
        let batch = crate::sabotage::spoil(&self.core, batch.into_iter().map(Submitted::into_parts)).await;
        #[cfg(not(feature = "sabotage"))]
        let batch = batch.into_iter().map(Submitted::into_parts);
        let (commands, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let core = Arc::clone(&self.core);
        #[cfg(feature = "sabotage")]
        core.pass(crate::CrashPoint::BeforeCommit);
        let started = Instant::now();
        let commit = AssertUnwindSafe(core.ports.rooms.commit(commands)).catch_unwind().instrument(trace::commit());
        tokio::pin!(commit);
        let limit = core.settings.commit_timeout;
        let Ok(committed) = timeout(limit, &mut commit).await else {
            tracing::error!("a commit takes too long: its fate is unknown to those who wait");
            fail(answers, &Unavailable::because("the commit takes too long"));
            self.outlast(commit, limit * ABANDON_AFTER).await;
            return;
        };
        metrics::histogram!("chat_writer_commit_seconds").record(started.elapsed().as_secs_f64());
        match settled(committed) {
            Ok(outcomes) => {
                #[cfg(feature = "sabotage")]
                core.pass(crate::CrashPoint::AfterCommit);
                trace::fan_out().in_scope(|| announce(&core, &outcomes));
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // The command is committed whether or not anybody waits.
                    let _ = answer.send(outcome);
                }
            }
            Err(unavailable) => {
                tracing::warn!(%unavailable, "a batch could not be committed");
                fail(answers, &unavailable);
            }
        }
    }

    /// Stays with a commit that takes too long; newcomers are refused, for they would only wait behind it.
    async fn outlast(&mut self, commit: impl Future<Output = std::thread::Result<Committed>>, limit: Duration) {
        tokio::pin!(commit);
        let abandon = sleep(limit);
        tokio::pin!(abandon);
        loop {
            tokio::select! {
                biased;
                committed = &mut commit => {
                    if let Ok(outcomes) = settled(committed) {
                        announce(&self.core, &outcomes);
                    }
                    return;
                }
                () = &mut abandon => return,
                Some(late) = self.queue.recv() => {
                    fail(vec![late.answer], &Unavailable::because("an earlier commit hangs"));
                }
            }
        }
    }
}

/// Resolves when the writer takes no more.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the hub itself is gone.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// A store that panics fails its batch, not its lane.
fn settled(committed: std::thread::Result<Committed>) -> Committed {
    committed.unwrap_or_else(|_| Err(Unavailable::because("the store failed")))
}

fn announce(core: &Arc<Core>, outcomes: &[Result<Outcome, Refusal>]) {
    let accepted = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok());
    let posts = accepted.clone().filter(|outcome| matches!(outcome.reply, Reply::Posted { duplicate: false, .. }));
    metrics::counter!("chat_messages_received_total").increment(posts.count().try_into().unwrap_or(u64::MAX));
    core.announce(accepted);
}

fn fail(answers: Vec<Answer>, unavailable: &Unavailable) {
    for answer in answers {
        let _ = answer.send(Err(unavailable.clone().into()));
    }
}

impl Submitted {
    fn into_parts(self) -> (Command, Answer) {
        (self.command, self.answer)
    }
}
