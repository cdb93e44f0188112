//! The one connection that hears. One task owns it: it subscribes what is wanted, tries the connection every beat, and makes
//! it anew when it is late, deaf or gone; then all is subscribed again, and what may have been missed is told.

use std::sync::Arc;

use bytes::Bytes;
use redis::{PushInfo, PushKind, Value, aio::MultiplexedConnection};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    Settings,
    connect::{Backoff, Broken, Connector, within},
    health::{Health, Line},
    inbox::Inbox,
    names::Names,
    probe::Probe,
    publisher::Publisher,
    rates::Rates,
    topics::Topics,
    wire::{self, Header, Kind},
};

/// Everything the task needs.
pub(crate) struct Subscriber {
    pub(crate) node: u64,
    pub(crate) names: Names,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) health: Arc<Health>,
    pub(crate) probe: Arc<Probe>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) rates: Arc<Rates>,
    pub(crate) settings: Settings,
}

impl Subscriber {
    /// The task: connects, hears until the connection breaks, connects again.
    pub(crate) async fn run(self: Arc<Self>, connector: Connector) {
        let mut backoff = Backoff::up_to(self.settings.reconnect_within);
        let mut tries = 0_u64;
        loop {
            let gone = Arc::new(Notify::new());
            match self.begin(&connector, &gone, tries > 0).await {
                Ok(connection) => {
                    if tries > 0 {
                        metrics::counter!("chat_bus_reconnections_total").increment(1);
                    }
                    backoff.begin_anew();
                    let why = self.serve(connection, &gone).await;
                    self.health.broke(Line::Hearing, &why);
                }
                Err(why) => self.health.broke(Line::Hearing, &why),
            }
            metrics::counter!("chat_bus_errors_total").increment(1);
            tries += 1;
            backoff.pause().await;
        }
    }

    /// A new connection on which everything is subscribed.
    async fn begin(
        self: &Arc<Self>,
        connector: &Connector,
        gone: &Arc<Notify>,
        interrupted: bool,
    ) -> Result<MultiplexedConnection, Broken> {
        let (ears, ended) = (Arc::clone(self), Arc::clone(gone));
        let mut connection = connector
            .connect(move |push| {
                if push.kind == PushKind::Disconnection {
                    ended.notify_one();
                } else {
                    ears.hear(push);
                }
            })
            .await?;
        let always = [self.names.everybody(), self.names.node(self.node)];
        self.subscribe_channels(&mut connection, "SSUBSCRIBE", &always).await?;
        let topics = self.topics.begin_anew();
        for some in topics.chunks(self.settings.subscribe_chunk.max(1)) {
            self.subscribe_topics(&mut connection, some).await?;
        }
        self.probe.begin_anew();
        self.health.works(Line::Hearing);
        self.publisher.probe_now();
        if interrupted {
            self.inbox.interrupt();
        }
        Ok(connection)
    }

    /// Keeps the connection until it breaks, and tells why it did. The arms: it is gone, topics came, topics went, a beat.
    async fn serve(&self, mut connection: MultiplexedConnection, gone: &Notify) -> Broken {
        let mut beat = interval(self.settings.beat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next_end = self.topics.next_end();
            let done = tokio::select! {
                biased;
                () = gone.notified() => Err(Broken("Redis closed the connection".to_owned())),
                _ = beat.tick() => self.look(&mut connection).await,
                () = self.topics.changed() => self.follow(&mut connection).await,
                () = sleep_until(next_end.unwrap_or_else(Instant::now)), if next_end.is_some() => {
                    self.follow(&mut connection).await
                }
            };
            if let Err(why) = done {
                return why;
            }
        }
    }

    /// Does it answer, and does it hear what we say?
    async fn look(&self, connection: &mut MultiplexedConnection) -> Result<(), Broken> {
        let ping = redis::cmd("PING");
        let pong = within(self.settings.patience, "a PING", ping.query_async::<String>(connection)).await?;
        if pong != "PONG" {
            return Err(Broken("a PING was answered with something else".to_owned()));
        }
        // A little later than a publisher that gets no answer gives up: then it is not this connection that is to blame.
        if self.probe.is_overdue(self.settings.patience + self.settings.beat / 2) {
            self.publisher.call_useless();
            return Err(Broken("a probe was not heard".to_owned()));
        }
        Ok(())
    }

    /// Subscribes what is new, unsubscribes what was let go long ago.
    async fn follow(&self, connection: &mut MultiplexedConnection) -> Result<(), Broken> {
        let differences = self.topics.differences();
        let chunk = self.settings.subscribe_chunk.max(1);
        for topics in differences.subscribe.chunks(chunk) {
            self.subscribe_topics(connection, topics).await?;
        }
        for topics in differences.unsubscribe.chunks(chunk) {
            let channels: Vec<_> = topics.iter().map(|topic| self.names.channel(*topic)).collect();
            self.subscribe_channels(connection, "SUNSUBSCRIBE", &channels).await?;
        }
        Ok(())
    }

    async fn subscribe_topics(
        &self,
        connection: &mut MultiplexedConnection,
        topics: &[chat_domain::ports::Topic],
    ) -> Result<(), Broken> {
        let channels: Vec<_> = topics.iter().map(|topic| self.names.channel(*topic)).collect();
        self.subscribe_channels(connection, "SSUBSCRIBE", &channels).await?;
        if self.topics.subscribed(topics) {
            self.inbox.interrupt();
        }
        Ok(())
    }

    /// One command per channel: a sharded channel may be alone in its slot, and redis-rs counts one answer per command.
    async fn subscribe_channels(
        &self,
        connection: &mut MultiplexedConnection,
        command: &str,
        channels: &[String],
    ) -> Result<(), Broken> {
        let mut pipeline = redis::pipe();
        for channel in channels {
            pipeline.cmd(command).arg(channel).ignore();
        }
        within(self.settings.patience, "subscribing", pipeline.exec_async(connection)).await
    }

    /// Called by the connection for whatever comes unasked: sorts it, and never waits.
    fn hear(&self, push: PushInfo) {
        if push.kind != PushKind::SMessage {
            return; // answers to our own subscribing come here, too
        }
        let Ok([Value::BulkString(channel), Value::BulkString(payload)]) = <[Value; 2]>::try_from(push.data) else {
            return self.inbox.complain(wire::Unreadable::NOT_BYTES);
        };
        let Header { kind, node } = match wire::header(&payload) {
            Ok(header) => header,
            Err(why) => return self.inbox.complain(why),
        };
        if node == self.node {
            if kind == Kind::Probe
                && let Some(number) = wire::probed(&payload)
            {
                self.probe.heard(number);
                self.health.echoes();
            }
            return;
        }
        metrics::counter!("chat_bus_received_total").increment(1);
        match kind {
            Kind::Lost => self.inbox.interrupt(),
            Kind::Rate => match wire::shared_rate(&payload) {
                Ok(rate) => self.rates.raise(&rate),
                Err(why) => self.inbox.complain(why),
            },
            Kind::Forgiven => match wire::forgiven_name(&payload) {
                Ok(name) => self.rates.forgiven(&name),
                Err(why) => self.inbox.complain(why),
            },
            Kind::Probe => {} // not ours, and for nobody else
            Kind::Ended => self.inbox.put(Bytes::from(payload)),
            Kind::Event | Kind::EventBeside | Kind::Closed | Kind::Hint | Kind::Typing | Kind::Presence => {
                if self.names.topic(&channel).is_some_and(|topic| self.topics.hears(topic)) {
                    self.inbox.put(Bytes::from(payload));
                }
            }
        }
    }
}
