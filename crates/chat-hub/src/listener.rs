//! One socket's place in one room: its cursor, and whether events reach it directly.
//!
//! The cursor is the only truth about what was queued for the socket. Whatever is lost on the way to a worker shows as a
//! cursor that is behind, and heals by catching up.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use chat_domain::{
    ids::{RoomId, Seq},
    objects::Epoch,
};

use crate::{live_room::LiveRoom, outbox::Outbox, recent::Recent, socket::SocketState};

/// See the module.
pub(crate) struct Listener {
    pub(crate) socket: Rc<SocketState>,
    /// The socket's, at hand: a delivery touches as little memory as it can.
    pub(crate) outbox: Outbox,
    pub(crate) live: Arc<LiveRoom>,
    /// The history that the cursor belongs to.
    pub(crate) epoch: Epoch,
    /// Everything up to here was queued.
    pub(crate) cursor: Cell<Seq>,
    /// Events are queued as they come. Otherwise it is catching up: because it began behind, because its queue was full, or
    /// because an event was lost on the way; and what comes meanwhile is part of what it catches up with.
    pub(crate) is_live: Cell<bool>,
    /// The last batch told the client that another follows, and none has yet.
    pub(crate) owes_batch: Cell<bool>,
    /// The head that the last heartbeat told.
    pub(crate) beat: Cell<Seq>,
    /// Where it stands in the room's list; `None` once it is out.
    pub(crate) place: Cell<Option<usize>>,
}

/// What came of offering events.
pub(crate) enum Offered {
    /// So many messages were queued, and nothing is missing.
    UpToDate(u64),
    /// So many were queued; from now on it must catch up.
    Behind(u64),
}

impl Listener {
    pub(crate) fn room(&self) -> RoomId {
        self.live.id
    }

    /// Whether it still stands in the room.
    pub(crate) fn is_heard(&self) -> bool {
        self.place.get().is_some()
    }

    /// Offers consecutive events of its room.
    pub(crate) fn offer(&self, events: &[Arc<Recent>]) -> Offered {
        let mut messages = 0;
        if !self.is_live.get() {
            return Offered::UpToDate(0);
        }
        for recent in events {
            let (seq, cursor) = (recent.seq(), self.cursor.get());
            if seq <= cursor {
                continue;
            }
            if seq > cursor + 1 {
                self.is_live.set(false);
                return Offered::Behind(messages);
            }
            if self.outbox.push(recent.frame.clone()).is_err() {
                metrics::counter!("chat_slow_consumers_total").increment(1);
                self.is_live.set(false);
                return Offered::Behind(messages);
            }
            self.cursor.set(seq);
            messages += u64::from(recent.is_message());
        }
        Offered::UpToDate(messages)
    }
}

/// The listeners of one room on one worker.
pub(crate) struct Audience {
    pub(crate) live: Arc<LiveRoom>,
    listeners: RefCell<Vec<Rc<Listener>>>,
}

impl Audience {
    pub(crate) fn of(live: Arc<LiveRoom>) -> Self {
        Self { live, listeners: RefCell::default() }
    }

    pub(crate) fn add(&self, listener: Rc<Listener>) {
        let mut listeners = self.listeners.borrow_mut();
        listener.place.set(Some(listeners.len()));
        listeners.push(listener);
    }

    /// `true` when nobody is left.
    pub(crate) fn remove(&self, listener: &Listener) -> bool {
        let mut listeners = self.listeners.borrow_mut();
        if let Some(place) = listener.place.take().filter(|place| *place < listeners.len()) {
            listeners.swap_remove(place);
            if let Some(moved) = listeners.get(place) {
                moved.place.set(Some(place));
            }
        }
        listeners.is_empty()
    }

    /// Looks at each; nobody may come or go meanwhile.
    pub(crate) fn for_each(&self, look: impl FnMut(&Rc<Listener>)) {
        self.listeners.borrow().iter().for_each(look);
    }

    /// Those of whom this holds, in their order.
    pub(crate) fn those(&self, holds: impl Fn(&Listener) -> bool) -> Vec<Rc<Listener>> {
        self.listeners.borrow().iter().filter(|listener| holds(listener)).cloned().collect()
    }
}
