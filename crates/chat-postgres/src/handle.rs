//! The handle that everything else holds: opens the record, runs jobs on its own runtime, waits with patience that ends.

use std::{sync::Arc, time::Duration};

use chat_domain::refusal::{Refusal, Unavailable};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures_util::{
    FutureExt, TryFutureExt,
    future::{BoxFuture, join},
};
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

use crate::{
    OpenError, Settings,
    connection::Opener,
    fault::Fault,
    home,
    meters::{self, Timed},
    migrate::{Ready, migrate},
    pool::{Lease, Pool, Size},
    search,
    statement::{Begin, BeginSnapshot, Commit, Rollback, plain},
};

/// The record on PostgreSQL. Cheap to clone; its connections close when the last clone is gone.
///
/// Its connections live on the tokio runtime in which it was opened, which should have several threads; it may be called
/// from any thread and any runtime, as long as that one runs.
#[derive(Clone)]
pub struct Postgres {
    shared: Arc<Shared>,
}

struct Shared {
    opener: Arc<Opener>,
    runtime: Handle,
    readers: Pool,
    writers: Pool,
    settings: Settings,
    finds_parts: bool,
    wake: Arc<search::Wake>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.wake.end();
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Postgres").field(&self.shared.opener.place()).finish()
    }
}

/// A job's answer, as long as it borrows its connection.
pub(crate) type Answer<'c, T> = BoxFuture<'c, Result<T, Fault>>;

/// What stands round a job.
#[derive(Clone, Copy)]
enum Scope {
    /// Nothing: it is one statement, or sees to its transactions itself.
    Bare,
    /// One state of the record for all its questions.
    Snapshot,
}

impl Postgres {
    /// Connects to the database of a `postgres://` URL and brings its tables up to date, or waits while another node does.
    /// `sslmode` may be `disable`, `prefer` (the default), `require`, `verify-ca` or `verify-full`; `sslrootcert` names a
    /// file of root certificates.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(url: &str, settings: &Settings) -> Result<Self, OpenError> {
        meters::describe();
        let opener = Arc::new(Opener::new(url, settings)?);
        let Ready { finds_parts, asks } = migrate(&opener, settings.migrate_timeout).await?;
        let read = Size { connections: settings.readers, queue: settings.read_queue, patience: settings.read_timeout };
        let write =
            Size { connections: settings.writers, queue: settings.write_queue, patience: settings.write_timeout };
        let readers = Pool::new("read", &opener, settings, read)?;
        let writers = Pool::new("write", &opener, settings, write)?;
        let (runtime, settings) = (Handle::current(), settings.clone());
        let wake = Arc::default();
        let store =
            Self { shared: Arc::new(Shared { opener, runtime, readers, writers, settings, finds_parts, wake }) };
        search::keep_indexing(&store);
        home::keep_looking(&store, Arc::clone(&store.shared.opener), asks);
        Ok(store)
    }

    /// The handle again, as long as there is another.
    pub(crate) fn weak(&self) -> impl Fn() -> Option<Self> + Send + use<> {
        let shared = Arc::downgrade(&self.shared);
        move || shared.upgrade().map(|shared| Self { shared })
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }

    /// What the indexer of the search is woken by.
    pub(crate) fn wake(&self) -> &Arc<search::Wake> {
        &self.shared.wake
    }

    /// Whether the search finds parts of words; without the extension pg_trgm it finds whole words only.
    #[must_use]
    pub fn finds_parts(&self) -> bool {
        self.shared.finds_parts
    }

    pub(crate) fn opener(&self) -> &Opener {
        &self.shared.opener
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// A question of one statement that is never refused.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        op: &'static str,
        question: impl for<'c> FnOnce(&'c AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let patience = self.shared.settings.read_timeout;
        self.read_within(op, patience, question).await
    }

    /// The same, for those who can't wait long.
    pub(crate) async fn read_within<T: Send + 'static>(
        &self,
        op: &'static str,
        patience: Duration,
        question: impl for<'c> FnOnce(&'c AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let answer = self
            .run(op, &self.shared.readers, patience, Scope::Bare, |conn| question(conn).map_err(Fault::from).boxed());
        answer.await.map_err(only_unavailable)
    }

    /// A question of several statements, in a snapshot of its own.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        op: &'static str,
        question: impl for<'c> FnOnce(&'c AsyncPgConnection) -> Answer<'c, T> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.run(op, &self.shared.readers, self.shared.settings.read_timeout, Scope::Snapshot, question).await
    }

    /// A write of one statement, or one that sees to its transactions itself.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        op: &'static str,
        work: impl for<'c> FnOnce(&'c AsyncPgConnection) -> Answer<'c, T> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.run(op, &self.shared.writers, self.shared.settings.write_timeout, Scope::Bare, work).await
    }

    /// A write in a transaction of its own: what it changes, it changes at once; refused, nothing. One that had to give way
    /// to another is begun anew, with a copy of the job.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        op: &'static str,
        work: impl for<'c> FnOnce(&'c AsyncPgConnection) -> Answer<'c, T> + Clone + Send + 'static,
    ) -> Result<T, Refusal> {
        let attempts = self.shared.settings.attempts;
        self.write(op, move |conn| transaction(op, conn, attempts, work).boxed()).await
    }

    /// A write in a transaction of its own that commits never wait for a connection because of: it has one of those that read.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        op: &'static str,
        work: impl for<'c> FnOnce(&'c AsyncPgConnection) -> Answer<'c, T> + Clone + Send + 'static,
    ) -> Result<T, Refusal> {
        let patience = self.shared.settings.read_timeout;
        self.run(op, &self.shared.readers, patience, Scope::Bare, move |conn| transaction(op, conn, 1, work).boxed())
            .await
    }

    /// Runs a job to its end, whether its caller waits for it or not.
    async fn run<T: Send + 'static>(
        &self,
        op: &'static str,
        pool: &Pool,
        patience: Duration,
        scope: Scope,
        work: impl for<'c> FnOnce(&'c AsyncPgConnection) -> Answer<'c, T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let _timed = Timed::start(op);
        let place = pool.admit()?;
        let (reply, answer) = oneshot::channel();
        let pool = pool.clone();
        drop(self.shared.runtime.spawn(async move {
            let job = async {
                let lease = pool.lease(place).await?;
                let answer = within(scope, lease.connection()?, work).await;
                Ok((answer?, lease))
            };
            let done = timeout(patience, job).await;
            let done = done.unwrap_or_else(|_| Err(Fault::Late("the database did not answer in time".to_owned())));
            match done {
                Ok((answer, lease)) => {
                    drop(reply.send(answer.map_err(Fault::Refused)));
                    end(scope, patience, lease).await;
                }
                Err(fault) => {
                    if fault.is_lost() {
                        pool.forget();
                    }
                    drop(reply.send(Err(fault)));
                }
            }
        }));
        match answer.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Fault::Refused(refusal))) => Err(refusal),
            Ok(Err(fault)) => Err(unavailable(op, &fault).into()),
            Err(_) => Err(unavailable(op, &Fault::Late("the store let a job fall".to_owned())).into()),
        }
    }
}

