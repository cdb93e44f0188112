//! The hub: what the node's doors hold to write, to listen and to end.

use std::sync::Arc;

use chat_domain::{
    command::{Command, Outcome},
    event::Hint,
    ids::SessionId,
    ports::{AccountStore, Bus, Clock, Journal, LogStore, Pending, Presence, RoomStore, SessionStore, Tail},
    refusal::{Refusal, Unavailable},
};

use crate::{HubSettings, Shard, core::Core};

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
    /// Recent changes, where every node finds them.
    pub tail: Arc<dyn Tail>,
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

impl Hub {
    /// Starts the engine on the runtime of `handle`.
    #[must_use]
    pub fn start(ports: HubPorts, settings: HubSettings, handle: tokio::runtime::Handle) -> Self {
        let core = Arc::new(Core::new(ports, settings, handle));
        core.start_writer();
        core.spawn(Arc::clone(&core).hear());
        core.spawn(Arc::clone(&core).poll());
        core.spawn(Arc::clone(&core).load_users());
        core.spawn(Arc::clone(&core).keep_presence());
        Self { core }
    }

    /// Remembers the sessions that ended while their access tokens may still live. Before the first request is served.
    ///
    /// # Errors
    /// [`Unavailable`]: then nobody can be told apart from one who signed out; do not serve.
    pub async fn load_ended(&self) -> Result<(), Unavailable> {
        match self.core.look_for_ended().await {
            Ok(()) => Ok(()),
            Err(Refusal::Unavailable(unavailable)) => Err(unavailable),
            Err(other) => Err(Unavailable::because(other)),
        }
    }

    /// Whether the session has ended: its access tokens open no door, whatever they say.
    #[must_use]
    pub fn is_ended(&self, session: SessionId) -> bool {
        self.core.ended.contains(session)
    }

    /// A worker's own part of the hub. Once per worker thread, inside its `LocalSet`.
    #[must_use]
    pub fn shard(&self) -> Shard {
        Shard::start(&self.core)
    }

    /// Stops at once, as a crash would: nothing is flushed, nobody is told.
    pub fn stop(&self) {
        self.core.stop();
    }
}

impl Journal for Hub {
    fn submit(&self, command: Command) -> Pending {
        self.core.writer.submit(command)
    }

    fn publish(&self, outcomes: Vec<Outcome>) {
        self.core.announce(outcomes.iter());
    }

    fn publish_hints(&self, hints: Vec<Hint>) {
        self.core.announce_hints(hints.into_iter());
    }

    fn end_sessions(&self, sessions: &[SessionId]) {
        self.core.end_everywhere(sessions);
    }

    fn has_ended(&self, session: SessionId) -> bool {
        self.is_ended(session)
    }
}
