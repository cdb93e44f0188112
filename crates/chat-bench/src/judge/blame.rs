//! What kind of breach an anomaly is, and when it happened: so that a run of many faults can say what each of them cost.
//!
//! A breach is dated by the moment its message was sent first. Pure, like the judge.

use std::collections::HashMap;

use super::{Anomaly, History, Mark};

/// The four ways to break the promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Acknowledged, and gone.
    Lost,
    /// There, or applied, more often than it was sent.
    Doubled,
    /// At the wrong place.
    OutOfOrder,
    /// A number or an applied message is missing.
    Gap,
}

impl Anomaly {
    /// Which of the four.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Lost { .. } => Kind::Lost,
            Self::Doubled { .. } | Self::Invented { .. } | Self::RetryMoved { .. } | Self::AppliedTwice { .. } => {
                Kind::Doubled
            }
            Self::Misplaced { .. } | Self::Backwards { .. } | Self::OutOfOrder { .. } | Self::Different { .. } => {
                Kind::OutOfOrder
            }
            Self::Hole { .. } | Self::Missing { .. } | Self::Behind { .. } => Kind::Gap,
        }
    }
}

/// When each message was sent first.
pub(crate) struct Blame {
    by_mark: HashMap<Mark, u64>,
    by_place: HashMap<(usize, u64), u64>,
}

impl Blame {
    /// The dates of a history.
    pub(crate) fn new(history: &History) -> Self {
        let by_mark: HashMap<Mark, u64> = history.sends.iter().map(|send| (send.mark, send.issued_us)).collect();
        let mut by_place = HashMap::new();
        for (n, room) in history.rooms.iter().enumerate() {
            let dated = room.log.iter().filter_map(|entry| Some(((n, entry.seq), *by_mark.get(&entry.mark)?)));
            by_place.extend(dated);
        }
        Self { by_mark, by_place }
    }

    /// When an anomaly happened; `None` when nobody can tell, or it belongs to the end of the run.
    pub(crate) fn date(&self, anomaly: &Anomaly) -> Option<u64> {
        let sent = |mark: &Mark| self.by_mark.get(mark).copied();
        let placed = |room: &usize, seq: &u64| self.by_place.get(&(*room, *seq)).copied();
        match anomaly {
            Anomaly::Lost { mark, .. }
            | Anomaly::Doubled { mark, .. }
            | Anomaly::Misplaced { mark, .. }
            | Anomaly::RetryMoved { mark, .. }
            | Anomaly::Backwards { mark, .. } => sent(mark),
            Anomaly::Invented { room, seq, .. } => placed(room, &seq.saturating_sub(1)),
            Anomaly::Hole { room, after, next } => placed(room, after).or_else(|| placed(room, next)),
            Anomaly::Missing { room, from: seq, .. }
            | Anomaly::AppliedTwice { room, seq, .. }
            | Anomaly::OutOfOrder { room, seq, .. } => placed(room, seq),
            Anomaly::Different { room, seq, mark, .. } => sent(mark).or_else(|| placed(room, seq)),
            Anomaly::Behind { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Entry, Room, Send},
        *,
    };

    fn blame() -> Blame {
        let mark = |n| Mark::new(1, n);
        let send = |n, issued_us| Send { room: 0, mark: mark(n), issued_us, acked_us: None, answers: Vec::new() };
        let log = vec![Entry { seq: 11, mark: mark(1) }, Entry { seq: 12, mark: mark(2) }];
        Blame::new(&History {
            rooms: vec![Room { base: 10, head: 12, log }],
            sends: vec![send(1, 100), send(2, 200), send(3, 300)],
            listeners: Vec::new(),
        })
    }

    #[test]
    fn what_names_a_message_is_dated_by_it() {
        let lost = Anomaly::Lost { mark: Mark::new(1, 3), room: 0, seq: 13 };
        assert_eq!((lost.kind(), blame().date(&lost)), (Kind::Lost, Some(300)));
        let doubled = Anomaly::Doubled { mark: Mark::new(1, 2), room: 0, seq: 14 };
        assert_eq!((doubled.kind(), blame().date(&doubled)), (Kind::Doubled, Some(200)));
    }

    #[test]
    fn what_names_a_place_is_dated_by_the_message_there() {
        let missing = Anomaly::Missing { name: "w".into(), room: 0, from: 12, to: 12 };
        assert_eq!((missing.kind(), blame().date(&missing)), (Kind::Gap, Some(200)));
        let hole = Anomaly::Hole { room: 0, after: 10, next: 12 };
        assert_eq!(blame().date(&hole), Some(200));
        let elsewhere = Anomaly::OutOfOrder { name: "w".into(), room: 1, seq: 12, after: 13 };
        assert_eq!((elsewhere.kind(), blame().date(&elsewhere)), (Kind::OutOfOrder, None));
    }
}
