//! A small world for the hub: a record in memory that can be counted and broken, nodes on one thread, clients that keep a
//! cursor as the protocol says. Time is paused.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use chat_domain::{
    command::{Action, Command, Draft, NewRoom, Outcome, Reply},
    ids::{RoomId, Seq, SessionId, UserId},
    objects::{Message, RoomKind, Session},
    pages::{Changes, Cursor, History, LiveSnapshot, Page, PageOf, Window},
    ports::{
        AccountStore, Bus, Clock, Digest, Heard, Journal, LogStore, NewAccount, NewSession, Note, PasswordHash,
        Reacted, Reader, RoomStore, Rotation, SessionStore, Topic,
    },
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
    words::{DisplayName, Emoji, Nonce, Text, Username},
};
use chat_hub::{
    Hub, HubPorts, HubSettings, Identity, Shard, Signals, Socket, SubscribeAnswer, SubscribeRequest, outbox::Outbox,
};
use chat_memory::{Memory, MemoryBus, MemoryPresence, MemoryTail, NodeBus};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

pub const OUTBOX: usize = 1024 * 1024;

/// Runs a test on one thread with paused time.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

/// Lets everything that is under way come to rest.
pub async fn settle() {
    sleep(Duration::from_millis(5)).await;
}

pub struct World {
    pub record: Arc<Record>,
    pub bus: MemoryBus,
    /// Every node's events get lost on the way, and nobody notices.
    pub loses_events: Arc<AtomicBool>,
    /// See [`Bus::settles_within`].
    pub settles_ms: Arc<AtomicU64>,
    pub tail: MemoryTail,
    presence: MemoryPresence,
    clock: Arc<TestClock>,
}

pub struct Node {
    pub hub: Hub,
    pub shard: Shard,
}

impl World {
    pub fn new() -> Self {
        Self {
            record: Arc::default(),
            bus: MemoryBus::new(),
            loses_events: Arc::default(),
            settles_ms: Arc::default(),
            tail: MemoryTail::new(256),
            presence: MemoryPresence::new(),
            clock: Arc::new(TestClock { origin: Instant::now(), ids: AtomicU64::new(1) }),
        }
    }

    pub fn node(&self) -> Node {
        self.node_with(HubSettings::default())
    }

    pub fn node_with(&self, settings: HubSettings) -> Node {
        let record = || Arc::clone(&self.record);
        let ports = HubPorts {
            accounts: Arc::new(self.record.memory.clone()),
            sessions: Arc::new(Sessions(record())),
            rooms: Arc::new(Rooms(record())),
            log: record(),
            bus: Arc::new(Lossy {
                bus: Arc::new(self.bus.node()),
                loses: Arc::clone(&self.loses_events),
                settles_ms: Arc::clone(&self.settles_ms),
            }),
            tail: Arc::new(self.tail.clone()),
            presence: Arc::new(self.presence.node()),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
        };
        let hub = Hub::start(ports, settings, tokio::runtime::Handle::current());
        let shard = hub.shard();
        Node { hub, shard }
    }

    pub async fn user(&self, name: &str) -> Identity {
        let (user, session) = (UserId(self.clock.fresh_id()), SessionId(self.clock.fresh_id()));
        let account = NewAccount {
            id: user,
            username: Username::parse(name).unwrap(),
            display_name: DisplayName::parse(name).unwrap(),
            password: PasswordHash("none".into()),
            at: self.clock.now(),
        };
        self.record.memory.create(account).await.unwrap();
        let refresh = Digest([session.as_bytes()[15]; 32]);
        let (at, expires_at) = (self.clock.now(), self.clock.now().plus_millis(86_400_000));
        let password = PasswordHash("none".into());
        let sign_in = NewSession { id: session, user, password, device: None, refresh, at, expires_at };
        let _ = self.record.memory.open(sign_in).await;
        Identity { user, session }
    }

    /// A room of these members; the first owns it.
    pub async fn room(&self, node: &Node, kind: RoomKind, members: &[Identity]) -> RoomId {
        let room = RoomId(self.clock.fresh_id());
        let members: Vec<UserId> = members.iter().map(|who| who.user).collect();
        let new = NewRoom {
            kind,
            name: Some(chat_domain::words::RoomName::parse("room").unwrap()),
            topic: None,
            members: members[1..].to_vec(),
            nonce: None,
        };
        self.act(node, room, members[0], Action::Create(new)).await.unwrap();
        room
    }

    pub async fn act(&self, node: &Node, room: RoomId, by: UserId, action: Action) -> Result<Outcome, Refusal> {
        node.hub.submit(Command { room, by, at: self.clock.now(), action }).await
    }

