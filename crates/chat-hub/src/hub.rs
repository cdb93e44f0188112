//! The hub: what the node's doors hold to write, to listen and to end.

use std::{sync::Arc, time::Duration};

use chat_domain::{
    command::{Command, Outcome},
    event::Hint,
    ids::SessionId,
    ports::{AccountStore, Bus, Clock, Journal, LogStore, Pending, Presence, RoomStore, SessionStore},
    refusal::Unavailable,
};

use crate::{HubSettings, Shard};

/// What the hub needs from the world.
#[derive(Clone)]
pub struct HubPorts {
    /// Users.
    pub accounts: Arc<dyn AccountStore>,
    /// Sign-ins.
    pub sessions: Arc<dyn SessionStore>,
    /// The one write operation.
    pub rooms: Arc<dyn RoomStore>,
    /// The logs.
    pub log: Arc<dyn LogStore>,
    /// Other nodes.
    pub bus: Arc<dyn Bus>,
    /// Leases on presence.
    pub presence: Arc<dyn Presence>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
}

/// The live part of a node; clones share it.
#[derive(Clone)]
pub struct Hub {
    pub(crate) core: Arc<Core>,
}

pub(crate) struct Core {
    pub(crate) ports: HubPorts,
    pub(crate) settings: HubSettings,
    pub(crate) handle: tokio::runtime::Handle,
}

impl Hub {
    /// Starts the engine on the runtime of `handle`.
    #[must_use]
    pub fn start(ports: HubPorts, settings: HubSettings, handle: tokio::runtime::Handle) -> Self {
        Self { core: Arc::new(Core { ports, settings, handle }) }
    }

    /// Remembers the sessions that ended while their access tokens may still live. Before the first request is served.
    ///
    /// # Errors
    /// [`Unavailable`]: then nobody can be told apart from one who signed out; do not serve.
    pub async fn load_ended(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    /// Whether the session has ended: its access tokens open no door, whatever they say.
    #[must_use]
    pub fn is_ended(&self, session: SessionId) -> bool {
        let _ = session;
        false
    }

    /// A worker's own part of the hub. Once per worker thread, inside its `LocalSet`.
    #[must_use]
    pub fn shard(&self) -> Shard {
        Shard::start(self)
    }

    /// Says farewell to every socket, in slices, and waits until they are gone; then flushes the writer, which refuses
    /// whatever comes later, and stops the engine. Takes no longer than `limit`.
    pub async fn drain(&self, limit: Duration) {
        let _ = limit;
    }
}

impl Journal for Hub {
    fn submit(&self, command: Command) -> Pending {
        let _ = command;
        Box::pin(async { Err(Unavailable::because("not started").into()) })
    }

    fn publish(&self, outcomes: Vec<Outcome>) {
        let _ = outcomes;
    }

    fn publish_hints(&self, hints: Vec<Hint>) {
        let _ = hints;
    }

    fn end_sessions(&self, sessions: &[SessionId]) {
        let _ = sessions;
    }

    fn has_ended(&self, session: SessionId) -> bool {
        self.is_ended(session)
    }
}
