//! The world of one run: nodes over one record and one bus, the people, their devices.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, Weak},
    time::Duration,
};

use chat_domain::{
    command::{Action, Command, NewRoom},
    ids::{RoomId, SessionId, UserId},
    objects::RoomKind,
    ports::{AccountStore, Clock, Digest, LogStore, NewAccount, NewSession, PasswordHash, RoomStore, SessionStore},
    timestamp::Timestamp,
    words::{DisplayName, RoomName, Username},
};
use chat_hub::{Hub, HubPorts, HubSettings, Shard};
use chat_memory::{Memory, MemoryPresence, MemoryTail};
use futures_util::FutureExt;
use tokio::runtime::Handle;

use crate::{
    bus::{Broker, NodeBus, Station},
    device::Device,
    dice::{Dice, VirtualClock},
    store::FaultyStore,
    tail::FaultyTail,
    trace::Trace,
    truth::Truth,
    weather::Weather,
};

/// One node.
pub struct Node {
    pub hub: Hub,
    pub shards: Vec<Shard>,
    pub station: Arc<Station>,
    bus: Weak<NodeBus>,
}

/// See the module.
pub struct World {
    pub dice: Dice,
    pub clock: Arc<VirtualClock>,
    pub memory: Memory,
    pub truth: Truth,
    pub weather: Weather,
    pub broker: Broker,
    store: Arc<FaultyStore>,
    presence: MemoryPresence,
    tail: Arc<FaultyTail>,
    pub settings: HubSettings,
    pub outbox_limit: usize,
    pub nodes: RefCell<Vec<Node>>,
    pub users: Vec<UserId>,
    pub rooms: Vec<RoomId>,
    pub devices: RefCell<Vec<Rc<Device>>>,
    pub trace: Trace,
    /// Requests of actors that are not yet answered.
    pub open: Cell<usize>,
}

impl World {
    /// A world with its people and rooms, and nobody connected.
    pub fn new(seed: u64, adjust: impl FnOnce(&mut HubSettings)) -> Rc<Self> {
        let dice = Dice::of(seed);
        let clock = Arc::new(VirtualClock::new(dice.fork()));
        let (truth, weather, memory) = (Truth::default(), Weather::default(), Memory::new());
        let store =
            FaultyStore { memory: memory.clone(), truth: truth.clone(), weather: weather.clone(), dice: dice.fork() };
        let mut settings = settings(&dice, seed);
        adjust(&mut settings);
        let mut world = Self {
            broker: Broker::new(weather.clone(), dice.fork()),
            store: Arc::new(store),
            presence: MemoryPresence::new(),
            tail: Arc::new(FaultyTail { memory: MemoryTail::new(64), weather: weather.clone(), dice: dice.fork() }),
            outbox_limit: dice.size(4..=64) * 1_024,
            nodes: RefCell::default(),
            users: Vec::new(),
            rooms: Vec::new(),
            devices: RefCell::default(),
            trace: Trace::default(),
            open: 0.into(),
            settings,
            dice,
            clock,
            memory,
            truth,
            weather,
        };
        world.users = (0..world.dice.number(3..=6)).map(|number| world.person(number)).collect();
        world.rooms = (0..world.dice.number(1..=3)).map(|number| world.room(number)).collect();
        let anywhere = world.rooms[0];
        let log = world.memory.heads(&[anywhere]).now_or_never().unwrap().unwrap();
        world.truth.read().epoch = Some(log[0].1.epoch.clone());
        let world = Rc::new(world);
        for _ in 0..world.dice.number(2..=3) {
            let node = world.boot();
            world.nodes.borrow_mut().push(node);
        }
        world
    }

    fn person(&self, number: u64) -> UserId {
        let account = NewAccount {
            id: UserId(self.clock.fresh_id()),
            username: Username::parse(&format!("user{number}")).unwrap(),
            display_name: DisplayName::parse(&format!("User {number}")).unwrap(),
            password: PasswordHash(String::new()),
            at: self.now(),
        };
        self.memory.create(account).now_or_never().unwrap().unwrap().id
    }