    pub async fn post(&self, node: &Node, room: RoomId, by: Identity, text: &str) -> Result<Seq, Refusal> {
        let nonce = self.clock.fresh_id().to_string();
        self.post_again(node, room, by, text, &nonce).await.map(|(seq, _)| seq)
    }

    pub async fn post_again(
        &self,
        node: &Node,
        room: RoomId,
        by: Identity,
        text: &str,
        nonce: &str,
    ) -> Result<(Seq, bool), Refusal> {
        let draft = Draft {
            text: Text::parse(text, 4_000).unwrap(),
            nonce: Some(Nonce::parse(nonce).unwrap()),
            reply_to: None,
        };
        let outcome = self.act(node, room, by.user, Action::Post(draft)).await?;
        let Reply::Posted { message, duplicate } = outcome.reply else { panic!("not a post: {:?}", outcome.reply) };
        Ok((message.seq, duplicate))
    }

    pub async fn head(&self, room: RoomId) -> Seq {
        self.record.memory.heads(&[room]).await.unwrap()[0].1.head
    }
}

/// The record, counted, and broken on demand.
#[derive(Default)]
pub struct Record {
    pub memory: Memory,
    /// Questions put to the log.
    pub reads: AtomicUsize,
    /// Nothing is answered.
    pub is_down: AtomicBool,
    /// Commits take this long, in milliseconds.
    pub commit_ms: AtomicU64,
    pub batches: std::sync::Mutex<Vec<usize>>,
}

impl Record {
    fn read(&self) -> Result<(), Unavailable> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.check()
    }

    fn check(&self) -> Result<(), Unavailable> {
        if self.is_down.load(Ordering::Relaxed) { Err(Unavailable::because("down")) } else { Ok(()) }
    }
}

#[async_trait]
impl LogStore for Record {
    async fn history(&self, who: UserId, room: RoomId, window: Window, limit: usize) -> Result<History, Refusal> {
        self.read()?;
        self.memory.history(who, room, window, limit).await
    }
    async fn message(&self, who: UserId, room: RoomId, seq: Seq) -> Result<Message, Refusal> {
        self.read()?;
        self.memory.message(who, room, seq).await
    }
    async fn reactions(
        &self,
        who: UserId,
        room: RoomId,
        seq: Seq,
        emoji: Option<Emoji>,
        page: PageOf<Reacted>,
    ) -> Result<Page<Reacted, Reacted>, Refusal> {
        self.read()?;
        self.memory.reactions(who, room, seq, emoji, page).await
    }
    async fn find(
        &self,
        who: UserId,
        query: &chat_domain::words::Query,
        room: Option<RoomId>,
        page: PageOf<chat_domain::pages::Place>,
    ) -> Result<Page<Message, chat_domain::pages::Place>, Refusal> {
        self.read()?;
        self.memory.find(who, query, room, page).await
    }
    async fn changes(&self, reader: Reader, room: RoomId, cursor: Cursor, limit: usize) -> Result<Changes, Refusal> {
        self.read()?;
        sleep(Duration::from_millis(1)).await;
        self.memory.changes(reader, room, cursor, limit).await
    }
    async fn live(&self, room: RoomId) -> Result<Option<LiveSnapshot>, Unavailable> {
        self.read()?;
        sleep(Duration::from_millis(1)).await;
        self.memory.live(room).await
    }
    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, chat_domain::objects::LogHead)>, Unavailable> {
        self.read()?;
        self.memory.heads(rooms).await
    }
    async fn acquaintances(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, Unavailable> {
        self.read()?;
        self.memory.acquaintances(user, others).await
    }
    async fn ping(&self) -> Result<(), Unavailable> {
        self.read()
    }
}

/// Sign-ins; down with the rest.
struct Sessions(Arc<Record>);

