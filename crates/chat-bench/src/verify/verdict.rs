//! The end of a run: the logs are read, the judge speaks, the report is written.

use super::{ordeal::Bout, participant::Record, table};
use crate::{
    api::Api,
    cli,
    figures::count,
    judge::{Entry, History, Room, judge},
    report::Report,
    stage::Stage,
    subject::Subject,
    text,
};

/// What participants counted beside their records.
#[derive(Default)]
pub(super) struct Counts {
    gaps: u64,
    batches: u64,
    resets: u64,
    oddities: Vec<String>,
}

/// The logs of the run's rooms, beside what participants recorded.
///
/// # Errors
/// When a log cannot be read.
pub(super) async fn history(
    subject: &Subject,
    stage: &Stage,
    records: Vec<Record>,
    heads: &[u64],
) -> anyhow::Result<(History, Counts)> {
    let mut history = History::default();
    let mut counts = Counts::default();
    let mut api = Api::new(subject.target(0)?);
    for (room, head) in stage.rooms.iter().zip(heads) {
        let mut log = Vec::new();
        let mut after = room.base;
        loop {
            let page = api.page(&stage.owner()?.access().await?, &room.id, after, 100).await?;
            for message in &page.items {
                let mark = crate::ears::mark(message).unwrap_or_default();
                log.push(Entry { seq: message.seq, mark: text::mark(&stage.run, mark) });
            }
            after = page.items.last().map_or(after, |message| message.seq);
            if page.head != *head {
                counts.oddities.push(format!("the head is {} by /messages and {head} by /sync", page.head));
            }
            if !page.more_after {
                break;
            }
        }
        history.rooms.push(Room { base: room.base, head: *head, log });
    }
    for record in records {
        history.sends.extend(record.sends);
        history.listeners.extend(record.listeners);
        counts.gaps += record.tally.gaps;
        counts.batches += record.tally.batches;
        counts.resets += record.tally.resets;
        counts.oddities.extend(record.oddities);
    }
    Ok((history, counts))
}

/// Adds what was counted to the report.
pub(super) fn tell(args: &cli::Verify, report: &mut Report, history: &History, counts: &Counts) {
    let acked = history.sends.iter().filter(|send| !send.answers.is_empty()).count();
    let repeats: usize = history.sends.iter().map(|send| send.answers.len().saturating_sub(1)).sum();
    report.figure("senders", args.senders, "");
    report.figure("rooms", args.rooms, "");
    if !args.faults.is_empty() {
        report.figure("seed", args.fault_seed, "of --faults");
    }
    report.figure("listeners", args.members + args.slow + args.restless, "");
    report.figure("sends", history.sends.len(), "");
    report.figure("acknowledged", acked, "");
    report.figure("unknown", history.sends.len() - acked, "sends never answered");
    report.figure("answered_again", repeats, "repetitions");
    report.figure("logged", history.rooms.iter().map(|room| count(room.log.len())).sum::<u64>(), "");
    report.figure("applied", history.listeners.iter().map(|l| count(l.applied.len())).sum::<u64>(), "by all listeners");
    report.figure("gaps", counts.gaps, "repaired by clients");
    report.figure("batches", counts.batches, "");
    report.figure("resets", counts.resets, "");
    for oddity in &counts.oddities {
        report.anomaly(oddity);
    }
    if acked == 0 {
        report.anomaly("nothing was acknowledged");
    }
}

/// The verdict, and with faults the table of what each of them cost.
pub(super) fn pronounce(report: &mut Report, history: &History, bouts: &[Bout]) {
    let anomalies = judge(history);
    if !bouts.is_empty() {
        report.table(table::of(bouts, history, &anomalies));
    }
    for complaint in bouts.iter().flat_map(Bout::complaints) {
        report.anomaly(complaint);
    }
    for anomaly in anomalies {
        report.anomaly(anomaly.to_string());
    }
}
