//! A user's device: it connects to any node, drains its queue at the speed of its network, keeps views of rooms by the rules
//! of protocol §3, and comes back whatever happens.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use chat_domain::{
    event::{HintAbout, Object},
    ids::{RoomId, Seq, SessionId, UserId},
    pages::Window,
    ports::{LogStore, RoomStore},
};
use chat_hub::outbox::{Outbox, REPLY_RESERVE};
use futures_util::FutureExt;
use tokio::{
    sync::{Notify, mpsc},
    time::sleep,
};

use crate::{
    connection::{self, Request},
    view::{Then, View},
    wire::{BatchFrame, Cutter, EventFrame, Said},
    world::World,
};

/// How fast a network takes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    Fast,
    /// Bytes a second.
    Slow(u64),
    Stopped,
}

/// The present connection.
pub struct Link {
    pub node: usize,
    pub outbox: Outbox,
    pub requests: mpsc::UnboundedSender<Request>,
}

/// See the module.
pub struct Device {
    pub number: usize,
    pub user: UserId,
    pub session: Cell<SessionId>,
    pub world: Rc<World>,
    pub views: RefCell<BTreeMap<RoomId, View>>,
    pub link: RefCell<Option<Link>>,
    /// The number of the newest hint it knows of.
    pub me: Cell<Seq>,
    /// The newest hint of this connection.
    last_hint: Cell<Seq>,
    speed: Cell<Speed>,
    pub speed_changed: Notify,
    /// It is switched off for good.
    pub off: Cell<bool>,
    /// A node that it avoids at its next try, because another device of the user is there.
    pub avoid: Cell<Option<usize>>,
    /// Counts connections.
    pub generation: Cell<u64>,
}

impl Device {
    pub fn new(world: &Rc<World>, number: usize, user: UserId, session: SessionId) -> Rc<Self> {
        Rc::new(Self {
            number,
            user,
            session: session.into(),
            world: Rc::clone(world),
            views: RefCell::default(),
            link: RefCell::default(),
            me: 0.into(),
            last_hint: 0.into(),
            speed: Speed::Fast.into(),
            speed_changed: Notify::new(),
            off: false.into(),
            avoid: None.into(),
            generation: 0.into(),
        })
    }

    pub fn note(&self, line: impl FnOnce() -> String) {
        self.world.note(|| format!("device {} {}", self.number, line()));
    }

    pub fn set_speed(&self, speed: Speed) {
        self.note(|| format!("is {speed:?}"));
        self.speed.set(speed);
        self.speed_changed.notify_waiters();
    }

    /// The connection is lost without a word.
    pub fn vanish(&self) {
        self.note(|| "vanishes".to_owned());
        if let Some(link) = &*self.link.borrow() {
            link.outbox.consumer_gone();
        }
    }

    /// A connection stands; `ready` comes first. Sometimes it is of a device that remembers nothing.
    pub fn linked(&self, link: Link) {
        if self.world.dice.chance(0.1) {
            self.views.borrow_mut().clear();
            self.me.set(0);
        }
        self.generation.set(self.generation.get() + 1);
        self.last_hint.set(0);
        self.link.replace(Some(link));
    }

    /// The connection is over.
    pub fn cut(&self) {
        self.link.replace(None);
        self.views.borrow_mut().values_mut().for_each(View::cut);
    }

    pub fn send(&self, request: Request) {
        if let Some(link) = &*self.link.borrow() {
            let _ = link.requests.send(request);
        }
    }

    /// Takes chunks from its queue until the connection is over.
    pub async fn consume(self: Rc<Self>, outbox: Outbox) {
        let mut cutter = Cutter::default();
        loop {
            while self.speed.get() == Speed::Stopped {
                self.speed_changed.notified().await;
            }
            let Some(chunk) = std::future::poll_fn(|context| outbox.poll_next(context)).await else { return };
            if let Speed::Slow(bytes_per_second) = self.speed.get() {
                let time = Duration::from_millis(chunk.len() as u64 * 1_000 / bytes_per_second);
                tokio::select! {
                    biased;
                    () = self.speed_changed.notified() => {}
                    () = sleep(time) => {}
                }
            }
            if outbox.queued_bytes() > self.world.outbox_limit + REPLY_RESERVE {
                self.world.truth.fail("a queue is longer than it may be");
            }
            cutter.push(&chunk);
            while let Some(frame) = cutter.next() {
                let heard = frame.and_then(|payload| self.hear(&payload));
                if let Err(what) = heard {
                    self.world.truth.fail(format!("device {} of {}: {what}", self.number, self.user));
                }
            }
        }
    }