    /// Public or private; the first user owns it, some others are in.
    fn room(&self, number: u64) -> RoomId {
        let room = RoomId(self.clock.fresh_id());
        let members = self.users[1..].iter().copied().filter(|_| self.dice.chance(0.6)).collect();
        let kind = if self.dice.chance(0.7) { RoomKind::Public } else { RoomKind::Private };
        let name = Some(RoomName::parse(&format!("Room {number}")).unwrap());
        let new = NewRoom { kind, name, topic: None, members, nonce: None };
        let command = Command { room, by: self.users[0], at: self.now(), action: Action::Create(new) };
        self.store.commit(vec![command]).now_or_never().unwrap().unwrap().remove(0).unwrap();
        room
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn note(&self, line: impl FnOnce() -> String) {
        self.trace.note(self.clock.elapsed_ms(), line);
    }

    /// A fresh session of the user.
    pub fn sign_in(&self, user: UserId) -> SessionId {
        let id = SessionId(self.clock.fresh_id());
        let mut refresh = [0; 32];
        refresh[..16].copy_from_slice(id.as_bytes());
        let at = self.now();
        let expires_at = at.plus_millis(86_400_000);
        let password = PasswordHash(String::new());
        let session = NewSession { id, user, password, device: None, refresh: Digest(refresh), at, expires_at };
        self.memory.open(session).now_or_never().unwrap().unwrap();
        id
    }

    /// A node starts.
    pub fn boot(&self) -> Node {
        let bus = Arc::new(self.broker.node());
        let (station, weak) = (bus.station(), Arc::downgrade(&bus));
        let ports = HubPorts {
            accounts: self.store.clone(),
            sessions: self.store.clone(),
            rooms: self.store.clone(),
            log: self.store.clone(),
            bus,
            tail: self.tail.clone(),
            presence: Arc::new(self.presence.node()),
            clock: self.clock.clone(),
        };
        let settings = HubSettings { seed: self.dice.number(0..=u64::MAX), ..self.settings.clone() };
        let hub = Hub::start(ports, settings, Handle::current());
        let shards = (0..self.dice.number(1..=2)).map(|_| hub.shard()).collect();
        Node { hub, shards, station, bus: weak }
    }

    /// A node is gone, and another is in its place.
    pub fn replace(&self, node: usize) {
        let next = self.boot();
        let old = std::mem::replace(&mut self.nodes.borrow_mut()[node], next);
        old.hub.stop();
        for device in self.devices.borrow().iter() {
            let is_there = device.link.borrow().as_ref().is_some_and(|link| link.node == node);
            if is_there {
                device.vanish();
            }
        }
    }

    /// Any node's hub.
    pub fn hub(&self) -> Hub {
        let nodes = self.nodes.borrow();
        self.dice.pick(&nodes).hub.clone()
    }

    /// Any worker of any node, but one if possible.
    pub fn door(&self, avoid: Option<usize>) -> Option<(usize, Shard)> {
        let nodes = self.nodes.borrow();
        let places: Vec<_> = (0..nodes.len()).filter(|node| Some(*node) != avoid).collect();
        let node = *self.dice.pick(&places);
        Some((node, self.dice.pick(&nodes[node].shards).clone()))
    }

    /// Stops all nodes; what of them is still alive afterwards is returned.
    pub async fn shut_down(&self) -> Vec<usize> {
        let buses: Vec<_> = self
            .nodes
            .borrow_mut()
            .drain(..)
            .map(|node| {
                node.hub.stop();
                node.bus
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(20)).await;
        (0..buses.len()).filter(|node| buses[*node].strong_count() > 0).collect()
    }
}

/// Bounds so small that they are all met.
fn settings(dice: &Dice, seed: u64) -> HubSettings {
    HubSettings {
        lanes: dice.size(1..=3),
        writer_batch: *dice.pick(&[1, 3, 500]),
        writer_queue: *dice.pick(&[4, 64, 8_192]),
        commit_timeout: dice.millis(1_000..=10_000),
        ring_events: *dice.pick(&[2, 8, 64, 1_024]),
        ring_bytes: *dice.pick(&[2_000, 20_000, 1_048_576]),
        room_linger: dice.millis(200..=10_000),
        heads_batch: dice.size(1..=3),
        catchup_concurrency: dice.size(1..=4),
        open_concurrency: dice.size(1..=4),
        catchup_page: *dice.pick(&[1, 3, 10, 200]),
        batch_bytes: *dice.pick(&[900, 3_000, 65_536]),
        shard_queue: *dice.pick(&[1, 4, 32, 65_536]),
        fan_out_slice: *dice.pick(&[1, 8, 16_384]),
        sockets_per_user: Some(dice.size(2..=4)),
        users_batch: dice.size(1..=5),
        seed,
        ..HubSettings::default()
    }
}
