//! Commands whose answers are waited for: a few connections in a pool, and patience that ends.
//!
//! They run on the runtime that opened the handle, whoever asks: a connection belongs to the runtime that made it, and a
//! caller that goes away must not leave one half used.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chat_domain::refusal::Unavailable;
use deadpool_redis::{Connection, Manager, Pool, PoolError, Runtime, Timeouts};
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::{
    OpenError, Settings,
    connect::{self, Connector},
};

/// The shortest time between two lines of the log about commands that Redis refuses.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// What Redis says to one command of a pipeline. One that is refused is no matter of the others.
pub(crate) type Answer = RedisResult<Value>;

/// The pool, and where its work is done.
pub(crate) struct Commands {
    pool: Pool,
    runtime: Handle,
    patience: Duration,
    /// When the log said last that a command was refused.
    complained: Mutex<Option<Instant>>,
}

impl Commands {
    /// Connects when it is first asked.
    pub(crate) fn new(connector: &Connector, settings: &Settings) -> Result<Self, OpenError> {
        let manager = Manager::new_with_config(connector.info().clone(), connect::config())
            .map_err(|error| connect::unreadable(&error))?;
        let patience = settings.command_timeout;
        // A connection that went silent is found out early enough to make another in the same call.
        let timeouts = Timeouts { wait: Some(patience), create: Some(patience), recycle: Some(patience / 2) };
        let size = NonZeroUsize::new(settings.pool).unwrap_or(NonZeroUsize::MIN);
        let pool = Pool::builder(manager).max_size(size.get()).timeouts(timeouts).runtime(Runtime::Tokio1);
        let pool = pool.build().map_err(|error| OpenError::Url(error.to_string()))?;
        Ok(Self { pool, runtime: Handle::current(), patience, complained: Mutex::default() })
    }

    /// The answers to a pipeline, in one round trip, each for itself.
    pub(crate) async fn ask(&self, what: &'static str, mut pipeline: Pipeline) -> Result<Vec<Answer>, Unavailable> {
        let (pool, patience) = (self.pool.clone(), self.patience);
        pipeline.ignore_errors();
        let work = async move {
            let mut connection = pool.get().await?;
            let answers = pipeline.query_async::<Vec<Answer>>(&mut connection).await.map_err(Trouble::Redis);
            if answers.as_ref().map_or(true, |answers| answers.iter().any(is_no_place_to_ask)) {
                // It may lead to a server that is no longer the one to ask: the next call makes another.
                drop(Connection::take(connection));
            }
            answers
        };
        // The clock that is waited by is that of our runtime, too.
        let answer = self.runtime.spawn(async move { timeout(patience, work).await }).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer.map_err(|trouble| Unavailable::because(format!("Redis: {what}: {trouble}"))),
            Ok(Err(_)) => Err(Unavailable::because(format!("Redis did not answer in time: {what}"))),
            Err(_) => Err(Unavailable::because(format!("the runtime of Redis has ended: {what}"))),
        };
        if answer.is_err() {
            metrics::counter!("chat_redis_errors_total", "op" => what).increment(1);
        }
        answer
    }

    /// As [`Commands::ask`], of commands with one key each. A key that holds something else than we put there was made by a
    /// stranger under our prefix: it is deleted, and asked once more.
    pub(crate) async fn ask_each(
        &self,
        what: &'static str,
        calls: &[(String, Cmd)],
    ) -> Result<Vec<Answer>, Unavailable> {
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for (_, call) in calls {
            pipeline.add_command(call.clone());
        }
        let mut answers = self.ask(what, pipeline).await?;
        self.complain(what, &answers);
        let mut again = redis::pipe();
        for ((key, call), _) in calls.iter().zip(&answers).filter(|(_, answer)| is_of_another_type(answer)) {
            again.cmd("DEL").arg(key).add_command(call.clone());
        }
        // Should that fail, the refusals stand.
        if !again.is_empty()
            && let Ok(mended) = self.ask(what, again).await
        {
            self.complain(what, &mended);
            let broken = answers.iter_mut().filter(|answer| is_of_another_type(answer));
            broken.zip(mended.into_iter().skip(1).step_by(2)).for_each(|(broken, mended)| *broken = mended);
        }
        Ok(answers)
    }

    /// Counts what was refused; the log tells of one of them, and seldom.
    pub(crate) fn complain(&self, what: &'static str, answers: &[Answer]) {
        let mut refused = answers.iter().filter_map(|answer| answer.as_ref().err());
        let Some(error) = refused.next() else { return };
        let count = 1 + refused.count();
        metrics::counter!("chat_redis_refused_total", "op" => what).increment(count.try_into().unwrap_or(u64::MAX));
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            *complained = Some(Instant::now());
            tracing::warn!(op = what, count, %error, "Redis refused a command");
        }
    }
}

/// The key holds something else than the command is for.
pub(crate) fn is_of_another_type(answer: &Answer) -> bool {
    answer.as_ref().err().and_then(RedisError::code) == Some("WRONGTYPE")
}

/// Refused for what the server or the connection is, not for what was asked; full memory is the same on every connection.
fn is_no_place_to_ask(answer: &Answer) -> bool {
    let code = answer.as_ref().err().map(|error| error.code().unwrap_or_default());
    code.is_some_and(|code| !matches!(code, "WRONGTYPE" | "OOM" | "ERR"))
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    Redis(RedisError),
}
