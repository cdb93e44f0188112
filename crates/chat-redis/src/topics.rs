//! What this node wants to hear, and what is subscribed for it: the differences are what the subscriber carries out.
//!
//! A topic that is let go stays subscribed for a while, unheard: rooms open and close as people look at them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat_domain::ports::Topic;
use tokio::{sync::Notify, time::Instant};

/// The topics of one node.
#[derive(Debug)]
pub(crate) struct Topics {
    table: Mutex<Table>,
    changed: Notify,
    linger: Duration,
    listen_within: Duration,
}

#[derive(Debug, Default)]
struct Table {
    topics: HashMap<Topic, Held>,
    /// To be subscribed, in the order in which they were asked for.
    fresh: Vec<Topic>,
    /// Those let go, in the order of their ends; each topic stands here at most once.
    leaving: VecDeque<(Instant, Topic)>,
}

#[derive(Debug)]
struct Held {
    /// When it was asked for; `None` once it is subscribed.
    asked: Option<Instant>,
    /// When it was let go; `None` while it is listened to.
    let_go: Option<Instant>,
    /// Stands in `leaving`.
    in_line: bool,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    pub(crate) subscribe: Vec<Topic>,
    pub(crate) unsubscribe: Vec<Topic>,
}

impl Topics {
    pub(crate) fn new(linger: Duration, listen_within: Duration) -> Self {
        Self { table: Mutex::default(), changed: Notify::new(), linger, listen_within }
    }

    /// Whoever has to wait longer hears of it.
    pub(crate) fn listen_within(&self) -> Duration {
        self.listen_within
    }

    pub(crate) fn listen(&self, topic: Topic) {
        let mut table = self.lock();
        if let Some(held) = table.topics.get_mut(&topic) {
            held.let_go = None;
            return;
        }
        table.topics.insert(topic, Held { asked: Some(Instant::now()), let_go: None, in_line: false });
        table.fresh.push(topic);
        drop(table);
        self.changed.notify_one();
    }

    pub(crate) fn unlisten(&self, topic: Topic) {
        let mut table = self.lock();
        let end = Instant::now() + self.linger;
        let Some(held) = table.topics.get_mut(&topic) else { return };
        if held.let_go.is_none() {
            held.let_go = Some(end);
            if !std::mem::replace(&mut held.in_line, true) {
                table.leaving.push_back((end, topic));
                drop(table);
                self.changed.notify_one();
            }
        }
    }

    /// Whether anybody here listens to it.
    pub(crate) fn hears(&self, topic: Topic) -> bool {
        self.lock().topics.get(&topic).is_some_and(|held| held.let_go.is_none())
    }

    /// Comes back when there may be differences.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// When the next topic that was let go is due.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.lock().leaving.front().map(|(end, _)| *end)
    }

    /// What changed since the last time.
    pub(crate) fn differences(&self) -> Differences {
        let mut table = self.lock();
        let unsubscribe = table.take_left(Instant::now());
        let mut subscribe = std::mem::take(&mut table.fresh);
        subscribe.retain(|topic| table.topics.get(topic).is_some_and(|held| held.asked.is_some()));
        Differences { subscribe, unsubscribe }
    }

    /// Nothing is subscribed any more: all that is listened to.
    pub(crate) fn begin_anew(&self) -> Vec<Topic> {
        let mut table = self.lock();
        let now = Instant::now();
        table.fresh.clear();
        table.leaving.clear();
        table.topics.retain(|_, held| held.let_go.is_none());
        for held in table.topics.values_mut() {
            held.asked.get_or_insert(now);
            held.in_line = false;
        }
        table.topics.keys().copied().collect()
    }

    /// These are subscribed. Tells whether one of them waited so long that something may have been missed.
    pub(crate) fn subscribed(&self, topics: &[Topic]) -> bool {
        let mut table = self.lock();
        let mut late = false;
        for topic in topics {
            if let Some(asked) = table.topics.get_mut(topic).and_then(|held| held.asked.take()) {
                late |= asked.elapsed() > self.listen_within;
            }
        }
        late
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Those whose time is over; whoever came back meanwhile stays.
    fn take_left(&mut self, now: Instant) -> Vec<Topic> {
        let mut left = Vec::new();
        while let Some((_, topic)) = self.leaving.pop_front_if(|(end, _)| *end <= now) {
            let Some(held) = self.topics.get_mut(&topic) else { continue };
            match held.let_go {
                Some(end) if end <= now => {
                    self.topics.remove(&topic);
                    left.push(topic);
                }
                Some(end) => self.leaving.push_back((end, topic)),
                None => held.in_line = false,
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use chat_domain::ids::RoomId;
    use tokio::time::advance;
    use uuid::Uuid;

    use super::*;

    const LINGER: Duration = Duration::from_secs(10);

    fn topic(number: u128) -> Topic {
        Topic::Room(RoomId(Uuid::from_u128(number)))
    }

    fn topics() -> Topics {
        Topics::new(LINGER, Duration::from_millis(50))
    }

    fn subscribe(topics: &[Topic]) -> Differences {
        Differences { subscribe: topics.to_vec(), unsubscribe: Vec::new() }
    }

    fn unsubscribe(topics: &[Topic]) -> Differences {
        Differences { subscribe: Vec::new(), unsubscribe: topics.to_vec() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_is_subscribed_once_and_let_go_after_a_while() {
        let all = topics();
        all.listen(topic(1));
        all.listen(topic(1));
        assert_eq!(all.differences(), subscribe(&[topic(1)]));
        assert!(all.hears(topic(1)));
        all.unlisten(topic(1));
        assert!(!all.hears(topic(1)));
        advance(LINGER - Duration::from_millis(1)).await;
        assert_eq!(all.differences(), Differences::default());
        advance(Duration::from_millis(2)).await;
        assert_eq!(all.differences(), unsubscribe(&[topic(1)]));
        assert_eq!(all.next_end(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_flaps_costs_nothing() {
        let all = topics();
        all.listen(topic(1));
        all.differences();
        for _ in 0..1_000 {
            all.unlisten(topic(1));
            all.listen(topic(1));
        }
        assert_eq!(all.lock().leaving.len(), 1);
        all.unlisten(topic(1));
        advance(LINGER / 2).await;
        all.listen(topic(1));
        advance(LINGER).await;
        assert_eq!(all.differences(), Differences::default());
        assert!(all.hears(topic(1)));
        all.unlisten(topic(1));
        advance(LINGER / 2).await;
        all.listen(topic(1));
        all.unlisten(topic(1));
        advance(LINGER * 3 / 4).await;
        assert_eq!(all.differences(), Differences::default(), "the end counts from the last time");
        advance(LINGER / 2).await;
        assert_eq!(all.differences(), unsubscribe(&[topic(1)]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_subscribes_what_is_listened_to() {
        let all = topics();
        for number in 1..=3 {
            all.listen(topic(number));
        }
        let asked = all.differences().subscribe;
        assert!(!all.subscribed(&asked));
        all.unlisten(topic(2));
        let mut again = all.begin_anew();
        again.sort_by_key(|topic| format!("{topic:?}"));
        assert_eq!(again, [topic(1), topic(3)]);
        assert_eq!(all.differences(), Differences::default());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waited_long_may_have_missed_something() {
        let all = topics();
        all.listen(topic(1));
        advance(Duration::from_millis(51)).await;
        all.listen(topic(2));
        assert!(!all.subscribed(&[topic(2)]));
        assert!(all.subscribed(&[topic(1)]));
        assert!(!all.subscribed(&[topic(1)]), "once");
    }
}
