//! Who is on this node: each user's sockets, on whichever worker, and the number of the newest hint about their world.
//!
//! A user is *expected* from before their record is read until their socket is in, so that no hint falls in between.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chat_domain::{
    event::Hint,
    ids::{Seq, SessionId, UserId},
    ports::Status,
};
use tokio::{sync::Notify, time::Instant};

use crate::{
    Identity, Signal,
    core::lock,
    frames::{self, HintFrame},
    mailbox::{Mailbox, SocketId, ToShard},
};

/// See the module.
#[derive(Default)]
pub(crate) struct People {
    inner: Mutex<Inner>,
    next_socket: AtomicU64,
    /// Told when the last socket is gone.
    emptied: Notify,
}

#[derive(Default)]
struct Inner {
    persons: HashMap<UserId, Person>,
    /// Whose the sessions are that have sockets here, and how many.
    sessions: HashMap<SessionId, (UserId, usize)>,
}

/// A user who is here, is coming, or has just left.
#[derive(Default)]
struct Person {
    seq: Seq,
    /// Oldest first.
    seats: Vec<Seat>,
    expected: usize,
    /// When the last socket closed.
    left: Option<Instant>,
}

/// One socket of a user.
struct Seat {
    socket: SocketId,
    session: SessionId,
    status: Status,
    worker: Arc<Mailbox>,
    /// It was told to go.
    leaving: bool,
}

/// What a socket learns when it is in.
pub(crate) struct Entered {
    pub(crate) socket: SocketId,
    pub(crate) seq: Seq,
}

impl People {
    /// A socket of this user is about to come; `true` when the user is new here.
    pub(crate) fn expect(&self, user: UserId) -> bool {
        let mut inner = lock(&self.inner);
        let is_new = !inner.persons.contains_key(&user);
        inner.persons.entry(user).or_default().expected += 1;
        is_new
    }

    /// That socket is in, or is not coming; `true` when the user has none here.
    pub(crate) fn expect_no_more(&self, user: UserId) -> bool {
        let mut inner = lock(&self.inner);
        let Some(person) = inner.persons.get_mut(&user) else { return false };
        person.expected -= 1;
        person.seats.is_empty()
    }

    /// The socket of an expected user is in. Over `cap`, the oldest is told to go.
    pub(crate) fn enter(&self, who: Identity, seq: Seq, worker: &Arc<Mailbox>, cap: Option<usize>) -> Entered {
        let socket = self.next_socket.fetch_add(1, Ordering::Relaxed);
        let mut inner = lock(&self.inner);
        inner.sessions.entry(who.session).or_insert((who.user, 0)).1 += 1;
        let person = inner.persons.entry(who.user).or_default();
        person.seq = person.seq.max(seq);
        if cap.is_some_and(|cap| person.staying() >= cap) {
            person.dismiss_oldest();
        }
        let (session, worker) = (who.session, Arc::clone(worker));
        person.seats.push(Seat { socket, session, status: Status::Online, worker, leaving: false });
        Entered { socket, seq: person.seq }
    }

    /// A socket is gone; `true` when it was the user's last here.
    pub(crate) fn leave(&self, who: Identity, socket: SocketId) -> bool {
        let mut inner = lock(&self.inner);
        if let Some((_, count)) = inner.sessions.get_mut(&who.session) {
            *count -= 1;
            if *count == 0 {
                inner.sessions.remove(&who.session);
            }
        }
        if inner.sessions.is_empty() {
            self.emptied.notify_waiters();
        }
        let Some(person) = inner.persons.get_mut(&who.user) else { return true };
        person.seats.retain(|seat| seat.socket != socket);
        person.left = Some(Instant::now());
        person.seats.is_empty()
    }

    /// Forgets a user who is neither here nor expected, nor was for this long; `true` when that was so.
    pub(crate) fn forget(&self, user: UserId, delay: Duration) -> bool {
        let mut inner = lock(&self.inner);
        let absent = inner.persons.get(&user).is_some_and(|person| person.is_absent(delay));
        if absent {
            inner.persons.remove(&user);
        }
        absent
    }

