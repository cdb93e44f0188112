//! How far everybody is while a run goes on: what was acknowledged, what was applied, and how long anybody heard nothing.
//!
//! Participants write, the one who commits faults reads; all of it is atomic numbers. The verdict does not stand on this: it is
//! spoken at the end, over the records.

use std::sync::atomic::{AtomicU64, Ordering};

use super::participant::Role;

/// One participant's progress.
struct Seat {
    role: Role,
    /// The cursor in each of its rooms, by the room's number.
    cursors: Vec<(usize, AtomicU64)>,
    /// When the latest acknowledged request left, in microseconds of `now_us`.
    sent_us: AtomicU64,
    /// When the latest message was applied.
    heard_us: AtomicU64,
    /// The longest time without one.
    silence_us: AtomicU64,
}

/// Everybody's progress.
pub(crate) struct Progress {
    seats: Vec<Seat>,
    /// The highest acknowledged number of each room.
    acked: Vec<AtomicU64>,
}

impl Progress {
    /// Nobody is anywhere. Each participant is a role and the numbers of its rooms.
    pub(crate) fn new(crew: &[(Role, Vec<usize>)], rooms: usize) -> Self {
        let seat = |(role, rooms): &(Role, Vec<usize>)| Seat {
            role: *role,
            cursors: rooms.iter().map(|room| (*room, AtomicU64::new(0))).collect(),
            sent_us: AtomicU64::new(0),
            heard_us: AtomicU64::new(0),
            silence_us: AtomicU64::new(0),
        };
        Self {
            seats: crew.iter().map(seat).collect(),
            acked: std::iter::repeat_with(AtomicU64::default).take(rooms).collect(),
        }
    }

    /// A request of this participant, which left then, was acknowledged with this number.
    pub(crate) fn acknowledged(&self, who: usize, room: usize, sent_us: u64, seq: u64) {
        if let (Some(seat), Some(acked)) = (self.seats.get(who), self.acked.get(room)) {
            acked.fetch_max(seq, Ordering::Relaxed);
            seat.sent_us.fetch_max(sent_us, Ordering::Relaxed);
        }
    }

    /// This participant applied messages at this moment.
    pub(crate) fn heard(&self, who: usize, now_us: u64) {
        if let Some(seat) = self.seats.get(who) {
            let before = seat.heard_us.swap(now_us, Ordering::Relaxed);
            seat.silence_us.fetch_max(now_us.saturating_sub(before), Ordering::Relaxed);
        }
    }

    /// The cursor of this participant in its `nth` room.
    pub(crate) fn reached(&self, who: usize, nth: usize, cursor: u64) {
        if let Some((_, at)) = self.seats.get(who).and_then(|seat| seat.cursors.get(nth)) {
            at.store(cursor, Ordering::Relaxed);
        }
    }

    /// Whether every sender had something acknowledged that left at or after this moment.
    pub(crate) fn all_send(&self, since_us: u64) -> bool {
        let senders = self.seats.iter().filter(|seat| seat.role == Role::Sender);
        senders.map(|seat| seat.sent_us.load(Ordering::Relaxed)).all(|sent| sent >= since_us)
    }

    /// The highest acknowledged number of each room.
    pub(crate) fn acked(&self) -> Vec<u64> {
        self.acked.iter().map(|room| room.load(Ordering::Relaxed)).collect()
    }

    /// How many participants miss something up to these heads. Slow readers are left out: they are behind on purpose.
    pub(crate) fn behind(&self, heads: &[u64]) -> usize {
        let misses = |seat: &&Seat| {
            let mut cursors = seat.cursors.iter();
            seat.role != Role::Slow
                && cursors.any(|(room, at)| heads.get(*room).is_some_and(|head| at.load(Ordering::Relaxed) < *head))
        };
        self.seats.iter().filter(misses).count()
    }

    /// Silences are counted from this moment.
    pub(crate) fn listen(&self, now_us: u64) {
        for seat in &self.seats {
            seat.heard_us.store(now_us, Ordering::Relaxed);
            seat.silence_us.store(0, Ordering::Relaxed);
        }
    }

    /// The longest silence of each participant up to this moment, in microseconds, the shortest first. Who drops its own
    /// connection or reads slowly is left out.
    pub(crate) fn silences(&self, now_us: u64) -> Vec<u64> {
        let steady = self.seats.iter().filter(|seat| matches!(seat.role, Role::Sender | Role::Listener));
        let mut found: Vec<u64> = steady
            .map(|seat| {
                let running = now_us.saturating_sub(seat.heard_us.load(Ordering::Relaxed));
                running.max(seat.silence_us.load(Ordering::Relaxed))
            })
            .collect();
        found.sort_unstable();
        found
    }
}

/// The value below which 99 of 100 lie; the largest of fewer than 100. `sorted` goes up.
pub(crate) fn p99(sorted: &[u64]) -> u64 {
    let at = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sender in room 0, another in room 1, a listener, a slow and a restless one in both.
    fn five() -> Progress {
        let crew = [
            (Role::Sender, vec![0]),
            (Role::Sender, vec![1]),
            (Role::Listener, vec![0, 1]),
            (Role::Slow, vec![0, 1]),
            (Role::Restless, vec![0, 1]),
        ];
        Progress::new(&crew, 2)
    }

    #[test]
    fn all_send_when_each_sender_was_answered_to_something_later() {
        let p = five();
        p.acknowledged(0, 0, 100, 5);
        p.acknowledged(1, 1, 99, 7);
        assert!(!p.all_send(100), "the second one left before");
        p.acknowledged(1, 1, 101, 8);
        assert!(p.all_send(100));
        p.acknowledged(1, 1, 50, 6);
        assert_eq!(p.acked(), [5, 8]);
        assert!(p.all_send(100));
    }

    #[test]
    fn who_misses_an_acknowledged_message_is_behind_unless_it_is_slow() {
        let p = five();
        let heads = [5, 8];
        assert_eq!(p.behind(&heads), 4);
        p.reached(0, 0, 5);
        p.reached(1, 0, 9);
        p.reached(2, 0, 5);
        p.reached(2, 1, 7);
        p.reached(4, 0, 6);
        p.reached(4, 1, 8);
        assert_eq!(p.behind(&heads), 1);
        p.reached(2, 1, 8);
        assert_eq!(p.behind(&heads), 0);
    }

    #[test]
    fn a_silence_counts_to_its_end_or_to_now() {
        let p = five();
        p.listen(1_000);
        p.heard(0, 1_500);
        p.heard(0, 1_600);
        p.heard(1, 1_100);
        p.heard(4, 9_000);
        assert_eq!(p.silences(2_000), [500, 900, 1_000]);
        p.listen(2_000);
        assert_eq!(p.silences(2_010), [10, 10, 10]);
    }

    #[test]
    fn the_99th_percentile_of_few_is_the_largest() {
        assert_eq!(p99(&[]), 0);
        assert_eq!(p99(&[1, 2, 3]), 3);
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(p99(&hundred), 99);
        let many: Vec<u64> = (1..=1_000).collect();
        assert_eq!(p99(&many), 990);
    }
}
