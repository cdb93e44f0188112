//! The handle that everything else holds: opens the record, hands jobs to its threads, waits with patience that ends.

use std::{
    path::Path,
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError},
    },
    time::Duration,
};

use chat_domain::{
    command::Command,
    refusal::{Refusal, Unavailable},
};
use diesel::{Connection, QueryResult, SqliteConnection};
use tokio::sync::oneshot;

use crate::{
    OpenError, Settings,
    connection::Opener,
    meters::{self, Timed},
    readers::{self, Question},
    search,
    slot::{Fault, immediate},
    writer::{self, Answers, Job},
};

/// The record in one file. Cheap to clone; its threads end when the last clone is gone.
///
/// Must be used inside a tokio runtime with time enabled.
#[derive(Clone)]
pub struct Sqlite {
    shared: Arc<Shared>,
}

struct Shared {
    opener: Arc<Opener>,
    questions: SyncSender<Question>,
    jobs: SyncSender<Job>,
    read_timeout: Duration,
    write_timeout: Duration,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sqlite").field(&self.path()).finish()
    }
}

impl Sqlite {
    /// Opens the file, made with its directory (readable by their owner only) when missing, and brings its tables up to
    /// date. Blocks: call it while the server starts.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: impl AsRef<Path>, settings: &Settings) -> Result<Self, OpenError> {
        meters::describe();
        let opener = Arc::new(Opener::create(path.as_ref(), settings.busy_timeout)?);
        let mut conn = opener.writer()?;
        opener.migrate(&mut conn)?;
        opener.arrive(&mut conn)?;
        if let Err(fault) = search::catch_up(&mut conn) {
            tracing::error!(?fault, "the index of the search could not be brought up to date; searching is slow");
            conn = opener.writer()?;
        }
        if let Ok(waiting) = search::how_many_wait(&mut conn) {
            meters::show_waiting(waiting);
        }
        let questions = readers::start(&opener, settings.readers, settings.read_queue)?;
        let jobs = writer::start(&opener, conn, settings)?;
        let (read_timeout, write_timeout) = (settings.read_timeout, settings.write_timeout);
        Ok(Self { shared: Arc::new(Shared { opener, questions, jobs, read_timeout, write_timeout }) })
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.shared.opener.path()
    }

    /// Has the writer's connection made anew.
    pub(crate) async fn reopen(&self) -> Result<(), Unavailable> {
        let opener = Arc::clone(&self.shared.opener);
        let (reply, answer) = oneshot::channel();
        let reopen = move |conn: &mut SqliteConnection| {
            *conn = opener.writer().map_err(|error| diesel::result::Error::QueryBuilderError(error.into()))?;
            Ok(())
        };
        self.enqueue(Job::Work(Box::new(move |slot| drop(reply.send(slot.run(reopen))))))?;
        patient(answer, self.shared.write_timeout).await?.map_err(only_unavailable)
    }

    pub(crate) fn opener(&self) -> &Opener {
        &self.shared.opener
    }

    /// A question that is never refused, in a snapshot of its own.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        op: &'static str,
        question: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        self.ask(op, |conn| Ok(question(conn)?)).await.map_err(only_unavailable)
    }

    /// A question, in a snapshot of its own.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        op: &'static str,
        question: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |slot| {
            if reply.is_closed() {
                return; // nobody waits any more, and nothing would be changed
            }
            drop(reply.send(slot.run(|conn| conn.transaction(question))));
        });
        let _timed = Timed::start(op);
        match self.shared.questions.try_send(question) {
            Ok(()) => patient(answer, self.shared.read_timeout).await?,
            Err(error) => Err(refused(&error).into()),
        }
    }

    /// A write that is never refused, in a transaction of its own.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        op: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        self.change(op, |conn| Ok(work(conn)?)).await.map_err(only_unavailable)
    }

    /// A write in a transaction of its own; refused, it is undone.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        op: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let work: Question = Box::new(move |slot| {
            drop(reply.send(slot.run(|conn| immediate(conn, work))));
        });
        let _timed = Timed::start(op);
        self.enqueue(Job::Work(work))?;
        patient(answer, self.shared.write_timeout).await?
    }

    /// A batch of commands; it may share its transaction with others.
    pub(crate) async fn commit_batch(&self, batch: Vec<Command>) -> Result<Answers, Unavailable> {
        let (reply, answer) = oneshot::channel();
        let _timed = Timed::start("commit");
        self.enqueue(Job::Commit { batch, reply })?;
        patient(answer, self.shared.write_timeout).await?
    }

    fn enqueue(&self, job: Job) -> Result<(), Unavailable> {
        self.shared.jobs.try_send(job).map_err(|error| refused(&error))
    }
}

async fn patient<T>(answer: oneshot::Receiver<T>, patience: Duration) -> Result<T, Unavailable> {
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Unavailable::because("the store let a job fall")),
        Err(_) => Err(Unavailable::because("the store did not answer in time")),
    }
}

fn refused<T>(error: &TrySendError<T>) -> Unavailable {
    match error {
        TrySendError::Full(_) => Unavailable::because("the store's queue is full"),
        TrySendError::Disconnected(_) => Unavailable::because("the store's threads have ended"),
    }
}

/// For jobs that refuse nothing.
pub(crate) fn only_unavailable(refusal: Refusal) -> Unavailable {
    if let Refusal::Unavailable(cause) = refusal { cause } else { Unavailable::because(refusal) }
}
