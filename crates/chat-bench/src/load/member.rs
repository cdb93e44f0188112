//! One socket of a load: it listens, and perhaps speaks.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{Phase, meter::Meters};
use crate::{
    cli,
    client::{Client, Lost},
    crowd::Crowd,
    ears::{Answer, Seen, Sink, Tally},
    figures::{count, float, now_us},
    text,
};

/// Requests of one socket that may wait for their answers (protocol §4).
const IN_FLIGHT: u64 = 32;

/// How often a member looks after rooms whose head is ahead.
const TICK: Duration = Duration::from_secs(2);

/// How a sender paces itself.
pub(crate) struct Speech {
    run: String,
    sender: usize,
    bytes: usize,
    /// Between two messages; `None` sends whenever the window is open.
    every: Option<Duration>,
    next: Instant,
    started: bool,
    count: u32,
    unanswered: u64,
}

impl Speech {
    /// The speech of the member with this number.
    pub(crate) fn new(args: &cli::Load, run: &str, number: usize) -> Self {
        let senders = args.rooms * args.senders;
        let every = args.window.is_none().then(|| Duration::from_secs_f64(float(count(senders)) / args.rate));
        let next = Instant::now();
        Self {
            run: run.to_owned(),
            sender: number,
            bytes: args.bytes,
            every,
            next,
            started: false,
            count: 0,
            unanswered: 0,
        }
    }
}

/// What a member found.
pub(crate) struct Outcome {
    /// Gaps, batches, resets.
    pub(crate) tally: Tally,
    /// Connections that ended early.
    pub(crate) lost: u64,
}

/// One socket.
pub(crate) struct Member {
    pub(crate) number: usize,
    pub(crate) room: usize,
    pub(crate) client: Client,
    pub(crate) speech: Option<Speech>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// Collects what one read brought, so that shared counters are touched once a read.
struct Haul<'a> {
    meters: &'a Meters,
    number: usize,
    room: usize,
    now_us: u64,
    latencies: Vec<u64>,
    /// Those from another node.
    between: Vec<u64>,
    delivered: u64,
    answered: u64,
}

impl Sink for Haul<'_> {
    fn message(&mut self, seen: Seen<'_>) {
        self.delivered += 1;
        if let Some(made) = text::made_us(seen.mark) {
            let latency = self.now_us.saturating_sub(made);
            self.latencies.push(latency);
            let node = |member: usize| member % self.meters.nodes;
            if self.meters.nodes > 1 && text::sender(seen.mark).is_some_and(|sender| node(sender) != node(self.number))
            {
                self.between.push(latency);
            }
        }
    }

    fn answer(&mut self, _id: u32, answer: Answer) {
        let Some(meter) = self.meters.room(self.room) else { return };
        match answer {
            Answer::Ok(seq) if seq > 0 => {
                self.answered += 1;
                meter.acked();
            }
            Answer::Ok(_) => {}
            Answer::Error { code, .. } => {
                self.answered += 1;
                self.meters.refuse(&code);
                meter.given_up();
            }
        }
    }
}

impl Member {
    /// Comes in, listens and speaks until the run is done.
    pub(crate) async fn run(mut self) -> anyhow::Result<Outcome> {
        let meters = Arc::clone(&self.meters);
        let mut haul = Haul {
            meters: &meters,
            number: self.number,
            room: self.room,
            now_us: 0,
            latencies: Vec::new(),
            between: Vec::new(),
            delivered: 0,
            answered: 0,
        };
        let mut lost = 0;
        loop {
            self.crowd.arrive(&mut self.client, &mut haul).await?;
            self.land(&mut haul);
            match self.stay(&mut haul).await {
                Ok(()) => return Ok(Outcome { tally: self.client.ears.tally, lost }),
                Err(why) => {
                    lost += 1;
                    self.crowd.left();
                    self.crowd.trouble(&why);
                    self.give_up();
                }
            }
        }
    }

    async fn stay(&mut self, haul: &mut Haul<'_>) -> Result<(), Lost> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            let phase = *self.phase.borrow_and_update();
            if phase == Phase::Done {
                return Ok(());
            }
            tokio::select! {
                ready = self.client.ready() => {
                    ready?;
                    haul.now_us = now_us();
                    let heard = self.client.pump(haul).await;
                    self.land(haul);
                    heard?;
                }
                () = turn(&self.meters, self.room, self.speech.as_ref()), if phase == Phase::Sending => self.speak().await?,
                _ = tick.tick() => self.client.tick(haul).await?,
                changed = self.phase.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// Hands a read's haul to the shared counters.
    fn land(&mut self, haul: &mut Haul<'_>) {
        if let Some(speech) = &mut self.speech {
            speech.unanswered = speech.unanswered.saturating_sub(haul.answered);
        }
        haul.answered = 0;
        if haul.delivered > 0 {
            self.meters.latencies.record(self.number, &haul.latencies);
            self.meters.between.record(self.number, &haul.between);
            if let Some(meter) = self.meters.room(self.room) {
                meter.delivered(haul.delivered);
            }
            haul.latencies.clear();
            haul.between.clear();
            haul.delivered = 0;
        }
    }

    async fn speak(&mut self) -> Result<(), Lost> {
        let (Some(speech), Some(meter)) = (self.speech.as_mut(), self.meters.room(self.room)) else { return Ok(()) };
        let now = Instant::now();
        match speech.every {
            // Members start at different moments of the first interval, and never burst after a pause.
            Some(every) if !speech.started => {
                speech.started = true;
                speech.next = now + every.mul_f64(rand::random());
                return Ok(());
            }
            Some(every) => speech.next = (speech.next + every).max(now),
            None => {}
        }
        speech.count += 1;
        speech.unanswered += 1;
        if speech.unanswered == IN_FLIGHT {
            self.meters.hold_back();
        }
        meter.sent();
        let nonce = text::nonce(&speech.run, speech.sender, speech.count);
        let text = text::text(&nonce, speech.bytes);
        let room = self.client.ears.rooms.first().map(|room| room.id.clone()).unwrap_or_default();
        self.client.send(&room, &nonce, &text).await.map(drop)
    }

    /// The connection ended: its unanswered sends are forgotten.
    fn give_up(&mut self) {
        if let (Some(speech), Some(meter)) = (self.speech.as_mut(), self.meters.room(self.room)) {
            (0..speech.unanswered).for_each(|_| meter.given_up());
            speech.unanswered = 0;
        }
    }
}

/// Waits until it is time to speak. Never for those who only listen. Cancel safe.
async fn turn(meters: &Meters, room: usize, speech: Option<&Speech>) {
    let (Some(speech), Some(meter)) = (speech, meters.room(room)) else { return std::future::pending().await };
    if speech.unanswered >= IN_FLIGHT {
        return std::future::pending().await;
    }
    match speech.every {
        Some(_) => sleep_until(speech.next).await,
        None => match meter.window.acquire().await {
            Ok(permit) => permit.forget(),
            Err(_) => sleep(TICK).await,
        },
    }
}
