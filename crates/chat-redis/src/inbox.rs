//! What was heard and waits for the hub: bounded in number and in bytes, and with word of whatever was missed.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chat_domain::ports::Heard;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{Settings, wire};

/// The shortest time between two lines of the log about notes that can't be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// The queue.
#[derive(Debug)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
    most: usize,
    most_bytes: usize,
    interruptions_every: Duration,
}

#[derive(Debug, Default)]
struct Waiting {
    notes: VecDeque<Bytes>,
    bytes: usize,
    interrupted: bool,
    /// When an interruption was told last.
    told: Option<Instant>,
    complained: Option<Instant>,
}

/// What can be said at once.
enum Next {
    Heard(Heard),
    Bytes(Bytes),
    /// Nothing, but for the interruption that may be told then.
    Nothing(Option<Instant>),
}

impl Inbox {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            waiting: Mutex::default(),
            filled: Notify::new(),
            most: settings.inbox,
            most_bytes: settings.inbox_bytes,
            interruptions_every: settings.interruptions_every,
        }
    }

    /// A note came. Never waits: one too many is an interruption.
    pub(crate) fn put(&self, note: Bytes) {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + note.len();
        if waiting.notes.len() < self.most && bytes <= self.most_bytes {
            waiting.bytes = bytes;
            waiting.notes.push_back(note);
        } else {
            waiting.interrupted = true;
            metrics::counter!("chat_bus_overflowed_total").increment(1);
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// Something may have been missed.
    pub(crate) fn interrupt(&self) {
        self.lock().interrupted = true;
        self.filled.notify_one();
    }

    /// Bytes came that say nothing.
    pub(crate) fn complain(&self, why: wire::Unreadable) {
        metrics::counter!("chat_bus_unreadable_total").increment(1);
        let mut waiting = self.lock();
        waiting.interrupted = true;
        if waiting.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            waiting.complained = Some(Instant::now());
            tracing::warn!(%why, "a note from another node can't be read; is every node of the same version?");
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// The next thing; waits for ever when there is nothing.
    pub(crate) async fn heard(&self) -> Heard {
        loop {
            // A permit is kept when something comes in between the look and the wait, so nothing is slept through.
            match self.next() {
                Next::Heard(heard) => return heard,
                Next::Bytes(bytes) => match wire::decode(bytes) {
                    Ok(note) => return Heard::Note(note),
                    Err(why) => self.complain(why),
                },
                Next::Nothing(None) => self.filled.notified().await,
                Next::Nothing(Some(due)) => tokio::select! {
                    () = self.filled.notified() => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    fn next(&self) -> Next {
        let mut waiting = self.lock();
        let due = waiting.interrupted.then(|| waiting.told.map(|at| at + self.interruptions_every));
        if due.is_some_and(|due| due.is_none_or(|due| due <= Instant::now())) {
            waiting.interrupted = false;
            waiting.told = Some(Instant::now());
            return Next::Heard(Heard::Interrupted);
        }
        match waiting.notes.pop_front() {
            Some(note) => {
                waiting.bytes -= note.len();
                Next::Bytes(note)
            }
            None => Next::Nothing(due.flatten()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chat_domain::{
        ids::RoomId,
        ports::{Heard, Note},
    };
    use tokio::time::timeout;
    use uuid::Uuid;

    use super::*;

    fn inbox(most: usize) -> Inbox {
        let interruptions_every = Duration::from_secs(1);
        Inbox::new(&Settings { inbox: most, inbox_bytes: 1_000, interruptions_every, ..Settings::default() })
    }

    fn note() -> Bytes {
        wire::encode(7, &Note::Closed(RoomId(Uuid::from_u128(1)))).unwrap().into()
    }

    async fn soon(inbox: &Inbox) -> Option<Heard> {
        timeout(Duration::from_millis(10), inbox.heard()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_is_an_interruption() {
        let inbox = inbox(2);
        (0..3).for_each(|_| inbox.put(note()));
        assert_eq!(soon(&inbox).await, Some(Heard::Interrupted));
        assert!(matches!(soon(&inbox).await, Some(Heard::Note(_))));
        assert!(matches!(soon(&inbox).await, Some(Heard::Note(_))));
        assert_eq!(soon(&inbox).await, None);
        inbox.put(Bytes::from(vec![0; 1_001]));
        assert_eq!(soon(&inbox).await, None, "one a second");
        assert_eq!(timeout(Duration::from_secs(1), inbox.heard()).await, Ok(Heard::Interrupted));
    }

    #[tokio::test(start_paused = true)]
    async fn interruptions_are_told_once_a_second_and_never_forgotten() {
        let inbox = inbox(10);
        let mut told = 0;
        for _ in 0..50 {
            inbox.put(Bytes::from_static(b"nonsense"));
            tokio::time::sleep(Duration::from_millis(100)).await;
            told += usize::from(soon(&inbox).await == Some(Heard::Interrupted));
        }
        assert!((5..=6).contains(&told), "{told}");
        assert_eq!(timeout(Duration::from_secs(1), inbox.heard()).await, Ok(Heard::Interrupted));
        assert_eq!(soon(&inbox).await, None);
    }
}