    /// What a socket says of its user.
    pub(crate) fn set_status(&self, user: UserId, socket: SocketId, status: Status) {
        if let Some(person) = lock(&self.inner).persons.get_mut(&user)
            && let Some(seat) = person.seats.iter_mut().find(|seat| seat.socket == socket)
        {
            seat.status = status;
        }
    }

    /// The best that any socket here says of the user.
    pub(crate) fn status(&self, user: UserId) -> Status {
        lock(&self.inner).persons.get(&user).map_or(Status::Offline, Person::status)
    }

    /// Whether the user is here, is expected, or has just left.
    pub(crate) fn is_known(&self, user: UserId) -> bool {
        lock(&self.inner).persons.contains_key(&user)
    }

    /// Everybody who has a socket here, by id.
    pub(crate) fn statuses(&self) -> Vec<(UserId, Status)> {
        let mut all: Vec<_> = lock(&self.inner).persons.iter().map(|(user, person)| (*user, person.status())).collect();
        all.retain(|(_, status)| *status != Status::Offline);
        all.sort_by_key(|(user, _)| *user);
        all
    }

    /// The number of the newest hint that was heard of.
    pub(crate) fn seq(&self, user: UserId) -> Seq {
        lock(&self.inner).persons.get(&user).map_or(0, |person| person.seq)
    }

    /// Hands a hint to the user's sockets; an old one is dropped, a gap is the client's to see.
    pub(crate) fn hint(&self, hint: &Hint) {
        self.advance(hint.user, hint.seq, || frames::encode(&HintFrame::from(hint)));
    }

    /// The record knows a newer hint than was heard here: the user's sockets get `frame` to see the number.
    pub(crate) fn advance(&self, user: UserId, seq: Seq, frame: impl FnOnce() -> Bytes) {
        let mut inner = lock(&self.inner);
        let Some(person) = inner.persons.get_mut(&user).filter(|person| seq > person.seq) else { return };
        person.seq = seq;
        if person.seats.is_empty() {
            return;
        }
        let frame = frame();
        for seat in &person.seats {
            // Under the lock, so that hints keep their order.
            seat.worker.post(ToShard::Hint { socket: seat.socket, frame: frame.clone() });
        }
    }

    /// Closes the sockets of an ended session.
    pub(crate) fn end(&self, session: SessionId) {
        let mut inner = lock(&self.inner);
        let Some((user, _)) = inner.sessions.get(&session).copied() else { return };
        let Some(person) = inner.persons.get_mut(&user) else { return };
        for seat in person.seats.iter_mut().filter(|seat| seat.session == session) {
            seat.signal(Signal::REVOKED);
        }
    }

    /// Every socket and its worker, in the order they came.
    pub(crate) fn sockets(&self) -> Vec<(SocketId, Arc<Mailbox>)> {
        let inner = lock(&self.inner);
        let seats = inner.persons.values().flat_map(|person| &person.seats);
        let mut sockets: Vec<_> = seats.map(|seat| (seat.socket, Arc::clone(&seat.worker))).collect();
        sockets.sort_by_key(|(socket, _)| *socket);
        sockets
    }

    /// Resolves when no socket is left.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if lock(&self.inner).sessions.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Person {
    fn is_absent(&self, delay: Duration) -> bool {
        self.seats.is_empty() && self.expected == 0 && self.left.is_none_or(|left| left.elapsed() >= delay)
    }

    fn status(&self) -> Status {
        self.seats.iter().map(|seat| seat.status).max().unwrap_or(Status::Offline)
    }

    fn staying(&self) -> usize {
        self.seats.iter().filter(|seat| !seat.leaving).count()
    }

    fn dismiss_oldest(&mut self) {
        if let Some(oldest) = self.seats.iter_mut().find(|seat| !seat.leaving) {
            oldest.signal(Signal::ONE_TOO_MANY);
        }
    }
}

impl Seat {
    fn signal(&mut self, signal: Signal) {
        self.leaving = true;
        self.worker.insist(ToShard::Signal { socket: self.socket, signal });
    }
}
