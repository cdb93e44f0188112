//! The bus of nodes that live in one process: what one publishes, those of the others hear who listen. And the bus of nodes
//! that share a record and nothing else.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use chat_domain::ports::{Bus, Heard, Note, Topic};
use tokio::sync::Notify;

/// Notes that wait for one node; over it they are dropped and the node is told so.
const MOST_WAITING: usize = 4_096;

/// The broker: joins nodes. Clones are the same broker.
#[derive(Clone, Debug, Default)]
pub struct MemoryBus {
    nodes: Arc<Mutex<Nodes>>,
}

#[derive(Debug, Default)]
struct Nodes {
    joined: Vec<Weak<Node>>,
    cut: bool,
}

/// One node's end of the bus; it leaves when it is dropped.
#[derive(Debug)]
pub struct NodeBus {
    broker: MemoryBus,
    node: Arc<Node>,
}

/// A bus that carries nothing and says so: nodes then learn of each other by polling the record they share.
#[derive(Clone, Copy, Debug, Default)]
pub struct SilentBus;

#[derive(Debug, Default)]
struct Node {
    inbox: Mutex<Inbox>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Inbox {
    topics: HashSet<Topic>,
    waiting: VecDeque<Note>,
    interrupted: bool,
}

impl MemoryBus {
    /// A bus without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more node.
    #[must_use]
    pub fn node(&self) -> NodeBus {
        let node = Arc::new(Node::default());
        let mut nodes = lock(&self.nodes);
        nodes.joined.retain(|joined| joined.strong_count() > 0);
        nodes.joined.push(Arc::downgrade(&node));
        NodeBus { broker: self.clone(), node }
    }

    /// Carries nothing from now on, as a broker that died; nobody is told.
    pub fn cut(&self) {
        lock(&self.nodes).cut = true;
    }

    /// Carries again; every node hears that something may have been missed.
    pub fn mend(&self) {
        let mut nodes = lock(&self.nodes);
        nodes.cut = false;
        for node in nodes.joined.iter().filter_map(Weak::upgrade) {
            lock(&node.inbox).interrupted = true;
            node.filled.notify_one();
        }
    }
}

#[async_trait]
impl Bus for NodeBus {
    fn publish(&self, note: Note) {
        let nodes = lock(&self.broker.nodes);
        if nodes.cut {
            return;
        }
        for node in nodes.joined.iter().filter_map(Weak::upgrade).filter(|node| !Arc::ptr_eq(node, &self.node)) {
            node.put(&note);
        }
    }

    fn listen(&self, topic: Topic) {
        lock(&self.node.inbox).topics.insert(topic);
    }

    fn unlisten(&self, topic: Topic) {
        lock(&self.node.inbox).topics.remove(&topic);
    }

    fn settles_within(&self) -> Duration {
        Duration::ZERO
    }

    async fn heard(&self) -> Heard {
        loop {
            // A permit is kept when a note comes in between the look and the wait, so none is slept through.
            if let Some(heard) = lock(&self.node.inbox).take() {
                return heard;
            }
            self.node.filled.notified().await;
        }
    }

    fn is_healthy(&self) -> bool {
        !lock(&self.broker.nodes).cut
    }
}

#[async_trait]
impl Bus for SilentBus {
    fn publish(&self, _: Note) {}

    fn listen(&self, _: Topic) {}

    fn unlisten(&self, _: Topic) {}

    fn settles_within(&self) -> Duration {
        Duration::ZERO
    }

    async fn heard(&self) -> Heard {
        std::future::pending().await
    }

    fn is_healthy(&self) -> bool {
        false
    }
}

impl Node {
    fn put(&self, note: &Note) {
        let mut inbox = lock(&self.inbox);
        if topic(note).is_some_and(|topic| !inbox.topics.contains(&topic)) {
            return;
        }
        if inbox.waiting.len() < MOST_WAITING {
            inbox.waiting.push_back(note.clone());
        } else {
            inbox.interrupted = true;
        }
        self.filled.notify_one();
    }
}

impl Inbox {
    fn take(&mut self) -> Option<Heard> {
        if std::mem::take(&mut self.interrupted) {
            return Some(Heard::Interrupted);
        }
        self.waiting.pop_front().map(Heard::Note)
    }
}

/// What one listens to in order to hear this; `None` is heard by all.
fn topic(note: &Note) -> Option<Topic> {
    match note {
        Note::Event { event, .. } => Some(Topic::Room(event.room)),
        Note::Closed(room) | Note::Typing { room, .. } => Some(Topic::Room(*room)),
        Note::Hint(hint) => Some(Topic::User(hint.user)),
        Note::Presence { user, .. } => Some(Topic::User(*user)),
        Note::Ended(_) => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
