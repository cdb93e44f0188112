//! The one thread that writes. Batches that wait together become one transaction: while one commit waits for the disk, the
//! next collects (natural batching: no timer, no added latency when idle).

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use chat_domain::{
    command::{Command, Outcome},
    refusal::{Refusal, Unavailable},
};
use diesel::SqliteConnection;
use tokio::sync::oneshot;

use crate::{
    OpenError, Settings, commit,
    connection::Opener,
    handle::only_unavailable,
    meters,
    readers::Question,
    search,
    slot::{Fault, Slot, immediate},
};

/// What a batch is answered with.
pub(crate) type Answers = Vec<Result<Outcome, Refusal>>;

/// Something to write.
pub(crate) enum Job {
    /// A batch of commands.
    Commit { batch: Vec<Command>, reply: oneshot::Sender<Result<Answers, Unavailable>> },
    /// Anything else, in a transaction of its own.
    Work(Question),
}

struct Waiting {
    commands: usize,
    reply: oneshot::Sender<Result<Answers, Unavailable>>,
}

/// Starts the thread; it ends when the sender is dropped and the queue is empty.
pub(crate) fn start(
    opener: &Arc<Opener>,
    conn: SqliteConnection,
    settings: &Settings,
) -> Result<SyncSender<Job>, OpenError> {
    let (sender, jobs) = sync_channel(settings.write_queue);
    let again = Arc::clone(opener);
    let slot = Slot::new(conn, move || again.writer());
    let settings = settings.clone();
    let thread = thread::Builder::new().name("sqlite-write".to_owned());
    thread.spawn(move || serve(slot, &jobs, &settings)).map_err(OpenError::Thread)?;
    Ok(sender)
}

fn serve(mut slot: Slot, jobs: &Receiver<Job>, settings: &Settings) {
    let (mut held, mut backlog) = (None, Backlog { waiting: 0, is_idle: false, settings });
    loop {
        let job = match held.take() {
            Some(job) => Ok(job),
            None => backlog.next_job(jobs),
        };
        match job {
            Ok(Job::Work(work)) => {
                backlog.is_idle = false;
                work(&mut slot);
            }
            Ok(Job::Commit { batch, reply }) => {
                let mut waiting = vec![Waiting { commands: batch.len(), reply }];
                let mut commands = batch;
                held = join(jobs, &mut commands, &mut waiting, settings.commit_commands);
                answer(waiting, commit_all(&mut slot, &commands));
                backlog.is_idle = false;
                backlog.waiting += commands.len();
                while backlog.waiting > settings.index_backlog {
                    backlog.index(&mut slot);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                backlog.is_idle = true;
                backlog.index(&mut slot);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Messages that wait to be put into the index of the search.
struct Backlog<'s> {
    /// At most so many: not every command posts.
    waiting: usize,
    /// Nothing has come for a while: go on with the next slice until something does.
    is_idle: bool,
    settings: &'s Settings,
}

impl Backlog<'_> {
    /// Waits for a job; not for long while there is something to index.
    fn next_job(&self, jobs: &Receiver<Job>) -> Result<Job, RecvTimeoutError> {
        if self.waiting > 0 {
            return jobs.recv_timeout(if self.is_idle { Duration::ZERO } else { self.settings.index_idle });
        }
        jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
    }

    /// Indexes a slice. A failure was logged; the next commit brings another try.
    fn index(&mut self, slot: &mut Slot) {
        let slice = self.settings.index_slice.max(1);
        match slot.run(|conn| immediate(conn, |conn| Ok(search::index_some(conn, slice)?))) {
            Ok(true) => self.waiting = self.waiting.saturating_sub(slice).max(1),
            Ok(false) | Err(_) => self.waiting = 0,
        }
        // Asked of the tables: not every command posts, and what could not be indexed still waits.
        if let Ok(waiting) = slot.run(|conn| Ok(search::how_many_wait(conn)?)) {
            meters::show_waiting(waiting);
        }
    }
}

/// Adds the batches that wait already; a job of another kind is handed back, so that order is kept.
fn join(jobs: &Receiver<Job>, commands: &mut Vec<Command>, waiting: &mut Vec<Waiting>, most: usize) -> Option<Job> {
    while commands.len() < most {
        match jobs.try_recv() {
            Ok(Job::Commit { batch, reply }) => {
                waiting.push(Waiting { commands: batch.len(), reply });
                commands.extend(batch);
            }
            Ok(Job::Work(work)) => return Some(Job::Work(work)),
            Err(_) => return None, // empty, or closed: the caller finds out
        }
    }
    None
}

fn commit_all(slot: &mut Slot, commands: &[Command]) -> Result<Answers, Unavailable> {
    let started = Instant::now();
    let answers = slot.run(|conn| match commit::transaction(conn, commands) {
        Err(why) if why.is_constraint() => one_by_one(conn, commands, &why),
        other => other,
    });
    metrics::histogram!("chat_store_commit_seconds").record(started.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer commands than 2^52")]
    metrics::histogram!("chat_store_batch_size").record(commands.len() as f64);
    answers.map_err(only_unavailable)
}

/// The rows refuse what the rules allowed: a defect, or a hand in the file. It must not spoil the rest of the batch.
fn one_by_one(conn: &mut SqliteConnection, commands: &[Command], why: &Fault) -> Result<Answers, Fault> {
    tracing::error!(?why, "a batch broke a constraint; its commands are carried out one by one");
    let mut answers = Vec::with_capacity(commands.len());
    for command in commands {
        match commit::transaction(conn, std::slice::from_ref(command)) {
            Ok(alone) => answers.extend(alone),
            Err(why) if why.is_constraint() => {
                answers.push(Err(Unavailable::because("a constraint was broken").into()))
            }
            Err(why) => return Err(why),
        }
    }
    Ok(answers)
}

/// Everybody gets the answers to their own commands. Whoever has gone away meanwhile misses them, no more.
fn answer(waiting: Vec<Waiting>, answers: Result<Answers, Unavailable>) {
    match answers {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            for one in waiting {
                let theirs = answers.by_ref().take(one.commands).collect();
                drop(one.reply.send(Ok(theirs)));
            }
        }
        Err(cause) => {
            for one in waiting {
                drop(one.reply.send(Err(cause.clone())));
            }
        }
    }
}
