//! A worker's own part of the hub.

use std::rc::Rc;

use chat_domain::refusal::Refusal;

use crate::{Hub, Identity, Ready, Socket, outbox::Outbox};

/// A worker's own part of the hub; clones share it. Stays on its thread.
#[derive(Clone)]
pub struct Shard {
    hub: Rc<Hub>,
}

impl Shard {
    pub(crate) fn start(hub: &Hub) -> Self {
        Self { hub: Rc::new(hub.clone()) }
    }

    /// Lets a signed-in socket in. Push `ready` right after this returns, before any other `await`, so that it is the
    /// socket's first frame.
    ///
    /// # Errors
    /// `SessionRevoked`; `Unauthenticated` when the user is deleted or unknown; `Unavailable`.
    pub async fn connect(&self, identity: Identity, outbox: Outbox) -> Result<(Socket, Ready), Refusal> {
        let _ = (&self.hub, identity, outbox);
        Err(Refusal::Unauthenticated)
    }
}
