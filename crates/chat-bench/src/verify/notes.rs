//! What one participant notes while it listens.

use std::sync::Arc;

use super::evidence::Evidence;
use crate::{
    ears::{Answer, Seen, Sink},
    figures::now_us,
    judge::Entry,
    text,
};

/// What it heard.
pub(super) struct Notes {
    run: String,
    /// By its rooms, what it applied.
    pub(super) applied: Vec<Vec<Entry>>,
    /// To its requests, not looked at yet.
    pub(super) answers: Vec<(u32, Answer)>,
    /// Of live messages, not counted yet.
    pub(super) latencies: Vec<u64>,
    /// Something was applied since the last look.
    pub(super) heard: bool,
    evidence: Arc<Evidence>,
}

impl Notes {
    /// Nothing yet, in so many rooms.
    pub(super) fn new(run: &str, rooms: usize, evidence: &Arc<Evidence>) -> Self {
        Self {
            run: run.to_owned(),
            applied: vec![Vec::new(); rooms],
            answers: Vec::new(),
            latencies: Vec::new(),
            heard: false,
            evidence: Arc::clone(evidence),
        }
    }
}

impl Sink for Notes {
    fn message(&mut self, seen: Seen<'_>) {
        self.heard = true;
        if let Some(applied) = self.applied.get_mut(seen.room) {
            applied.push(Entry { seq: seen.seq, mark: text::mark(&self.run, seen.mark) });
        }
        if let Some(made) = text::made_us(seen.mark).filter(|made| seen.live && self.evidence.counts(*made)) {
            self.latencies.push(now_us().saturating_sub(made));
        }
    }

    fn answer(&mut self, id: u32, answer: Answer) {
        self.answers.push((id, answer));
    }
}
