//! The reference cursor logic of protocol §3: what a client does with a number it hears.
//!
//! `seq == cursor + 1` is applied, lower is dropped, higher means: subscribe again. Batches move the cursor as a whole,
//! `reset` means: load by REST, heartbeats and answers to `subscribe` tell where the head is. It is pure: no socket, no
//! clock of its own, and every decision is a return value.

use std::time::{Duration, Instant};

use crate::words::{Batch, Subscribed};

/// How long a known head may stay ahead of a live cursor before the client asks again. An event that is merely under
/// way needs milliseconds.
const GRACE: Duration = Duration::from_millis(1_500);

/// What to do with an event or a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is the next one; the cursor has moved.
    Apply,
    /// Known already, or a catch-up will bring it.
    Drop,
    /// Something is missing: subscribe again with `after: cursor`.
    Resubscribe,
    /// The cursor is of no use any more: load by REST, then subscribe with the head.
    Reload,
}

/// Where a client is with one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not subscribed.
    Out,
    /// `subscribe` was sent.
    Asked,
    /// Batches are coming.
    CatchingUp,
    /// Events are coming.
    Live,
    /// To be loaded by REST.
    Reset,
}

/// One room of a client.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    /// Its id.
    pub(crate) id: String,
    /// The log's epoch; empty before the first answer.
    pub(crate) epoch: String,
    /// The last number applied; `None` before the first answer when none was given.
    pub(crate) cursor: Option<u64>,
    /// The highest head the server told.
    pub(crate) head: u64,
    /// Where the client is.
    pub(crate) phase: Phase,
    behind_since: Option<Instant>,
}

impl Room {
    /// A room that starts at `cursor` of `epoch`, or at the head when `None`.
    pub(crate) fn new(id: &str, start: Option<(&str, u64)>) -> Self {
        Self {
            id: id.to_owned(),
            epoch: start.map(|(epoch, _)| epoch.to_owned()).unwrap_or_default(),
            cursor: start.map(|(_, cursor)| cursor),
            head: 0,
            phase: Phase::Out,
            behind_since: None,
        }
    }

    /// What `subscribe` says of this room.
    pub(crate) fn start(&self) -> Option<(&str, u64)> {
        self.cursor.map(|cursor| (self.epoch.as_str(), cursor))
    }

    /// An event with this number arrived.
    pub(crate) fn event(&mut self, seq: u64) -> Step {
        let Some(cursor) = self.cursor else { return Step::Drop };
        if seq <= cursor || self.phase == Phase::Reset {
            Step::Drop
        } else if seq == cursor + 1 {
            self.cursor = Some(seq);
            Step::Apply
        } else if self.phase == Phase::Asked {
            Step::Drop
        } else {
            self.phase = Phase::Asked;
            Step::Resubscribe
        }
    }

    /// A batch arrived. With [`Step::Apply`] every object with `rev` above the old cursor is to be applied.
    pub(crate) fn batch(&mut self, batch: &Batch) -> Step {
        let Some(cursor) = self.cursor else { return Step::Drop };
        if self.phase == Phase::Reset {
            return Step::Drop;
        }
        if batch.epoch != self.epoch {
            self.phase = Phase::Reset;
            return Step::Reload;
        }
        if batch.from > cursor {
            self.phase = Phase::Asked;
            return Step::Resubscribe;
        }
        self.phase = if batch.more { Phase::CatchingUp } else { Phase::Live };
        if batch.to <= cursor {
            return Step::Drop;
        }
        self.cursor = Some(batch.to);
        Step::Apply
    }

    /// The answer to `subscribe`. [`Step::Apply`] when the room is (about to be) live.
    pub(crate) fn subscribed(&mut self, answer: &Subscribed) -> Step {
        match answer.status.as_str() {
            "live" | "catchup" => {
                self.head = self.head.max(answer.head);
                self.cursor.get_or_insert(answer.head);
                self.epoch.clone_from(&answer.epoch);
                self.phase = if answer.status == "live" { Phase::Live } else { Phase::CatchingUp };
                Step::Apply
            }
            "reset" => self.reset(),
            _ => {
                self.phase = Phase::Out;
                Step::Drop
            }
        }
    }

    /// The server cannot serve the cursor.
    pub(crate) fn reset(&mut self) -> Step {
        if self.phase == Phase::Reset {
            return Step::Drop;
        }
        self.phase = Phase::Reset;
        Step::Reload
    }

    /// The room was loaded by REST up to `head`.
    pub(crate) fn loaded(&mut self, epoch: &str, head: u64) {
        epoch.clone_into(&mut self.epoch);
        self.cursor = Some(head);
        self.phase = Phase::Out;
    }

