//! How fast one client may talk: a bucket for answers, a window for patience, a tally of nonsense.
//!
//! Time is given by the caller, so that tests own it.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The settings of one socket's pace.
#[derive(Clone, Copy, Debug)]
pub struct PaceSettings {
    /// Frames a second (`limits.frames_per_second`).
    pub per_second: u32,
    /// Frames at once (`limits.frames_burst`).
    pub burst: u32,
    /// How many bad requests within a minute close the socket (`limits.bad_requests_per_minute`).
    pub bad_requests: usize,
    /// Whether frames are counted at all (`limits.enabled`).
    pub enabled: bool,
}

/// What a frame meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// In time.
    Fine,
    /// Too fast: refused with `rate_limited` and the milliseconds until the next.
    TooFast {
        /// Until one more is allowed.
        retry_ms: u64,
    },
    /// Three times the rate for [`PATIENCE`]: closed with 4429.
    Gross,
}

/// How long three times the rate is borne.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

const MINUTE: Duration = Duration::from_secs(60);

/// Counts the frames of one socket.
#[derive(Debug)]
pub(super) struct Metronome {
    settings: PaceSettings,
    /// The moment at which the bucket is full again (the virtual schedule of GCRA, ITU-T I.371).
    full_at: Instant,
    window_start: Instant,
    in_window: u32,
    bad: VecDeque<Instant>,
}

impl Metronome {
    /// A full bucket.
    #[must_use]
    pub(super) fn new(settings: PaceSettings, now: Instant) -> Self {
        Self { settings, full_at: now, window_start: now, in_window: 0, bad: VecDeque::new() }
    }

    /// Counts a frame.
    pub(super) fn frame(&mut self, now: Instant) -> Pace {
        if !self.settings.enabled {
            return Pace::Fine;
        }
        if self.is_gross(now) {
            return Pace::Gross;
        }
        let interval = Duration::from_secs(1) / self.settings.per_second.max(1);
        let depth = interval * self.settings.burst.max(1);
        let next = self.full_at.max(now) + interval;
        if next > now + depth {
            let wait = next - (now + depth);
            return Pace::TooFast { retry_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1) };
        }
        self.full_at = next;
        Pace::Fine
    }

    fn is_gross(&mut self, now: Instant) -> bool {
        if now.duration_since(self.window_start) >= PATIENCE {
            self.window_start = now;
            self.in_window = 0;
        }
        self.in_window = self.in_window.saturating_add(1);
        let seconds = u32::try_from(PATIENCE.as_secs()).unwrap_or(u32::MAX);
        self.in_window > self.settings.per_second.saturating_mul(3).saturating_mul(seconds)
    }

    /// Counts a `bad_request`; true when it was one too many.
    pub(super) fn bad_request(&mut self, now: Instant) -> bool {
        while self.bad.front().is_some_and(|first| now.duration_since(*first) >= MINUTE) {
            self.bad.pop_front();
        }
        self.bad.push_back(now);
        self.bad.len() >= self.settings.bad_requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: PaceSettings = PaceSettings { per_second: 10, burst: 60, bad_requests: 10, enabled: true };

    #[test]
    fn a_burst_passes_and_then_ten_a_second() {
        let start = Instant::now();
        let mut pace = Metronome::new(SETTINGS, start);
        assert!((0..60).all(|_| pace.frame(start) == Pace::Fine));
        assert_eq!(pace.frame(start), Pace::TooFast { retry_ms: 100 });
        let later = start + Duration::from_millis(250);
        assert_eq!((pace.frame(later), pace.frame(later)), (Pace::Fine, Pace::Fine));
        assert_eq!(pace.frame(later), Pace::TooFast { retry_ms: 50 });
    }

    #[test]
    fn three_times_the_rate_for_ten_seconds_is_gross() {
        let start = Instant::now();
        let mut pace = Metronome::new(SETTINGS, start);
        let at = |i: u64| start + Duration::from_millis(i * 33);
        assert!((0..300).all(|i| pace.frame(at(i)) != Pace::Gross));
        assert_eq!(pace.frame(at(300)), Pace::Gross);
    }

    #[test]
    fn twice_the_rate_is_refused_and_borne() {
        let start = Instant::now();
        let mut pace = Metronome::new(SETTINGS, start);
        assert!((0..2_000).all(|i| pace.frame(start + Duration::from_millis(i * 50)) != Pace::Gross));
    }

    #[test]
    fn the_tenth_bad_request_within_a_minute_is_one_too_many() {
        let start = Instant::now();
        let mut pace = Metronome::new(SETTINGS, start);
        assert!((0..9).all(|_| !pace.bad_request(start)));
        assert!(!pace.bad_request(start + MINUTE), "the first nine are forgotten");
        assert!((0..8).all(|_| !pace.bad_request(start + MINUTE)));
        assert!(pace.bad_request(start + MINUTE));
    }

    #[test]
    fn switched_off_nothing_is_counted() {
        let start = Instant::now();
        let mut pace = Metronome::new(PaceSettings { enabled: false, ..SETTINGS }, start);
        assert!((0..10_000).all(|_| pace.frame(start) == Pace::Fine));
    }
}
