//! One client of a `verify`: it connects, listens, perhaps sends, loses its connection and returns, until all is told.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Phase,
    evidence::Evidence,
    notes::Notes,
    talk::{Talk, Turn},
};
use crate::{
    account::Account,
    api::Api,
    backoff::Backoff,
    client::{Client, Lost},
    ears::Tally,
    figures::now_us,
    judge::{Listener, Send},
    stage::Stage,
    target::Target,
};

/// A slow reader takes this much …
const SIP: usize = 256;

/// … this often: 1 KB/s.
const SIP_EVERY: Duration = Duration::from_millis(250);

/// How often rooms are looked after whose head is ahead.
const TICK: Duration = Duration::from_millis(500);

/// How long one attempt to come in may take.
const ATTEMPT: Duration = Duration::from_secs(30);

/// The longest wait that `bye` may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What a participant does beside listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Sends to its room.
    Sender,
    /// Nothing.
    Listener,
    /// Reads 1 KB/s while the run lasts.
    Slow,
    /// Drops its connection at random.
    Restless,
}

/// What a participant saw, for the judge.
pub(crate) struct Record {
    pub(crate) sends: Vec<Send>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) tally: Tally,
    pub(crate) oddities: Vec<String>,
}

/// One client.
pub(crate) struct Participant {
    number: usize,
    name: String,
    role: Role,
    /// The numbers of the rooms it listens to.
    rooms: Vec<usize>,
    client: Client,
    /// Every node; a connection may go to any of them, because any must serve any cursor.
    targets: Vec<Target>,
    talk: Option<Talk>,
    notes: Notes,
    evidence: Arc<Evidence>,
    phase: watch::Receiver<Phase>,
    moves: watch::Receiver<()>,
    /// Its next connection goes to the node that is its own, not to any.
    homeward: bool,
    /// When a restless one drops next.
    drop_at: Instant,
}

/// Why a participant left its loop in order.
enum Why {
    /// It goes home.
    Finished,
    /// It dropped its own connection.
    Dropped,
}

impl Participant {
    /// A participant that listens to these rooms.
    #[expect(clippy::too_many_arguments, reason = "made in one place, from what that place has")]
    pub(crate) fn new(
        (number, name): (usize, String),
        role: Role,
        stage: &Stage,
        rooms: &[usize],
        (targets, account): (Vec<Target>, Arc<Account>),
        talk: Option<Talk>,
        evidence: Arc<Evidence>,
        phase: watch::Receiver<Phase>,
    ) -> anyhow::Result<Self> {
        let cursors = rooms
            .iter()
            .map(|n| stage.rooms.get(*n).map(|room| room.cursor()).context("no such room"))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let first = targets.first().cloned().context("no server")?;
        let mut client = Client::new(first, account, cursors);
        client.read_by((role == Role::Slow).then_some(SIP));
        let notes = Notes::new(&stage.run, rooms.len(), &evidence);
        Ok(Self {
            number,
            name,
            role,
            rooms: rooms.to_vec(),
            client,
            targets,
            talk,
            notes,
            moves: evidence.moves(),
            evidence,
            phase,
            homeward: true,
            drop_at: Instant::now(),
        })
    }

    /// Takes part until the run is over.
    pub(crate) async fn run(mut self) -> anyhow::Result<Record> {
        let mut backoff = Backoff::default();
        while *self.phase.borrow() != Phase::Over {
            let nodes = self.targets.len().max(1);
            let homeward = std::mem::take(&mut self.homeward);
            let node = if homeward { self.number % nodes } else { rand::random_range(0..nodes) };
            if let Some(target) = self.targets.get(node) {
                self.client.target = target.clone();
            }
            let entered = timeout(ATTEMPT, self.client.connect(&mut self.notes)).await;
            if !matches!(entered, Ok(Ok(()))) {
                self.client.disconnect();
                self.pause(backoff.next()).await;
                continue;
            }
            backoff.reset();
            self.evidence.connect();
            self.drop_at = Instant::now() + Duration::from_secs_f64(rand::random_range(0.3..3.0));
            let ended = self.stay().await;
            self.client.disconnect();
            if let Some(talk) = &mut self.talk {
                talk.disconnected();
            }
            self.evidence.disconnect(self.role == Role::Slow, ended.as_ref().err());
            match ended {
                Ok(Why::Finished) => break,
                Ok(Why::Dropped) => self.pause(Duration::from_millis(rand::random_range(0..500))).await,
                Err(Lost::Closed { bye: Some((_, ms)), .. }) => {
                    self.pause(Duration::from_millis(ms).min(LONGEST_WAIT)).await;
                }
                Err(Lost::Closed { .. } | Lost::Broken(_) | Lost::Nonsense(_)) => self.pause(backoff.next()).await,
            }
        }
        Ok(self.into_record())
    }