#[async_trait]
impl SessionStore for Sessions {
    async fn open(&self, session: NewSession) -> Result<(), Refusal> {
        self.0.check()?;
        self.0.memory.open(session).await
    }
    async fn rotate(
        &self,
        presented: Digest,
        successor: Digest,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, Unavailable> {
        self.0.check()?;
        self.0.memory.rotate(presented, successor, at, expires_at).await
    }
    async fn list(
        &self,
        user: UserId,
        at: Timestamp,
        page: PageOf<SessionId>,
    ) -> Result<Page<Session, SessionId>, Unavailable> {
        self.0.check()?;
        self.0.memory.list(user, at, page).await
    }
    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<(), Refusal> {
        self.0.check()?;
        self.0.memory.end(user, session, at).await
    }
    async fn end_others(&self, user: UserId, keep: SessionId, at: Timestamp) -> Result<Vec<SessionId>, Unavailable> {
        self.0.check()?;
        self.0.memory.end_others(user, keep, at).await
    }
    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>, Unavailable> {
        self.0.check()?;
        self.0.memory.ended_since(since).await
    }
}

/// The write side of the record; everything but the commit is unused here.
struct Rooms(Arc<Record>);

#[async_trait]
impl RoomStore for Rooms {
    async fn commit(&self, batch: Vec<Command>) -> Result<Vec<Result<Outcome, Refusal>>, Unavailable> {
        self.0.batches.lock().unwrap().push(batch.len());
        self.0.check()?;
        sleep(Duration::from_millis(self.0.commit_ms.load(Ordering::Relaxed))).await;
        self.0.memory.commit(batch).await
    }
    async fn room(&self, reader: UserId, room: RoomId) -> Result<chat_domain::pages::RoomView, Refusal> {
        self.0.memory.room(reader, room).await
    }
    async fn rooms_of(
        &self,
        user: UserId,
        page: PageOf<RoomId>,
    ) -> Result<Page<chat_domain::objects::Room, RoomId>, Unavailable> {
        self.0.memory.rooms_of(user, page).await
    }
    async fn directory(
        &self,
        user: UserId,
        query: &str,
        page: PageOf<RoomId>,
    ) -> Result<Page<chat_domain::objects::Room, RoomId>, Unavailable> {
        self.0.memory.directory(user, query, page).await
    }
    async fn members(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<UserId>,
    ) -> Result<Page<chat_domain::objects::Member, UserId>, Refusal> {
        self.0.memory.members(reader, room, page).await
    }
    async fn bans(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<UserId>,
    ) -> Result<Page<chat_domain::objects::Member, UserId>, Refusal> {
        self.0.memory.bans(reader, room, page).await
    }
    async fn invite(
        &self,
        invite: chat_domain::objects::Invite,
        code: chat_domain::ports::Digest,
    ) -> Result<(), Refusal> {
        self.0.memory.invite(invite, code).await
    }
    async fn invites(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<chat_domain::ids::InviteId>,
    ) -> Result<Page<chat_domain::objects::Invite, chat_domain::ids::InviteId>, Refusal> {
        self.0.memory.invites(reader, room, page).await
    }
    async fn withdraw(&self, reader: UserId, room: RoomId, invite: chat_domain::ids::InviteId) -> Result<(), Refusal> {
        self.0.memory.withdraw(reader, room, invite).await
    }
    async fn invited_to(&self, code: chat_domain::ports::Digest) -> Result<Option<RoomId>, Unavailable> {
        self.0.memory.invited_to(code).await
    }
    async fn sync(&self, user: UserId, at: Timestamp) -> Result<chat_domain::pages::FirstPaint, Refusal> {
        self.0.memory.sync(user, at).await
    }
}

struct Lossy {
    bus: Arc<NodeBus>,
    loses: Arc<AtomicBool>,
    /// Topics are heard so much later than they were asked for, in milliseconds.
    settles_ms: Arc<AtomicU64>,
}

#[async_trait]
impl Bus for Lossy {
    fn publish(&self, note: Note) {
        if !(self.loses.load(Ordering::Relaxed) && matches!(note, Note::Event { .. })) {
            self.bus.publish(note);
        }
    }
    fn listen(&self, topic: Topic) {
        let (bus, settles_within) = (Arc::clone(&self.bus), self.settles_within());
        if settles_within == Duration::ZERO {
            return bus.listen(topic);
        }
        tokio::spawn(async move {
            sleep(settles_within).await;
            bus.listen(topic);
        });
    }
    fn settles_within(&self) -> Duration {
        Duration::from_millis(self.settles_ms.load(Ordering::Relaxed))
    }
    fn unlisten(&self, topic: Topic) {
        self.bus.unlisten(topic);
    }
    async fn heard(&self) -> Heard {
        self.bus.heard().await
    }
    fn is_healthy(&self) -> bool {
        self.bus.is_healthy()
    }
}

struct TestClock {
    origin: Instant,
    ids: AtomicU64,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).plus_millis(self.origin.elapsed().as_millis() as i64)
    }

    fn fresh_id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::Relaxed)))
    }
}

/// A client with a cursor per room, which fails the test when the protocol's order is broken.
pub struct Client {
    pub socket: Socket,
    pub signals: Signals,
    pub outbox: Outbox,
    pub who: Identity,
    pub seq: Seq,
    cursors: HashMap<RoomId, Seq>,
    /// The newest state of each message, by room and number.
    pub messages: BTreeMap<(RoomId, Seq), Value>,
    /// Every frame, in order.
    pub heard: Vec<Value>,
    bytes: Vec<u8>,
}

