//! The handle that everything else holds: starts the tasks, ends them when the last clone is gone.

use std::{fmt, sync::Arc};

use tokio::task::AbortHandle;

use crate::{
    OpenError, Settings,
    commands::Commands,
    connect::{self, Connector},
    health::Health,
    inbox::Inbox,
    names::Names,
    probe::Probe,
    publisher::Publisher,
    rates::{Rates, Sharing},
    subscriber::Subscriber,
    topics::Topics,
};

/// One node's way to the others. Cheap to clone; its connections close when the last clone is gone.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    /// Which node speaks: drawn anew at each start, so that nobody hears their own.
    pub(crate) node: u64,
    pub(crate) names: Names,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) health: Arc<Health>,
    pub(crate) commands: Arc<Commands>,
    pub(crate) rates: Arc<Rates>,
    tasks: [AbortHandle; 3],
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { node, health, .. } = &*self.shared;
        f.debug_struct("Redis").field("node", node).field("carries", &health.carries()).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Redis {
    /// Starts the tasks that connect, on the runtime it is called in: a multi-thread one, with time and input enabled.
    /// Comes back when the bus carries, or without it after the time that a connection may take: a Redis that is away is
    /// no error, it is waited for in the background.
    ///
    /// # Errors
    /// See [`OpenError`]: a setting is wrong.
    pub async fn open(url: &str, settings: &Settings) -> Result<Self, OpenError> {
        describe_metrics();
        let connector = Connector::to(url, settings)?;
        let names = connect::names(settings)?;
        let commands = Arc::new(Commands::new(&connector, settings)?);
        let node = rand::random();
        let inbox = Arc::new(Inbox::new(settings));
        let (health, probe) = (Arc::new(Health::new(Arc::clone(&inbox))), Arc::new(Probe::default()));
        let topics = Arc::new(Topics::new(settings.linger, settings.listen_within));
        let publisher = Publisher::new(node, names.clone(), Arc::clone(&health), Arc::clone(&probe), settings);
        let publisher = Arc::new(publisher);
        let rates = Arc::new(Rates::new(settings));
        let subscriber = Arc::new(Subscriber {
            node,
            names: names.clone(),
            inbox: Arc::clone(&inbox),
            topics: Arc::clone(&topics),
            health: Arc::clone(&health),
            probe,
            publisher: Arc::clone(&publisher),
            rates: Arc::clone(&rates),
            settings: settings.clone(),
        });
        let publishing = tokio::spawn(Arc::clone(&publisher).run(connector.clone()));
        let hearing = tokio::spawn(subscriber.run(connector));
        let sharing = Sharing {
            rates: Arc::clone(&rates),
            commands: Arc::clone(&commands),
            publisher: Arc::clone(&publisher),
            names: names.clone(),
            node,
            settings: settings.clone(),
        };
        let sharing = tokio::spawn(sharing.run());
        let tasks = [publishing, hearing, sharing].map(|task| task.abort_handle());
        let shared = Shared { node, names, publisher, inbox, topics, health, commands, rates, tasks };
        let redis = Self { shared: Arc::new(shared) };
        let carries = redis.shared.health.until_it_carries();
        let carries = tokio::time::timeout(settings.connect_timeout, carries).await;
        redis.shared.rates.set_alone(carries.is_err());
        Ok(redis)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

fn describe_metrics() {
    metrics::describe_gauge!("chat_bus_healthy", "1 while notes between nodes are carried both ways, else 0");
    metrics::describe_counter!("chat_bus_published_total", "Notes that Redis took from this node");
    metrics::describe_counter!("chat_bus_received_total", "Notes of other nodes that Redis brought");
    metrics::describe_counter!("chat_bus_dropped_total", "Notes of this node that were not sent");
    metrics::describe_counter!(
        "chat_bus_overflowed_total",
        "Notes of other nodes that came faster than they are heard"
    );
    metrics::describe_counter!("chat_bus_unreadable_total", "Notes of other nodes that could not be read");
    metrics::describe_counter!("chat_bus_errors_total", "Connections of the bus that failed or could not be made");
    metrics::describe_counter!("chat_bus_reconnections_total", "Connections of the bus that were made again");
    metrics::describe_histogram!(
        "chat_bus_lag_seconds",
        metrics::Unit::Seconds,
        "How long a probe took by way of Redis back to this node"
    );
    metrics::describe_counter!("chat_rates_unshared_total", "Rates that were not told to the other nodes: too many");
    metrics::describe_counter!("chat_redis_errors_total", "Commands that Redis did not answer, by operation");
    metrics::describe_counter!("chat_redis_refused_total", "Commands that Redis refused, by operation");
    metrics::describe_counter!("chat_tail_dropped_total", "Pieces of room tails that were not kept");
    for name in [
        "chat_bus_published_total",
        "chat_bus_received_total",
        "chat_bus_dropped_total",
        "chat_bus_overflowed_total",
        "chat_bus_unreadable_total",
        "chat_bus_errors_total",
        "chat_bus_reconnections_total",
        "chat_tail_dropped_total",
        "chat_rates_unshared_total",
    ] {
        metrics::counter!(name).absolute(0);
    }
    metrics::gauge!("chat_bus_healthy").set(0.0);
    drop(metrics::histogram!("chat_bus_lag_seconds"));
    for op in ["lease", "presence", "tail", "rates"] {
        metrics::counter!("chat_redis_errors_total", "op" => op).absolute(0);
        metrics::counter!("chat_redis_refused_total", "op" => op).absolute(0);
    }
}