    /// The server told a head.
    pub(crate) fn heartbeat(&mut self, head: u64) {
        self.head = self.head.max(head);
    }

    /// Whether the cursor has been behind a known head for longer than the grace, and asks to subscribe again.
    pub(crate) fn overdue(&mut self, now: Instant) -> Step {
        if self.is_whole() || self.phase != Phase::Live {
            self.behind_since = None;
            return Step::Drop;
        }
        let since = *self.behind_since.get_or_insert(now);
        if now.duration_since(since) < GRACE {
            return Step::Drop;
        }
        self.behind_since = None;
        self.phase = Phase::Asked;
        Step::Resubscribe
    }

    /// Live, and nothing known is missing.
    pub(crate) fn is_whole(&self) -> bool {
        self.phase == Phase::Live && self.cursor.is_some_and(|cursor| cursor >= self.head)
    }

    /// The connection is gone; the cursor stays.
    pub(crate) fn disconnected(&mut self) {
        self.phase = Phase::Out;
        self.behind_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(cursor: u64) -> Room {
        let mut room = Room::new("R", Some(("e", cursor)));
        room.phase = Phase::Live;
        room
    }

    fn batch(from: u64, to: u64, more: bool) -> Batch {
        Batch { room: "R".into(), epoch: "e".into(), from, to, more, messages: Vec::new() }
    }

    fn answer(status: &str, head: u64) -> Subscribed {
        Subscribed { room: "R".into(), status: status.into(), epoch: "e".into(), head, code: None }
    }

    #[test]
    fn the_next_is_applied_the_known_dropped_and_a_gap_repaired_once() {
        let mut room = at(5);
        assert_eq!(room.event(6), Step::Apply);
        assert_eq!(room.event(6), Step::Drop);
        assert_eq!(room.event(2), Step::Drop);
        assert_eq!(room.event(9), Step::Resubscribe);
        assert_eq!(room.event(10), Step::Drop);
        assert_eq!(room.start(), Some(("e", 6)));
        assert_eq!(room.subscribed(&answer("catchup", 10)), Step::Apply);
        assert_eq!(room.batch(&batch(6, 10, false)), Step::Apply);
        assert_eq!(room.event(11), Step::Apply);
        assert!(room.is_whole());
    }

    #[test]
    fn a_gap_after_the_last_batch_is_a_gap_again() {
        let mut room = at(5);
        room.phase = Phase::CatchingUp;
        assert_eq!(room.batch(&batch(5, 8, false)), Step::Apply);
        assert_eq!(room.event(10), Step::Resubscribe);
    }

    #[test]
    fn batches_move_the_cursor_and_overlaps_do_not_move_it_back() {
        let mut room = at(5);
        assert_eq!(room.batch(&batch(3, 8, true)), Step::Apply);
        assert_eq!((room.cursor, room.phase), (Some(8), Phase::CatchingUp));
        assert_eq!(room.batch(&batch(3, 7, false)), Step::Drop);
        assert_eq!((room.cursor, room.phase), (Some(8), Phase::Live));
        assert_eq!(room.batch(&batch(9, 12, false)), Step::Resubscribe);
        assert_eq!(room.cursor, Some(8));
    }

    #[test]
    fn another_epoch_means_reload_and_only_once() {
        let mut room = at(5);
        assert_eq!(room.batch(&Batch { epoch: "other".into(), ..batch(5, 6, false) }), Step::Reload);
        assert_eq!(room.reset(), Step::Drop);
        assert_eq!(room.event(6), Step::Drop);
        room.loaded("other", 9);
        assert_eq!(room.start(), Some(("other", 9)));
    }

    #[test]
    fn without_a_cursor_the_head_is_the_start() {
        let mut room = Room::new("R", None);
        assert_eq!(room.event(4), Step::Drop);
        assert_eq!(room.subscribed(&answer("live", 7)), Step::Apply);
        assert_eq!(room.event(8), Step::Apply);
    }

    #[test]
    fn a_head_that_stays_ahead_makes_the_client_ask() {
        let mut room = at(5);
        let now = Instant::now();
        room.heartbeat(6);
        assert!(!room.is_whole());
        assert_eq!(room.overdue(now), Step::Drop);
        assert_eq!(room.overdue(now + GRACE / 2), Step::Drop);
        assert_eq!(room.overdue(now + GRACE), Step::Resubscribe);
        assert_eq!(room.overdue(now + 3 * GRACE), Step::Drop);
        let mut room = at(5);
        room.heartbeat(6);
        assert_eq!(room.overdue(now), Step::Drop);
        assert_eq!(room.event(6), Step::Apply);
        assert_eq!(room.overdue(now + 2 * GRACE), Step::Drop);
    }
}
