//! A few connections that many jobs share, and a bounded place to wait for one.
//!
//! A connection goes back only when its job says that it is idle and whole; dropped in any other way (a failure, a time-out, a
//! panic) it is closed, so none is ever handed on in the middle of a transaction.

use std::{sync::Arc, time::Duration};

use chat_domain::refusal::Unavailable;
use deadpool::{
    Runtime,
    managed::{PoolError, TimeoutType},
};
use diesel_async::{
    AsyncPgConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool as Connections},
    },
};
use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{OpenError, Settings, connection::Opener, fault::Fault, target::causes};

/// Connections of one kind. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: Connections<AsyncPgConnection>,
    places: Arc<Semaphore>,
    name: &'static str,
}

/// How many connections, how many jobs may wait for one, and how long a job may take.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) connections: usize,
    pub(crate) queue: usize,
    pub(crate) patience: Duration,
}

impl Pool {
    /// Opens nothing yet.
    pub(crate) fn new(
        name: &'static str,
        opener: &Arc<Opener>,
        settings: &Settings,
        size: Size,
    ) -> Result<Self, OpenError> {
        let most = size.connections.max(1);
        let again = Arc::clone(opener);
        let mut config = ManagerConfig::default();
        // A connection that broke knows it; asking the server each time would cost a round trip.
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let opener = Arc::clone(&again);
            async move { opener.connect(size.patience).await }.boxed()
        });
        let connections = Connections::builder(AsyncDieselConnectionManager::new_with_config(String::new(), config))
            .max_size(most)
            .wait_timeout(Some(settings.wait_timeout))
            .create_timeout(Some(settings.connect_timeout))
            .recycle_timeout(Some(settings.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| OpenError::Connect { place: opener.place(), cause: error.to_string() })?;
        let places = most.saturating_add(size.queue).min(Semaphore::MAX_PERMITS);
        Ok(Self { connections, places: Arc::new(Semaphore::new(places)), name })
    }

    /// A place among those who have a connection or wait for one; none when there are too many.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, Unavailable> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| Unavailable::because("the store's queue is full"))
    }

    /// A connection, for the holder of a place.
    pub(crate) async fn lease(&self, place: OwnedSemaphorePermit) -> Result<Lease, Fault> {
        let waiting = Counted::up("chat_store_pool_waiting", self.name);
        let connection = self.connections.get().await;
        drop(waiting);
        match connection {
            Ok(connection) => Ok(Lease {
                connection: Some(connection),
                _in_use: Counted::up("chat_store_pool_in_use", self.name),
                _place: place,
            }),
            Err(error) => Err(Fault::Late(why(&error))),
        }
    }

    /// Closes the connections that are idle: something says that the way to the server is broken.
    pub(crate) fn forget(&self) {
        drop(self.connections.retain(|_, _| false));
    }
}

fn why(error: &PoolError<diesel_async::pooled_connection::PoolError>) -> String {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => "no connection of the store became free in time".to_owned(),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            "the database did not answer a new connection in time".to_owned()
        }
        PoolError::Backend(error) => causes(error),
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => error.to_string(),
    }
}

/// A connection for one job.
pub(crate) struct Lease {
    connection: Option<Object<AsyncPgConnection>>,
    _in_use: Counted,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    /// The job is over and left nothing open: the connection serves the next one.
    pub(crate) fn settle(mut self) {
        drop(self.connection.take());
    }

    /// The connection, while it is leased.
    pub(crate) fn connection(&self) -> Result<&AsyncPgConnection, Fault> {
        self.connection.as_deref().ok_or_else(|| Fault::Late("the connection was given back".to_owned()))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

/// One more of something, until dropped.
struct Counted {
    gauge: metrics::Gauge,
}

impl Counted {
    fn up(name: &'static str, pool: &'static str) -> Self {
        let gauge = metrics::gauge!(name, "pool" => pool);
        gauge.increment(1);
        Self { gauge }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge.decrement(1);
    }
}