impl Client {
    pub async fn connect(node: &Node, who: Identity) -> Self {
        Self::connect_with(node, who, OUTBOX).await.unwrap()
    }

    pub async fn connect_with(node: &Node, who: Identity, limit: usize) -> Result<Self, Refusal> {
        Self::connect_to(&node.shard, who, limit).await
    }

    pub async fn connect_to(shard: &Shard, who: Identity, limit: usize) -> Result<Self, Refusal> {
        let outbox = Outbox::new(limit);
        let (socket, ready) = shard.connect(who, outbox.clone()).await?;
        let signals = socket.signals();
        let (cursors, messages) = (HashMap::new(), BTreeMap::new());
        let (heard, bytes, seq) = (Vec::new(), Vec::new(), ready.seq);
        Ok(Self { socket, signals, outbox, who, seq, cursors, messages, heard, bytes })
    }

    pub async fn subscribe(&mut self, room: RoomId, after: Option<Seq>) -> SubscribeAnswer {
        self.resume(room, after.map(|after| Cursor { epoch: None, after })).await
    }

    pub async fn resume(&mut self, room: RoomId, cursor: Option<Cursor>) -> SubscribeAnswer {
        let after = cursor.as_ref().map(|cursor| cursor.after);
        let mut decided = None;
        let request = SubscribeRequest { room: Some(room), cursor };
        self.socket.subscribe(vec![request], |mut answers| decided = answers.pop()).await;
        let answer = decided.unwrap();
        if let SubscribeAnswer::Live { log } | SubscribeAnswer::CatchUp { log } = &answer {
            self.cursors.insert(room, after.unwrap_or(log.head));
        }
        answer
    }

    pub fn cursor(&self, room: RoomId) -> Seq {
        self.cursors[&room]
    }

    /// Reads what is queued; returns the frames that are new.
    pub fn read(&mut self) -> Vec<Value> {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(chunk)) = self.outbox.poll_next(&mut context) {
            self.bytes.extend_from_slice(&chunk);
        }
        let mut fresh = Vec::new();
        while let Some(frame) = take_frame(&mut self.bytes) {
            self.take(&frame);
            fresh.push(frame);
        }
        self.heard.extend(fresh.iter().cloned());
        fresh
    }

    fn take(&mut self, frame: &Value) {
        if frame["room"] == "@me" {
            return;
        }
        let room = || RoomId::parse(frame["room"].as_str().unwrap()).unwrap();
        match frame["type"].as_str().unwrap() {
            "event" => {
                let (room, seq) = (room(), frame["seq"].as_u64().unwrap());
                let cursor = self.cursors.get_mut(&room).expect("an event of a room that is not subscribed");
                assert_eq!(seq, *cursor + 1, "an event out of order");
                *cursor = seq;
                if frame["kind"] == "message" {
                    self.keep(room, &frame["data"]);
                }
            }
            "batch" => {
                let room = room();
                let cursor = self.cursors.get_mut(&room).expect("a batch of a room that is not subscribed");
                assert_eq!(frame["from"].as_u64().unwrap(), *cursor, "a batch out of place");
                let (from, to) = (*cursor, frame["to"].as_u64().unwrap());
                *cursor = to;
                let messages = frame["messages"].as_array().unwrap();
                for object in messages.iter().chain(frame["members"].as_array().unwrap()) {
                    let rev = object["rev"].as_u64().unwrap();
                    assert!(from < rev && rev <= to, "an object outside its batch");
                }
                for message in messages {
                    self.keep(room, message);
                }
            }
            "reset" | "evicted" => {
                self.cursors.remove(&room()).expect("told twice");
            }
            _ => {}
        }
    }

    fn keep(&mut self, room: RoomId, message: &Value) {
        let key = (room, message["seq"].as_u64().unwrap());
        let newer = |held: &Value| held["rev"].as_u64() < message["rev"].as_u64();
        if self.messages.get(&key).is_none_or(newer) {
            self.messages.insert(key, message.clone());
        }
    }

    pub fn texts(&self, room: RoomId) -> Vec<String> {
        let of_room = self.messages.iter().filter(|((of, _), _)| *of == room);
        of_room.map(|(_, message)| message["text"].as_str().unwrap_or("").to_owned()).collect()
    }
}

/// Takes one whole frame off the front.
fn take_frame(bytes: &mut Vec<u8>) -> Option<Value> {
    let (len, at) = match *bytes.get(1)? {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()) as usize, 10),
        short => (usize::from(short), 2),
    };
    let frame = serde_json::from_slice(bytes.get(at..at + len)?).unwrap();
    bytes.drain(..at + len);
    Some(frame)
}

pub fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}
