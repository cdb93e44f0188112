//! A bus that loses, repeats, delays and reorders, goes away with or without a word, and comes back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use async_trait::async_trait;
use chat_domain::ports::{Bus, Heard, Note, Topic};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{
    dice::Dice,
    weather::{Carries, Weather},
};

/// A topic is heard a moment after it was asked for, but sooner than this.
const SETTLES_WITHIN: Duration = Duration::from_millis(50);

/// Joins nodes. Clones are the same broker.
#[derive(Clone)]
pub struct Broker {
    nodes: Arc<Mutex<Vec<Weak<Station>>>>,
    weather: Weather,
    dice: Dice,
}

/// One node's end.
pub struct NodeBus {
    broker: Broker,
    station: Arc<Station>,
}

#[derive(Default)]
pub struct Station {
    inbox: Mutex<Inbox>,
    filled: Notify,
}

#[derive(Default)]
struct Inbox {
    /// As text, because a topic has no order; and from when on it is heard.
    topics: BTreeMap<String, Instant>,
    waiting: BTreeMap<(Instant, u64), Heard>,
    count: u64,
}

impl Broker {
    pub fn new(weather: Weather, dice: Dice) -> Self {
        Self { nodes: Arc::default(), weather, dice }
    }

    pub fn node(&self) -> NodeBus {
        let station = Arc::new(Station::default());
        let mut nodes = self.nodes.lock().unwrap();
        nodes.retain(|node| node.strong_count() > 0);
        nodes.push(Arc::downgrade(&station));
        NodeBus { broker: self.clone(), station }
    }

    /// Every node hears that something may have been missed.
    pub fn interrupt(&self) {
        for node in self.nodes.lock().unwrap().iter().filter_map(Weak::upgrade) {
            node.put(Heard::Interrupted, Instant::now());
        }
    }
}

impl NodeBus {
    pub fn station(&self) -> Arc<Station> {
        Arc::clone(&self.station)
    }

    fn send(&self, to: &Station, note: &Note) {
        let dice = &self.broker.dice;
        let now = Instant::now();
        match self.broker.weather.bus() {
            Carries::NothingKnown | Carries::NothingUnknown => {}
            Carries::Well => to.put(Heard::Note(note.clone()), now),
            Carries::Badly => {
                let copies = match dice.number(0..=9) {
                    0..=2 => 0,
                    3 => 2,
                    _ => 1,
                };
                for _ in 0..copies {
                    let late = match dice.number(0..=9) {
                        0..=4 => 0..=2,
                        5..=8 => 1..=300,
                        _ => 300..=6_000,
                    };
                    to.put(Heard::Note(note.clone()), now + dice.millis(late));
                }
            }
        }
    }
}

impl Station {
    fn put(&self, heard: Heard, due: Instant) {
        let mut inbox = self.inbox.lock().unwrap();
        inbox.count += 1;
        let place = (due, inbox.count);
        inbox.waiting.insert(place, heard);
        self.filled.notify_one();
    }

    fn listens(&self, topic: Option<Topic>) -> bool {
        topic.is_none_or(|topic| {
            self.inbox.lock().unwrap().topics.get(&format!("{topic:?}")).is_some_and(|from| *from <= Instant::now())
        })
    }

    /// What the node still listens to.
    pub fn topics(&self) -> Vec<String> {
        self.inbox.lock().unwrap().topics.keys().cloned().collect()
    }
}

#[async_trait]
impl Bus for NodeBus {
    fn publish(&self, note: Note) {
        let nodes: Vec<_> = self.broker.nodes.lock().unwrap().iter().filter_map(Weak::upgrade).collect();
        for node in nodes.iter().filter(|node| !Arc::ptr_eq(node, &self.station)) {
            if node.listens(topic(&note)) {
                self.send(node, &note);
            }
        }
    }

    fn listen(&self, topic: Topic) {
        let from = Instant::now() + self.broker.dice.millis(0..=49);
        self.station.inbox.lock().unwrap().topics.entry(format!("{topic:?}")).or_insert(from);
    }

    fn settles_within(&self) -> Duration {
        SETTLES_WITHIN
    }

    fn unlisten(&self, topic: Topic) {
        self.station.inbox.lock().unwrap().topics.remove(&format!("{topic:?}"));
    }

    async fn heard(&self) -> Heard {
        loop {
            let next = {
                let mut inbox = self.station.inbox.lock().unwrap();
                match inbox.waiting.first_entry() {
                    Some(first) if first.key().0 <= Instant::now() => return first.remove(),
                    Some(first) => Some(first.key().0),
                    None => None,
                }
            };
            tokio::select! {
                biased;
                () = self.station.filled.notified() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    fn is_healthy(&self) -> bool {
        self.broker.weather.bus() != Carries::NothingKnown
    }
}

fn topic(note: &Note) -> Option<Topic> {
    match note {
        Note::Event { event, .. } => Some(Topic::Room(event.room)),
        Note::Closed(room) | Note::Typing { room, .. } => Some(Topic::Room(*room)),
        Note::Hint(hint) => Some(Topic::User(hint.user)),
        Note::Presence { user, .. } => Some(Topic::User(*user)),
        Note::Ended(_) => None,
    }
}