/// The answer or the refusal; a snapshot may be left open.
async fn within<T>(
    scope: Scope,
    conn: &AsyncPgConnection,
    work: impl for<'c> FnOnce(&'c AsyncPgConnection) -> Answer<'c, T>,
) -> Result<Result<T, Refusal>, Fault> {
    let answer = match scope {
        Scope::Bare => work(conn).await,
        Scope::Snapshot => {
            let (begun, answer) = join(plain::<BeginSnapshot>(conn), work(conn)).await;
            begun?;
            answer
        }
    };
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(Fault::Refused(refusal)) => Ok(Err(refusal)),
        Err(fault) => Err(fault),
    }
}

/// Tries a job in transactions until one need not give way. Nothing is left open after an answer or a refusal.
async fn transaction<T>(
    op: &'static str,
    conn: &AsyncPgConnection,
    attempts: usize,
    work: impl for<'c> FnOnce(&'c AsyncPgConnection) -> Answer<'c, T> + Clone,
) -> Result<T, Fault> {
    let mut attempt = 1;
    loop {
        let once = work.clone();
        // A write that overtook a failed BEGIN would stand alone.
        plain::<Begin>(conn).await?;
        let why = match once(conn).await {
            Ok(answer) => match plain::<Commit>(conn).await {
                Ok(_) => return Ok(answer),
                Err(error) => Fault::from(error),
            },
            Err(why) => why,
        };
        let again = why.gave_way() && attempt < attempts;
        if again || matches!(why, Fault::Refused(_)) {
            plain::<Rollback>(conn).await?;
        }
        if !again {
            return Err(why);
        }
        tracing::warn!(op, %why, attempt, "a transaction is tried again");
        // Whoever we ran into tries again as well.
        tokio::time::sleep(Duration::from_millis(rand::random_range(1..20) * attempt as u64)).await;
        attempt += 1;
    }
}

/// Gives the connection back; nobody waits for this any more.
async fn end(scope: Scope, patience: Duration, lease: Lease) {
    let ended = match (scope, lease.connection()) {
        (Scope::Bare, _) => true,
        (Scope::Snapshot, Ok(conn)) => matches!(timeout(patience, plain::<Commit>(conn)).await, Ok(Ok(_))),
        (Scope::Snapshot, Err(_)) => false,
    };
    if ended {
        lease.settle();
    }
}

fn unavailable(op: &'static str, cause: &Fault) -> Unavailable {
    tracing::error!(op, %cause, "the database failed");
    Unavailable::because(cause)
}

/// For jobs that refuse nothing.
pub(crate) fn only_unavailable(refusal: Refusal) -> Unavailable {
    if let Refusal::Unavailable(cause) = refusal { cause } else { Unavailable::because(refusal) }
}
