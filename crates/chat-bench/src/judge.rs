//! The judge: what the log holds against what senders were told and what listeners applied.
//!
//! Pure. The promises are those of protocol §5: every acknowledged send is in the log once; an unanswered one at most
//! once; a repeated nonce returns the first number; numbers have no holes; everybody applies the same messages, once,
//! in the same order; a send issued after another's acknowledgement has the higher number.

mod blame;

use std::collections::{HashMap, HashSet};

pub(crate) use self::blame::{Blame, Kind};

/// Which message: its sender and the sender's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

impl Mark {
    /// Something that nobody in this run sent.
    pub(crate) const FOREIGN: Self = Self(u64::MAX);

    /// Message `n` of `sender`.
    pub(crate) fn new(sender: u32, n: u32) -> Self {
        Self(u64::from(sender) << 32 | u64::from(n))
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::FOREIGN {
            return f.write_str("a foreign message");
        }
        write!(f, "message {} of sender {}", self.0 & 0xFFFF_FFFF, self.0 >> 32)
    }
}

/// A message at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The place in the log.
    pub(crate) seq: u64,
    /// The message.
    pub(crate) mark: Mark,
}

/// The log of one room, read at the end.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    /// The head before the run; every number above belongs to a message of the run.
    pub(crate) base: u64,
    /// The head at the end.
    pub(crate) head: u64,
    /// The messages above `base`, as the server lists them.
    pub(crate) log: Vec<Entry>,
}

/// One message from its sender's side.
#[derive(Debug, Clone)]
pub(crate) struct Send {
    /// Which room.
    pub(crate) room: usize,
    /// Which message.
    pub(crate) mark: Mark,
    /// When it was sent first.
    pub(crate) issued_us: u64,
    /// When the first acknowledgement arrived.
    pub(crate) acked_us: Option<u64>,
    /// Every number the server answered; empty when it never did.
    pub(crate) answers: Vec<u64>,
}

/// What one client applied in one room, from the base on.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    /// Who, for the message.
    pub(crate) name: String,
    /// Which room.
    pub(crate) room: usize,
    /// In the order of applying.
    pub(crate) applied: Vec<Entry>,
    /// Where its cursor ended.
    pub(crate) cursor: u64,
}

/// Everything a run recorded.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// By number.
    pub(crate) rooms: Vec<Room>,
    /// In any order.
    pub(crate) sends: Vec<Send>,
    /// In any order.
    pub(crate) listeners: Vec<Listener>,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anomaly {
    /// Acknowledged, but not in the log.
    Lost { mark: Mark, room: usize, seq: u64 },
    /// In the log more than once.
    Doubled { mark: Mark, room: usize, seq: u64 },
    /// In the log, but nobody sent it there.
    Invented { mark: Mark, room: usize, seq: u64 },
    /// In the log at another place than acknowledged.
    Misplaced { mark: Mark, room: usize, acked: u64, logged: u64 },
    /// Repetitions of one nonce were answered with different numbers.
    RetryMoved { mark: Mark, room: usize, first: u64, later: u64 },
    /// The log's numbers do not go up one by one from `base` to `head`.
    Hole { room: usize, after: u64, next: u64 },
    /// Issued after another's acknowledgement, but with a lower number.
    Backwards { mark: Mark, room: usize, seq: u64, acked_before: u64 },
    /// A listener never applied these neighbours in the log.
    Missing { name: String, room: usize, from: u64, to: u64 },
    /// A listener applied it again.
    AppliedTwice { name: String, room: usize, seq: u64 },
    /// A listener applied it after a later one.
    OutOfOrder { name: String, room: usize, seq: u64, after: u64 },
    /// A listener applied something else than the log has at this place.
    Different { name: String, room: usize, seq: u64, mark: Mark },
    /// A listener's cursor did not reach the head.
    Behind { name: String, room: usize, cursor: u64, head: u64 },
}

impl std::fmt::Display for Anomaly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost { mark, room, seq } => write!(f, "lost: {mark}, acknowledged as {seq} of room {room}"),
            Self::Doubled { mark, room, seq } => write!(f, "doubled: {mark} is in room {room} again at {seq}"),
            Self::Invented { mark, room, seq } => write!(f, "invented: {mark} at {seq} of room {room}"),
            Self::Misplaced { mark, room, acked, logged } => {
                write!(f, "misplaced: {mark} was acknowledged as {acked} of room {room} and is at {logged}")
            }
            Self::RetryMoved { mark, room, first, later } => {
                write!(f, "retry moved: {mark} was answered {first}, then {later}, in room {room}")
            }
            Self::Hole { room, after, next } => write!(f, "hole: room {room} goes from {after} to {next}"),
            Self::Backwards { mark, room, seq, acked_before } => {
                write!(f, "backwards: {mark} got {seq} of room {room}, issued after {acked_before} was acknowledged")
            }
            Self::Missing { name, room, from, to } => {
                write!(f, "missing: {name} never applied {from} to {to} of room {room}")
            }
            Self::AppliedTwice { name, room, seq } => write!(f, "applied twice: {name}, {seq} of room {room}"),
            Self::OutOfOrder { name, room, seq, after } => {
                write!(f, "out of order: {name} applied {seq} of room {room} after {after}")
            }
            Self::Different { name, room, seq, mark } => {
                write!(f, "different: {name} applied {mark} as {seq} of room {room}, the log has another")
            }
            Self::Behind { name, room, cursor, head } => {
                write!(f, "behind: {name} ended at {cursor} of room {room}, whose head is {head}")
            }
        }
    }
}