    /// One connection, from live to its end.
    async fn stay(&mut self) -> Result<Why, Lost> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            if self.is_finished() {
                return Ok(Why::Finished);
            }
            let talk_at = self.talk.as_ref().map(Talk::due);
            let restless = self.role == Role::Restless && *self.phase.borrow() == Phase::Running;
            tokio::select! {
                // The server spoke.
                ready = self.client.ready() => {
                    ready?;
                    self.hear().await?;
                }
                // It is time to send, to send again, or to lose patience.
                () = at(talk_at) => self.speak().await?,
                // A restless one has had enough.
                () = sleep_until(self.drop_at), if restless => return Ok(Why::Dropped),
                _ = tick.tick() => self.client.tick(&mut self.notes).await?,
                // Everybody is spread over the nodes anew.
                moved = self.moves.changed() => if moved.is_ok() && !self.is_home() {
                    self.homeward = true;
                    return Ok(Why::Dropped);
                },
                changed = self.phase.changed() => if changed.is_err() { return Ok(Why::Finished) },
            }
        }
    }

    async fn hear(&mut self) -> Result<(), Lost> {
        let running = *self.phase.borrow() == Phase::Running;
        if self.role == Role::Slow {
            self.client.read_by(running.then_some(SIP));
        }
        let heard = self.client.pump(&mut self.notes).await;
        for (id, answer) in self.notes.answers.drain(..) {
            let Some(talk) = &mut self.talk else { continue };
            if let Some(latency) = talk.answered(id, &answer, &self.evidence) {
                self.evidence.acks.record(self.name.len(), &[latency]);
            }
        }
        if self.role != Role::Slow {
            self.evidence.deliveries.record(self.rooms.len(), &self.notes.latencies);
        }
        self.notes.latencies.clear();
        self.report();
        heard?;
        if self.role == Role::Slow && running {
            sleep(SIP_EVERY).await;
        }
        Ok(())
    }

    /// Tells the others how far it is.
    fn report(&mut self) {
        let progress = &self.evidence.progress;
        if std::mem::take(&mut self.notes.heard) {
            progress.heard(self.number, now_us());
        }
        for (nth, room) in self.client.ears.rooms.iter().enumerate() {
            progress.reached(self.number, nth, room.cursor.unwrap_or(0));
        }
    }

    async fn speak(&mut self) -> Result<(), Lost> {
        let more = *self.phase.borrow() == Phase::Running;
        let Some(talk) = &mut self.talk else { return Ok(()) };
        let room = self.client.ears.rooms.first().map(|room| room.id.clone()).unwrap_or_default();
        match talk.turn(Instant::now(), more, &self.evidence) {
            Turn::Send { nonce, text } => {
                let id = self.client.send(&room, &nonce, &text).await?;
                talk.sent(id);
            }
            Turn::Post { nonce, text } => {
                let token = self.client.account.access().await.map_err(|e| Lost::Broken(format!("{e:#}")))?;
                let mut api = Api::new(self.client.target.clone());
                talk.posted(api.try_post(&token, &room, &nonce, &text).await);
            }
            Turn::GiveUp => return Err(Lost::Broken("a send was not answered within 10 s".into())),
            Turn::Wait if !more => sleep(Duration::from_millis(5)).await,
            Turn::Wait => {}
        }
        Ok(())
    }

    fn is_home(&self) -> bool {
        self.targets.get(self.number % self.targets.len().max(1)) == Some(&self.client.target)
    }

    fn is_finished(&self) -> bool {
        match &*self.phase.borrow() {
            Phase::Gathering | Phase::Running | Phase::Finishing => false,
            Phase::Over => true,
            Phase::CatchingUp(heads) => {
                let reached = |(n, room): (&usize, &crate::cursor::Room)| {
                    heads.get(*n).is_none_or(|head| room.cursor.is_some_and(|cursor| cursor >= *head))
                };
                let idle = self.talk.as_ref().is_none_or(Talk::is_idle);
                idle && self.rooms.iter().zip(&self.client.ears.rooms).all(reached)
            }
        }
    }

    /// Waits, but not beyond the end of the run.
    async fn pause(&mut self, pause: Duration) {
        let mut phase = self.phase.clone();
        tokio::select! {
            () = sleep(pause) => {}
            _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
        }
    }

    fn into_record(self) -> Record {
        let listeners = self
            .rooms
            .iter()
            .zip(self.notes.applied)
            .zip(&self.client.ears.rooms)
            .map(|((room, applied), cursor)| Listener {
                name: self.name.clone(),
                room: *room,
                applied,
                cursor: cursor.cursor.unwrap_or(0),
            })
            .collect();
        let tally = self.client.ears.tally;
        let (mut sends, mut oddities) = (Vec::new(), Vec::new());
        if let Some(mut talk) = self.talk {
            oddities = std::mem::take(&mut talk.oddities);
            sends = talk.into_sends();
        }
        if tally.refusals > 0 {
            oddities
                .push(format!("{}: {} subscriptions were refused or ended by the server", self.name, tally.refusals));
        }
        Record { sends, listeners, tally, oddities }
    }
}

/// Sleeps until then; for ever without a time.
async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}
