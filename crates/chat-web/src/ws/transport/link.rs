//! What the three parts of one socket tell each other: the guard why it stopped, the way in how the client ended.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Waker},
};

use super::guard::Violation;

/// Shared by the guard, the way in and the way out of one socket.
#[derive(Debug, Clone, Default)]
pub(super) struct Link {
    shared: Rc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    violation: Cell<Option<Violation>>,
    peer: Cell<Peer>,
    body: RefCell<Option<Waker>>,
}

/// What can still be expected of the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Peer {
    /// Its close frame may still come.
    #[default]
    Talking,
    /// Its close frame came: it sends and expects nothing more than ours.
    Closed,
    /// Nobody listens to it any more: it broke the protocol, or is not waited for.
    Unheard,
}

impl Link {
    pub(super) fn report(&self, violation: Violation) {
        self.shared.violation.set(Some(violation));
    }

    pub(super) fn violation(&self) -> Option<Violation> {
        self.shared.violation.get()
    }

    pub(super) fn peer(&self) -> Peer {
        self.shared.peer.get()
    }

    /// The first end counts; the body is woken to act on it.
    pub(super) fn end(&self, peer: Peer) {
        if self.shared.peer.get() == Peer::Talking {
            self.shared.peer.set(peer);
            if let Some(waker) = self.shared.body.take() {
                waker.wake();
            }
        }
    }

    pub(super) fn register_body(&self, context: &Context<'_>) {
        self.shared.body.replace(Some(context.waker().clone()));
    }
}
