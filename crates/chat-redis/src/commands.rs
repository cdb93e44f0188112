//! Commands whose answers are waited for: a few connections in a pool, and patience that ends.
//!
//! They run on the runtime that opened the handle, whoever asks: a connection belongs to the runtime that made it, and a
//! caller that goes away must not leave one half used.

use std::{num::NonZeroUsize, time::Duration};

use chat_domain::refusal::Unavailable;
use deadpool_redis::{Connection, Manager, Pool, PoolError, Runtime, Timeouts};
use redis::{FromRedisValue, Pipeline, RedisError};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    OpenError, Settings,
    connect::{self, Connector},
};

/// The pool, and where its work is done.
pub(crate) struct Commands {
    pool: Pool,
    runtime: Handle,
    patience: Duration,
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
        Ok(Self { pool, runtime: Handle::current(), patience })
    }

    /// The answers to a pipeline, in one round trip.
    pub(crate) async fn ask<T>(&self, what: &'static str, pipeline: Pipeline) -> Result<T, Unavailable>
    where
        T: FromRedisValue + Send + 'static,
    {
        let (pool, patience) = (self.pool.clone(), self.patience);
        let work = async move {
            let mut connection = pool.get().await?;
            let answer = pipeline.query_async(&mut connection).await;
            answer.map_err(|error| {
                // It may lead to a server that is no longer the one to ask: the next call makes another.
                drop(Connection::take(connection));
                Trouble::Redis(error)
            })
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
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    Redis(RedisError),
}