/// Every broken promise in `history`.
pub(crate) fn judge(history: &History) -> Vec<Anomaly> {
    let mut found = Vec::new();
    for (n, room) in history.rooms.iter().enumerate() {
        let sends: Vec<&Send> = history.sends.iter().filter(|send| send.room == n).collect();
        let logged = check_log(n, room, &sends, &mut found);
        check_sends(n, &sends, &logged, &mut found);
        check_time(n, &sends, &mut found);
        for listener in history.listeners.iter().filter(|listener| listener.room == n) {
            check_listener(listener, room, &mut found);
        }
    }
    found
}

/// Numbers without holes, every message sent by somebody and there once. Returns where each message is first.
fn check_log(n: usize, room: &Room, sends: &[&Send], found: &mut Vec<Anomaly>) -> HashMap<Mark, u64> {
    let sent: HashSet<Mark> = sends.iter().map(|send| send.mark).collect();
    let mut places = HashMap::with_capacity(room.log.len());
    let mut last = room.base;
    for entry in &room.log {
        if entry.seq != last + 1 {
            found.push(Anomaly::Hole { room: n, after: last, next: entry.seq });
        }
        last = entry.seq;
        if !sent.contains(&entry.mark) {
            found.push(Anomaly::Invented { mark: entry.mark, room: n, seq: entry.seq });
        } else if *places.entry(entry.mark).or_insert(entry.seq) != entry.seq {
            found.push(Anomaly::Doubled { mark: entry.mark, room: n, seq: entry.seq });
        }
    }
    if last != room.head {
        found.push(Anomaly::Hole { room: n, after: last, next: room.head + 1 });
    }
    places
}

/// What was acknowledged is there, where it was acknowledged, and every repetition said the same.
fn check_sends(n: usize, sends: &[&Send], places: &HashMap<Mark, u64>, found: &mut Vec<Anomaly>) {
    for send in sends {
        let Some(first) = send.answers.first().copied() else { continue };
        if let Some(later) = send.answers.iter().copied().find(|answer| *answer != first) {
            found.push(Anomaly::RetryMoved { mark: send.mark, room: n, first, later });
        }
        match places.get(&send.mark).copied() {
            None => found.push(Anomaly::Lost { mark: send.mark, room: n, seq: first }),
            Some(logged) if logged != first => {
                found.push(Anomaly::Misplaced { mark: send.mark, room: n, acked: first, logged });
            }
            Some(_) => {}
        }
    }
}

/// A send issued after another's acknowledgement has the higher number: both sorted by time and merged.
fn check_time(n: usize, sends: &[&Send], found: &mut Vec<Anomaly>) {
    let mut issued: Vec<(u64, Mark, u64)> =
        sends.iter().filter_map(|send| Some((send.issued_us, send.mark, *send.answers.first()?))).collect();
    let mut acked: Vec<(u64, u64)> =
        sends.iter().filter_map(|send| Some((send.acked_us?, *send.answers.first()?))).collect();
    issued.sort_unstable();
    acked.sort_unstable();
    let mut acked = acked.into_iter().peekable();
    let mut highest = 0;
    for (at, mark, seq) in issued {
        while let Some((_, earlier)) = acked.next_if(|(when, _)| *when < at) {
            highest = highest.max(earlier);
        }
        if seq < highest {
            found.push(Anomaly::Backwards { mark, room: n, seq, acked_before: highest });
        }
    }
}

/// The same messages as the log, once, in order, to the head.
fn check_listener(listener: &Listener, room: &Room, found: &mut Vec<Anomaly>) {
    let (name, n) = (&listener.name, listener.room);
    let log: HashMap<u64, Mark> = room.log.iter().map(|entry| (entry.seq, entry.mark)).collect();
    let mut applied = HashSet::with_capacity(listener.applied.len());
    let mut highest = 0;
    for entry in &listener.applied {
        let seq = entry.seq;
        if log.get(&seq) != Some(&entry.mark) {
            found.push(Anomaly::Different { name: name.clone(), room: n, seq, mark: entry.mark });
        }
        if !applied.insert(seq) {
            found.push(Anomaly::AppliedTwice { name: name.clone(), room: n, seq });
        } else if seq < highest {
            found.push(Anomaly::OutOfOrder { name: name.clone(), room: n, seq, after: highest });
        }
        highest = highest.max(seq);
    }
    for run in room.log.chunk_by(|a, b| applied.contains(&a.seq) == applied.contains(&b.seq)) {
        if let (Some(first), Some(last)) = (run.first(), run.last())
            && !applied.contains(&first.seq)
        {
            found.push(Anomaly::Missing { name: name.clone(), room: n, from: first.seq, to: last.seq });
        }
    }
    if listener.cursor < room.head {
        found.push(Anomaly::Behind { name: name.clone(), room: n, cursor: listener.cursor, head: room.head });
    }
}

#[cfg(test)]
mod tests;