    fn hear(self: &Rc<Self>, payload: &[u8]) -> Result<(), String> {
        let said: Said = serde_json::from_slice(payload)
            .map_err(|error| format!("{error} in {}", String::from_utf8_lossy(payload)))?;
        match said {
            Said::Ready { seq } => self.ready(seq),
            Said::Ok { rooms } => {
                for answer in rooms {
                    self.note(|| format!("{} {} at {} {}", answer.room, answer.status, answer.head, answer.code));
                    self.in_view(answer.room, |view| view.answered(&answer))?;
                }
            }
            Said::Event(frame) if frame.room == "@me" => self.hint(&frame)?,
            Said::Event(frame) => self.event(&frame)?,
            Said::Batch(batch) => self.batch(&batch, payload.len())?,
            Said::Reset { room, head, reason, .. } => {
                self.note(|| format!("{room} reset at {head}, {reason:?}"));
                self.in_view(room, View::reset)?;
            }
            Said::Heartbeat { heads, seq } => {
                self.note(|| format!("heartbeat {seq} {heads:?}"));
                for (room, head) in heads {
                    self.in_view(room, |view| Ok(view.beat(head)))?;
                }
                if seq > self.me.get() {
                    self.sync();
                }
            }
            Said::Evicted { room, reason } => {
                self.note(|| format!("{room} evicted, {reason:?}"));
                let truth = self.world.truth.clone();
                self.in_view(room, |view| view.evicted(reason, &truth.read().rooms[&room]))?;
            }
            Said::Typing { room, user } => {
                self.note(|| format!("{room} {user} types"));
                if user == self.user {
                    return Err("hears its own typing".to_owned());
                }
            }
            Said::Presence { user } => self.note(|| format!("{user} comes or goes")),
            Said::Bye { code } => self.note(|| format!("bye {code}")),
        }
        Ok(())
    }

    fn event(self: &Rc<Self>, frame: &EventFrame) -> Result<(), String> {
        let room = RoomId::parse(&frame.room).ok_or("an event of no room")?;
        self.note(|| format!("{room} event {}", frame.seq));
        let truth = self.world.truth.clone();
        self.in_view(room, |view| view.event(frame, &truth.read().rooms[&room]))
    }

    fn batch(self: &Rc<Self>, batch: &BatchFrame, bytes: usize) -> Result<(), String> {
        let BatchFrame { room, from, to, head, more, .. } = batch;
        self.note(|| format!("{room} batch {from}..{to} of {head}, more {more}"));
        let (truth, limit) = (self.world.truth.clone(), self.world.settings.batch_bytes);
        self.in_view(*room, |view| view.batch(batch, bytes, limit, &truth.read().rooms[room]))
    }

    fn in_view(
        self: &Rc<Self>,
        room: RoomId,
        step: impl FnOnce(&mut View) -> Result<Then, String>,
    ) -> Result<(), String> {
        let then = {
            let mut views = self.views.borrow_mut();
            let view = views.get_mut(&room).ok_or_else(|| format!("{room}, which it never asked for"))?;
            step(view).map_err(|what| format!("{room}: {what}"))?
        };
        match then {
            Then::Nothing => {}
            Then::Repair => self.subscribe(room),
            Then::Reload => self.later(50..=400, move |device| device.reload(room)),
            Then::Retry => self.later(300..=1_200, move |device| device.subscribe_unless_done(room)),
            Then::Sync => self.later(10..=300, Self::sync),
        }
        Ok(())
    }

    fn later(self: &Rc<Self>, millis: std::ops::RangeInclusive<u64>, what: impl FnOnce(&Rc<Self>) + 'static) {
        let (device, wait, generation) = (Rc::clone(self), self.world.dice.millis(millis), self.generation.get());
        tokio::task::spawn_local(async move {
            sleep(wait).await;
            if device.generation.get() == generation && device.link.borrow().is_some() {
                what(&device);
            }
        });
    }

    /// A new connection: everything is resumed.
    fn ready(self: &Rc<Self>, seq: Seq) {
        self.note(|| format!("ready {seq}"));
        let rooms: Vec<_> = self.views.borrow().keys().copied().collect();
        for room in rooms {
            self.subscribe_unless_done(room);
        }
        if seq > self.me.get() || seq == 0 {
            self.sync();
        }
        if self.world.dice.chance(0.3) {
            self.send(Request::Watch(self.world.users.clone()));
        }
    }

    fn hint(self: &Rc<Self>, frame: &EventFrame) -> Result<(), String> {
        self.note(|| format!("hint {} {}", frame.seq, frame.kind));
        let said = serde_json::json!({ "kind": frame.kind, "data": frame.data });
        let about: HintAbout = serde_json::from_value(said).map_err(|error| format!("a hint: {error}"))?;
        let seq = frame.seq;
        let happened = {
            let truth = self.world.truth.read();
            let place = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
            place.and_then(|place| truth.hints.get(&self.user)?.get(place).cloned())
        };
        if happened.as_ref() != Some(&about) {
            return Err(format!("hint {seq} is {about:?} instead of {happened:?}"));
        }
        if seq <= self.last_hint.replace(seq) {
            return Err(format!("hint {seq} comes late"));
        }
        if seq > self.me.get() + 1 {
            self.sync();
        } else if seq == self.me.get() + 1 {
            self.me.set(seq);
            if let HintAbout::Rooms { room, member } = about
                && member.is_in
            {
                self.meet(room);
            }
        }
        Ok(())
    }

