//! A worker's own part of the hub: its sockets, and who of them listens where. Lives on one thread, without locks.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use chat_domain::{
    event::Eviction,
    ids::{RoomId, Seq, UserId},
    objects::LogHead,
    ports::Topic,
    refusal::{Refusal, Unavailable},
};

use crate::{
    Identity, Ready, Socket,
    core::Core,
    listener::{Audience, Listener},
    live_room::LiveRoom,
    mailbox::{Mailbox, SocketId},
    outbox::Outbox,
    socket::SocketState,
};

/// A worker's own part of the hub; clones share it. Stays on its thread.
#[derive(Clone)]
pub struct Shard {
    worker: Rc<Worker>,
}

/// See the module.
pub(crate) struct Worker {
    pub(crate) core: Arc<Core>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) rooms: RefCell<HashMap<RoomId, Rc<Audience>>>,
    pub(crate) sockets: RefCell<HashMap<SocketId, Rc<SocketState>>>,
    pub(crate) watchers: RefCell<HashMap<UserId, Vec<Rc<SocketState>>>>,
}

impl Shard {
    pub(crate) fn start(core: &Arc<Core>) -> Self {
        let mailbox = Arc::new(Mailbox::new(core.settings.shard_queue));
        let worker = Rc::new(Worker {
            core: Arc::clone(core),
            mailbox,
            rooms: RefCell::default(),
            sockets: RefCell::default(),
            watchers: RefCell::default(),
        });
        tokio::task::spawn_local(Rc::clone(&worker).run());
        tokio::task::spawn_local(Rc::clone(&worker).show_load());
        Self { worker }
    }

    /// Lets a signed-in socket in. Push `ready` right after this returns, before any other `await`, so that it is the
    /// socket's first frame.
    ///
    /// # Errors
    /// `SessionRevoked`; `Unauthenticated` when the user is deleted or unknown; `Unavailable`.
    pub async fn connect(&self, identity: Identity, outbox: Outbox) -> Result<(Socket, Ready), Refusal> {
        let core = &self.worker.core;
        core.may_enter(identity)?;
        // Hints are heard from before the user is read: none falls in between.
        let _expected = Expected::of(core, identity.user);
        let loaded = core.load_user(identity.user).await?;
        let (user, seq) = loaded.filter(|(user, _)| !user.deleted).ok_or(Refusal::Unauthenticated)?;
        core.may_enter(identity)?;
        let entered = core.people.enter(identity, seq, &self.worker.mailbox, core.settings.sockets_per_user);
        let socket = Socket::new(Rc::clone(&self.worker), entered.socket, identity, outbox);
        // A session that ended since is known by now, or its end finds this socket.
        core.may_enter(identity)?;
        core.presence.touch(identity.user);
        Ok((socket, Ready { user, seq: entered.seq }))
    }
}

impl Core {
    fn may_enter(&self, identity: Identity) -> Result<(), Refusal> {
        if self.is_draining() {
            return Err(Unavailable::because("the node stops").into());
        }
        if self.ended.contains(identity.session) { Err(Refusal::SessionRevoked) } else { Ok(()) }
    }
}

/// A user who is on the way in, listened to.
struct Expected<'a> {
    core: &'a Arc<Core>,
    user: UserId,
}

impl<'a> Expected<'a> {
    fn of(core: &'a Arc<Core>, user: UserId) -> Self {
        if core.people.expect(user) {
            core.topics.hold(&*core.ports.bus, Topic::User(user));
        }
        Self { core, user }
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        if self.core.people.expect_no_more(self.user) {
            self.core.let_leave(self.user);
        }
    }
}

impl Worker {
    /// Puts a socket into a room whose live state admitted it.
    pub(crate) fn hear(
        &self,
        socket: &Rc<SocketState>,
        live: &Arc<LiveRoom>,
        log: &LogHead,
        cursor: Seq,
    ) -> Rc<Listener> {
        let listener = Rc::new(Listener {
            socket: Rc::clone(socket),
            outbox: socket.outbox.clone(),
            live: Arc::clone(live),
            epoch: log.epoch.clone(),
            cursor: cursor.into(),
            is_live: (cursor == log.head).into(),
            owes_batch: false.into(),
            beat: log.head.into(),
            place: None.into(),
        });
        self.audience_of(live).add(Rc::clone(&listener));
        socket.listeners.borrow_mut().insert(live.id, Rc::clone(&listener));
        metrics::gauge!("chat_websocket_subscriptions").increment(1.0);
        listener
    }

    /// Takes a listener out; nothing more of the room reaches its socket.
    pub(crate) fn leave(&self, listener: &Listener) {
        if !listener.is_heard() {
            return;
        }
        metrics::gauge!("chat_websocket_subscriptions").decrement(1.0);
        let room = listener.room();
        listener.socket.listeners.borrow_mut().remove(&room);
        let audience = self.rooms.borrow().get(&room).cloned();
        let Some(audience) = audience.filter(|audience| Arc::ptr_eq(&audience.live, &listener.live)) else {
            listener.place.set(None);
            return;
        };
        if audience.remove(listener) {
            self.rooms.borrow_mut().remove(&room);
            if audience.live.leave(&self.mailbox) {
                self.core.let_idle(room);
            }
        }
    }

    fn audience_of(&self, live: &Arc<LiveRoom>) -> Rc<Audience> {
        let known = self.audience(live.id);
        if let Some(audience) = known.as_ref().filter(|audience| Arc::ptr_eq(&audience.live, live)) {
            return Rc::clone(audience);
        }
        // The room was closed, and is opened again before its old listeners were told.
        for listener in known.iter().flat_map(|old| old.those(|_| true)) {
            self.evict(&listener, Eviction::Deleted);
        }
        let audience = Rc::new(Audience::of(Arc::clone(live)));
        self.rooms.borrow_mut().insert(live.id, Rc::clone(&audience));
        audience
    }

    pub(crate) fn audience(&self, room: RoomId) -> Option<Rc<Audience>> {
        self.rooms.borrow().get(&room).cloned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}
