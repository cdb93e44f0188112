//! The sending half of a participant: one message at a time, repeated with the same nonce until it is acknowledged.
//!
//! It decides what to send and when, and keeps the record for the judge. It does not touch the connection.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::evidence::Evidence;
use crate::{
    cli,
    ears::Answer,
    figures::{count, float, now_us},
    judge::{Mark, Send},
    text,
};

/// Without an answer for this long the client gives the connection up and repeats on a new one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Before a refused message is tried again, when the server names no time.
const PAUSE: Duration = Duration::from_millis(100);

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Send this over the socket.
    Send { nonce: String, text: String },
    /// Repeat this over REST.
    Post { nonce: String, text: String },
    /// The connection answers nothing any more.
    GiveUp,
    /// Nothing yet.
    Wait,
}

struct Pending {
    /// Which of the sends.
    at: usize,
    /// The request on the present connection.
    id: Option<u32>,
    /// When to act: send (without an id), or give up (with one).
    due: Instant,
    /// When the latest attempt left.
    sent_us: u64,
    /// An acknowledged message sent once more.
    again: bool,
    /// Sent more than once, so that its latency says nothing.
    repeated: bool,
}

/// One sender.
pub(crate) struct Talk {
    /// Which room it sends to.
    pub(crate) room: usize,
    run: String,
    sender: usize,
    bytes: usize,
    every: Duration,
    replay: f64,
    next: Instant,
    pending: Option<Pending>,
    nonces: Vec<String>,
    sends: Vec<Send>,
    /// Refusals that cannot be explained.
    pub(crate) oddities: Vec<String>,
}

impl Talk {
    /// A sender of the run.
    pub(crate) fn new(args: &cli::Verify, run: &str, sender: usize, room: usize) -> Self {
        let every = Duration::from_secs_f64(float(count(args.senders)) / args.rate);
        Self {
            room,
            run: run.to_owned(),
            sender,
            bytes: args.bytes,
            every,
            replay: args.replay.clamp(0.0, 1.0),
            next: Instant::now() + every.mul_f64(rand::random()),
            pending: None,
            nonces: Vec::new(),
            sends: Vec::new(),
            oddities: Vec::new(),
        }
    }

    /// Whether an answer is outstanding.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_none()
    }

    /// When [`Talk::turn`] has something new to say.
    pub(crate) fn due(&self) -> Instant {
        self.pending.as_ref().map_or(self.next, |pending| pending.due)
    }

    /// What to do now; `more` says whether new messages are wanted.
    pub(crate) fn turn(&mut self, now: Instant, more: bool, evidence: &Arc<Evidence>) -> Turn {
        if self.pending.is_none() && more && now >= self.next {
            self.next = (self.next + self.every).max(now);
            if self.is_replay() {
                return self.again(now);
            }
            self.new_message(now);
            evidence.ask();
        }
        let Some(pending) = self.pending.as_mut().filter(|pending| now >= pending.due) else {
            if self.pending.is_none() {
                self.next = self.next.max(now + Duration::from_millis(1));
            }
            return Turn::Wait;
        };
        if pending.id.is_some() {
            return Turn::GiveUp;
        }
        pending.due = now + PATIENCE;
        let nonce = self.nonces.get(pending.at).cloned().unwrap_or_default();
        Turn::Send { text: text::text(&nonce, self.bytes), nonce }
    }

    /// The pending message went out as this request.
    pub(crate) fn sent(&mut self, id: u32) {
        if let Some(pending) = &mut self.pending {
            pending.id = Some(id);
            pending.sent_us = now_us();
        }
    }

    /// The connection is gone: what is unanswered goes out again with the same nonce.
    pub(crate) fn disconnected(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.id = None;
            pending.repeated = true;
            pending.due = Instant::now();
        }
    }

    /// A request was answered. Returns the latency of a first acknowledgement at the first attempt.
    pub(crate) fn answered(&mut self, id: u32, answer: &Answer, evidence: &Arc<Evidence>) -> Option<u64> {
        let pending = self.pending.as_mut().filter(|pending| pending.id == Some(id))?;
        match answer {
            Answer::Ok(seq) => {
                let send = self.sends.get_mut(pending.at)?;
                send.answers.push(*seq);
                let now = now_us();
                let first = !pending.again;
                send.acked_us.get_or_insert(now);
                let latency = (first && !pending.repeated).then(|| now.saturating_sub(send.issued_us));
                let counts = evidence.counts(send.issued_us);
                if first {
                    evidence.answer();
                    evidence.progress.acknowledged(self.sender, self.room, pending.sent_us, *seq);
                }
                self.pending = None;
                latency.filter(|_| counts)
            }
            Answer::Error { retry: true, retry_ms, .. } => {
                pending.id = None;
                pending.repeated = true;
                pending.due = Instant::now() + retry_ms.map_or(PAUSE, Duration::from_millis);
                None
            }
            Answer::Error { code, .. } => {
                self.oddities.push(format!("sender {}: a send was refused for good: {code}", self.sender));
                if !pending.again {
                    evidence.answer();
                }
                self.pending = None;
                None
            }
        }
    }

    /// A repetition over REST was answered; `None`: it could not be, and goes out over the socket instead.
    pub(crate) fn posted(&mut self, seq: anyhow::Result<Option<u64>>) {
        let Some(mut pending) = self.pending.take() else { return };
        match (seq, self.sends.get_mut(pending.at)) {
            (Ok(Some(seq)), Some(send)) => send.answers.push(seq),
            (Ok(None), Some(_)) => {
                pending.due = Instant::now() + PAUSE;
                self.pending = Some(pending);
            }
            (Err(e), _) => self.oddities.push(format!("sender {}: a repetition failed: {e:#}", self.sender)),
            (Ok(_), None) => {}
        }
    }

    /// The record for the judge.
    pub(crate) fn into_sends(self) -> Vec<Send> {
        self.sends
    }

    fn is_replay(&self) -> bool {
        self.sends.last().is_some_and(|send| !send.answers.is_empty()) && rand::random_bool(self.replay)
    }

    fn new_message(&mut self, now: Instant) {
        let n = u32::try_from(self.sends.len()).unwrap_or(u32::MAX);
        self.nonces.push(text::nonce(&self.run, self.sender, n));
        self.sends.push(Send {
            room: self.room,
            mark: Mark::new(u32::try_from(self.sender).unwrap_or(u32::MAX), n),
            issued_us: now_us(),
            acked_us: None,
            answers: Vec::new(),
        });
        let at = self.sends.len() - 1;
        self.pending = Some(Pending { at, id: None, due: now, sent_us: 0, again: false, repeated: false });
    }

    /// An acknowledged message once more: half over the socket, half over REST.
    fn again(&mut self, now: Instant) -> Turn {
        // Every send before the last one is acknowledged too, or was refused and has no answer.
        let at = rand::random_range(0..self.sends.len());
        if self.sends.get(at).is_none_or(|send| send.answers.is_empty()) {
            return Turn::Wait;
        }
        self.pending = Some(Pending { at, id: None, due: now + PATIENCE, sent_us: 0, again: true, repeated: true });
        let nonce = self.nonces.get(at).cloned().unwrap_or_default();
        let text = text::text(&nonce, self.bytes);
        if rand::random() { Turn::Send { nonce, text } } else { Turn::Post { nonce, text } }
    }
}
