//! The one task that exports: takes what waits as one batch, posts it, tries again while the collector is away.
//!
//! It holds one batch; everything else waits in the bounded queue, and what does not fit there is dropped. So a collector
//! that is slow or gone costs a fixed amount of memory and nobody's time.

use std::time::Duration;

use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::trace::SpanData;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout, timeout_at},
};

use super::{
    client::{Answer, post},
    dropped,
    parcel::Parcel,
};
use crate::config::Collector;

/// How long the first span of a batch waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// Before the first try again; doubled each time.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Empties the queue.
pub(super) struct Exporter {
    pub(super) queue: mpsc::Receiver<SpanData>,
    pub(super) collector: Collector,
    pub(super) resource: ResourceAttributesWithSchema,
    /// Spans of one export.
    pub(super) most: usize,
    /// For one export.
    pub(super) within: Duration,
}

/// What came of one try.
enum Tried {
    Done,
    Again,
}

impl Exporter {
    /// Exports until `end` says by when it must be over.
    pub(super) async fn run(mut self, mut end: watch::Receiver<Option<Instant>>) {
        let mut is_away = false;
        while let Some(parcel) = self.next(&mut end).await {
            let mut pause = PAUSE;
            while let Tried::Again = self.deliver(&parcel, self.within, &mut is_away).await {
                if timeout(pause, ended(&mut end)).await.is_ok() {
                    self.finish(Some(parcel), by(&end), &mut is_away).await;
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        self.finish(None, by(&end), &mut is_away).await;
    }

    /// The next batch; `None` when it is time to end.
    async fn next(&mut self, end: &mut watch::Receiver<Option<Instant>>) -> Option<Parcel> {
        let mut spans = Vec::new();
        tokio::select! {
            biased;
            () = ended(end) => return None,
            count = self.queue.recv_many(&mut spans, self.most) => if count == 0 { return None },
        }
        let deadline = Instant::now() + GATHER;
        while spans.len() < self.most {
            let room = self.most - spans.len();
            let more = async {
                tokio::select! {
                    biased;
                    () = ended(end) => 0,
                    count = self.queue.recv_many(&mut spans, room) => count,
                }
            };
            match timeout_at(deadline, more).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        Some(Parcel::of(spans, &self.resource))
    }

    /// One try. Changes are logged once, not every try.
    async fn deliver(&self, parcel: &Parcel, within: Duration, is_away: &mut bool) -> Tried {
        let why = match timeout(within, post(&self.collector, parcel.body.clone())).await {
            Ok(Ok(Answer::Taken { rejected })) => {
                dropped(rejected);
                if std::mem::take(is_away) {
                    tracing::info!("the collector of traces is back");
                }
                return Tried::Done;
            }
            Ok(Ok(Answer::Refused(status))) => {
                dropped(parcel.spans.try_into().unwrap_or(u64::MAX));
                tracing::warn!(status = status.as_u16(), spans = parcel.spans, "the collector refused spans");
                return Tried::Done;
            }
            Ok(Ok(Answer::Later(status))) => format!("it answered {status}"),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if !std::mem::replace(is_away, true) {
            tracing::warn!(why, "the collector of traces is away; spans wait, and are dropped when too many do");
        }
        Tried::Again
    }

    /// Sends what is left, each once, until the deadline.
    async fn finish(mut self, held: Option<Parcel>, deadline: Instant, is_away: &mut bool) {
        self.queue.close();
        let mut next = held;
        loop {
            let Some(parcel) = next.take().or_else(|| self.waiting()) else { return };
            let left = deadline.saturating_duration_since(Instant::now());
            if let Tried::Again = self.deliver(&parcel, left.min(self.within), is_away).await {
                let lost = parcel.spans + self.queue.len();
                dropped(lost.try_into().unwrap_or(u64::MAX));
                tracing::warn!(spans = lost, "the last spans could not be exported");
                return;
            }
        }
    }

    /// What waits now.
    fn waiting(&mut self) -> Option<Parcel> {
        let spans: Vec<_> = std::iter::from_fn(|| self.queue.try_recv().ok()).take(self.most).collect();
        (!spans.is_empty()).then(|| Parcel::of(spans, &self.resource))
    }
}

/// Resolves when it is time to end; an error means that nobody is left to say so.
async fn ended(end: &mut watch::Receiver<Option<Instant>>) {
    let _ = end.wait_for(Option::is_some).await;
}

fn by(end: &watch::Receiver<Option<Instant>>) -> Instant {
    end.borrow().unwrap_or_else(Instant::now)
}