    /// `GET /sync`.
    pub fn sync(self: &Rc<Self>) {
        let now = self.world.now();
        let paint = self.world.memory.sync(self.user, now).now_or_never().unwrap();
        let Ok(paint) = paint else { return };
        self.note(|| format!("syncs to {}", paint.seq));
        self.me.set(self.me.get().max(paint.seq));
        for line in paint.rooms {
            self.meet(line.room.id);
        }
    }

    /// A room of one's own.
    fn meet(self: &Rc<Self>, room: RoomId) {
        if !self.views.borrow().contains_key(&room) {
            let mut view = View::new(room, self.user);
            match self.world.dice.number(0..=3) {
                0 => {}
                1 => view.complete = true,
                _ => self.load(&mut view),
            }
            self.views.borrow_mut().insert(room, view);
        }
        self.subscribe_unless_done(room);
    }

    fn subscribe_unless_done(self: &Rc<Self>, room: RoomId) {
        let open = self
            .views
            .borrow()
            .get(&room)
            .is_some_and(|view| view.stream.is_none() && view.asked.is_none() && !view.unsubscribed);
        if open {
            self.subscribe(room);
        }
    }

    /// Asks to hear the room from the cursor on.
    pub fn subscribe(self: &Rc<Self>, room: RoomId) {
        let mut views = self.views.borrow_mut();
        let Some(view) = views.get_mut(&room) else { return };
        if self.link.borrow().is_none() || view.asked.is_some() {
            return;
        }
        let cursor = view.resume();
        view.unsubscribed = false;
        view.asked = Some(cursor.clone());
        let after = cursor.as_ref().map(|cursor| cursor.after);
        self.note(|| format!("{room} subscribes after {after:?}"));
        self.send(Request::Subscribe(room, cursor));
    }

    pub fn unsubscribe(&self, room: RoomId) {
        if let Some(view) = self.views.borrow_mut().get_mut(&room).filter(|view| view.is_whole_stream()) {
            view.unsubscribed = true;
            self.note(|| format!("{room} unsubscribes"));
            self.send(Request::Unsubscribe(room));
        }
    }

    /// Drops the room's state, loads it anew and goes on from there.
    fn reload(self: &Rc<Self>, room: RoomId) {
        {
            let mut views = self.views.borrow_mut();
            let Some(view) = views.get_mut(&room) else { return };
            if view.asked.is_some() || view.stream.is_some() {
                return;
            }
            *view = View::new(room, self.user);
            self.load(view);
        }
        self.subscribe(room);
    }

    /// By REST, in one snapshot.
    fn load(&self, view: &mut View) {
        let (memory, room) = (&self.world.memory, view.room());
        let history = memory.history(self.user, room, Window::After(0), usize::MAX - 1).now_or_never().unwrap();
        let (Ok(history), Some(live)) = (history, memory.live(room).now_or_never().unwrap().unwrap()) else { return };
        let truth = self.world.truth.read();
        let messages = history.items.into_iter().map(|message| Object::Message(message.into()));
        // Those who are out are in no list of REST; a client that wants them asks the bans. Here they come from the truth.
        let members = truth.rooms[&room].latest_members();
        let objects = messages.chain(members).chain([Object::Room(live.room.into())]).collect();
        view.load(live.log.epoch, live.log.head, objects);
    }

    /// Whether it knows all there is to know; otherwise, what is missing.
    pub fn is_whole(&self) -> Result<(), String> {
        let whole = self.rooms_are_whole();
        whole.map_err(|what| format!("device {} of {}: {what}", self.number, self.user))
    }

    fn rooms_are_whole(&self) -> Result<(), String> {
        if self.link.borrow().is_none() {
            return Err("not connected".to_owned());
        }
        let truth = self.world.truth.read();
        let views = self.views.borrow();
        for (room, annals) in &truth.rooms {
            match views.get(room) {
                Some(view) if annals.is_in(self.user) => view.is_whole(annals, truth.epoch.as_ref())?,
                Some(view) if view.stream.is_some() => return Err(format!("{room}: still subscribed")),
                Some(_) => {}
                None if annals.is_in(self.user) => return Err(format!("{room}: not known")),
                None => {}
            }
        }
        Ok(())
    }

    /// Whether it knows of every hint.
    pub fn knows_hints(&self) -> Result<(), String> {
        let known = self.me.get();
        let happened = self.world.truth.read().hints.get(&self.user).map_or(0, Vec::len) as Seq;
        if known == happened {
            return Ok(());
        }
        Err(format!("device {} of {}: knows of hint {known} instead of {happened}", self.number, self.user))
    }

    /// Lives until it is switched off.
    pub async fn live(self: Rc<Self>) {
        while !self.off.get() {
            connection::run(&self).await;
            let calm = self.world.weather.is_calm();
            let pause = if calm { 10..=500 } else { 10..=3_000 };
            sleep(self.world.dice.millis(pause)).await;
        }
    }
}
