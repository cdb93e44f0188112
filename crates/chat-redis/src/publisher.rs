//! The one connection that publishes. Whatever waits goes in one pipeline; what comes meanwhile is the next.
//!
//! While it is broken, notes are dropped at once: a hint that comes late is worth nothing. A node that dropped some says so
//! when it can again, so that the others look at the record sooner than they would.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{PushInfo, PushKind, RedisResult, Value, aio::MultiplexedConnection};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

use crate::{
    Settings,
    connect::{Backoff, Broken, Connector, within},
    health::{Health, Line},
    names::Names,
    outbox::{Order, Outbox},
    probe::Probe,
    tail, wire,
};

/// Everything the task needs, and what callers put into it.
pub(crate) struct Publisher {
    node: u64,
    names: Names,
    outbox: Outbox,
    health: Arc<Health>,
    probe: Arc<Probe>,
    connected: AtomicBool,
    /// Notes were dropped, and the others do not know yet.
    lost: AtomicBool,
    /// Somebody says that this connection is useless.
    useless: Notify,
    /// Somebody wants to know whether it is.
    probe_wanted: Notify,
    settings: Settings,
}

impl Publisher {
    pub(crate) fn new(node: u64, names: Names, health: Arc<Health>, probe: Arc<Probe>, settings: &Settings) -> Self {
        Self {
            node,
            names,
            outbox: Outbox::new(settings.outbox, settings.outbox_bytes),
            health,
            probe,
            connected: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            useless: Notify::new(),
            probe_wanted: Notify::new(),
            settings: settings.clone(),
        }
    }

    /// Has it sent; never waits, drops it when it must.
    pub(crate) fn send(&self, order: Order) {
        if !self.connected.load(Ordering::Relaxed) {
            self.drop_order(&order);
        } else if let Err(order) = self.outbox.put(order) {
            self.drop_order(&order);
        }
    }

    /// The connection is to be made anew.
    pub(crate) fn call_useless(&self) {
        self.useless.notify_one();
    }

    /// A probe is sent without waiting for the next beat.
    pub(crate) fn probe_now(&self) {
        self.probe_wanted.notify_one();
    }

    /// A note could not even be written down.
    pub(crate) fn drop_note(&self) {
        self.lost.store(true, Ordering::Relaxed);
        metrics::counter!("chat_bus_dropped_total").increment(1);
    }

    fn drop_order(&self, order: &Order) {
        match order {
            Order::Publish { .. } => self.drop_note(),
            Order::Keep { .. } => metrics::counter!("chat_tail_dropped_total").increment(1),
        }
    }

    /// The task: connects, sends until the connection breaks, connects again.
    pub(crate) async fn run(self: Arc<Self>, connector: Connector) {
        let mut backoff = Backoff::up_to(self.settings.reconnect_within);
        let mut was_connected = false;
        loop {
            let gone = Arc::new(Notify::new());
            match connector.connect(tell_when_gone(&gone)).await {
                Ok(connection) => {
                    if std::mem::replace(&mut was_connected, true) {
                        metrics::counter!("chat_bus_reconnections_total").increment(1);
                    }
                    let why = self.serve(connection, &gone).await;
                    if self.connected.swap(false, Ordering::Relaxed) {
                        backoff.begin_anew(); // it worked for a while
                    }
                    self.health.broke(Line::Publishing, &why);
                    self.probe.begin_anew();
                    self.empty_outbox();
                }
                Err(why) => self.health.broke(Line::Publishing, &why),
            }
            metrics::counter!("chat_bus_errors_total").increment(1);
            backoff.pause().await;
        }
    }

    fn empty_outbox(&self) {
        loop {
            let orders = self.outbox.take(self.settings.pipeline, self.settings.pipeline_bytes);
            if orders.is_empty() {
                return;
            }
            orders.iter().for_each(|order| self.drop_order(order));
        }
    }

    /// Sends until the connection breaks, and tells why it did. It counts as working once a probe has gone through.
    async fn serve(&self, mut connection: MultiplexedConnection, gone: &Notify) -> Broken {
        let mut beat = interval(self.settings.beat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let sent = tokio::select! {
                biased;
                () = gone.notified() => Err(Broken("Redis closed the connection".to_owned())),
                () = self.useless.notified() => Err(Broken("a probe was not heard".to_owned())),
                () = self.probe_wanted.notified() => self.send_beat(&mut connection).await,
                _ = beat.tick() => self.send_beat(&mut connection).await,
                () = self.outbox.filled() => self.send_all(&mut connection).await,
            };
            if let Err(why) = sent {
                return why;
            }
            if !self.connected.swap(true, Ordering::Relaxed) {
                self.health.works(Line::Publishing);
            }
        }
    }

    /// A probe, and word of what was dropped.
    async fn send_beat(&self, connection: &mut MultiplexedConnection) -> Result<(), Broken> {
        let mut orders = Vec::with_capacity(2);
        if self.lost.swap(false, Ordering::Relaxed) {
            orders.push(Order::Publish { channel: self.names.everybody(), payload: wire::lost(self.node) });
        }
        let number = self.probe.next();
        orders.push(Order::Publish { channel: self.names.node(self.node), payload: wire::probe(self.node, number) });
        self.send_pipeline(connection, orders).await
    }

    async fn send_all(&self, connection: &mut MultiplexedConnection) -> Result<(), Broken> {
        loop {
            let orders = self.outbox.take(self.settings.pipeline, self.settings.pipeline_bytes);
            if orders.is_empty() {
                return Ok(());
            }
            self.send_pipeline(connection, orders).await?;
        }
    }

    async fn send_pipeline(&self, connection: &mut MultiplexedConnection, orders: Vec<Order>) -> Result<(), Broken> {
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        let published = orders.iter().filter(|order| matches!(order, Order::Publish { .. })).count();
        let (mut is_note, mut is_first_tail) = (Vec::with_capacity(orders.len()), true);
        for order in orders {
            match order {
                Order::Publish { channel, payload } => {
                    pipeline.cmd("SPUBLISH").arg(channel).arg(payload);
                    is_note.push(true);
                }
                Order::Keep { key, events } => {
                    pipeline.add_command(tail::keep(&key, &events, &self.settings, is_first_tail));
                    is_first_tail = false;
                    is_note.push(false);
                }
            }
        }
        let answers = pipeline.query_async::<Vec<RedisResult<Value>>>(connection);
        let answers = match within(self.settings.patience, "publishing", answers).await {
            Ok(answers) => answers,
            Err(why) => {
                // Some may have arrived: then the others look at the record once too often.
                self.lost.store(true, Ordering::Relaxed);
                return Err(why);
            }
        };
        metrics::counter!("chat_bus_published_total").increment(published.try_into().unwrap_or(u64::MAX));
        for (answer, is_note) in answers.into_iter().zip(is_note) {
            match answer {
                Ok(_) => {}
                Err(error) if is_note => {
                    self.lost.store(true, Ordering::Relaxed);
                    return Err(error.into());
                }
                Err(error) => {
                    metrics::counter!("chat_tail_dropped_total").increment(1);
                    tracing::debug!(%error, "a tail was not kept");
                }
            }
        }
        Ok(())
    }
}

/// Whole milliseconds, at least one: Redis takes no zero.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// A connection that closes says so itself.
fn tell_when_gone(gone: &Arc<Notify>) -> impl Fn(PushInfo) + Send + Sync + 'static {
    let gone = Arc::clone(gone);
    move |push| {
        if push.kind == PushKind::Disconnection {
            gone.notify_one();
        }
    }
}
