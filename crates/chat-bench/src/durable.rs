//! `durable`: senders that wait for each acknowledgement, beside what the disk and the simplest store allow.
//!
//! The disk of a shared machine is many times faster in one second than in another. So the server and what it is compared with
//! take turns, a second or two each, and the ratio is that of the totals.

mod crew;
mod pace;
mod rival;

use std::{path::PathBuf, time::Duration};

use tempfile::TempDir;

use self::{
    crew::Crew,
    pace::Pace,
    rival::{Rival, syncs},
};
use crate::{
    cli,
    figures::{Summary, float, micros, ratio},
    process,
    report::{Report, Table},
    stage::Stage,
    subject::Subject,
};

/// The server's turn.
const OURS: Duration = Duration::from_secs(2);

/// The turn of one transaction per message.
const THEIRS: Duration = Duration::from_secs(1);

/// The turn of the bare loop of synced writes.
const BARE: Duration = Duration::from_millis(300);

/// The turn of the connection that only inserts.
const LONE: Duration = Duration::from_millis(300);

/// How long rows are copied.
const COPYING: Duration = Duration::from_secs(2);

/// What was found for one number of senders and rooms.
struct Case {
    senders: usize,
    rooms: usize,
    ours: Pace,
    acks: Summary,
    theirs: Pace,
    rival: String,
    bare: Pace,
    /// One connection that only inserts.
    lone: Pace,
    copied: Option<Pace>,
    cpu: Option<Duration>,
    /// Commands in one transaction of the server's store, on average.
    batch: Option<f64>,
    failures: Vec<String>,
}

/// Runs `durable`.
///
/// # Errors
/// When it could not be run.
pub(crate) async fn run(args: cli::Durable) -> anyhow::Result<Report> {
    let most = args.senders.iter().copied().max().unwrap_or(0);
    anyhow::ensure!(args.senders.iter().chain(&args.rooms).all(|n| *n > 0), "--senders and --rooms must be at least 1");
    process::allow_files(most + 300)?;
    let subject = Subject::open_with(&args.common, true).await?;
    let mut cases = Vec::new();
    for rooms in &args.rooms {
        for senders in &args.senders {
            cases.push(measure(&args, &subject, *senders, *rooms).await?);
        }
    }
    let mut report = Report::new("durable");
    match cases.as_slice() {
        [case] => case.figures(&mut report),
        several => report.table(table(several)),
    }
    cases.iter().for_each(|case| case.judge(&mut report));
    subject.end().await?;
    Ok(report)
}

async fn measure(args: &cli::Durable, subject: &Subject, senders: usize, rooms: usize) -> anyhow::Result<Case> {
    let (dir, common) = (beside(args, subject)?, &args.common);
    let stage = Stage::build(subject, common.accounts, rooms, senders.div_ceil(rooms)).await?;
    let crew = Crew::gather(subject, &stage, senders, common.connecting, args.bytes).await?;
    let mut rival = Rival::open(subject, dir.path().to_owned(), senders, rooms).await?;
    let [mut ours, mut theirs, mut bare, mut lone] = <[Pace; 4]>::default();
    let mut cpu = None;
    let batches = batches(subject).await?;
    let wanted = Duration::from_secs(args.seconds);
    loop {
        let (done, took) = syncs(dir.path().to_owned(), BARE).await?;
        bare.add(done, took);
        if let Some((done, took)) = rival.alone(LONE).await? {
            lone.add(done, took);
        }
        // Theirs comes first and last: the server must not win by the disk's good moment.
        let (done, took) = rival.slice(THEIRS).await?;
        theirs.add(done, took);
        if ours.took() >= wanted {
            break;
        }
        let before = subject.usage()?;
        let (done, took) = crew.slice(OURS.min(wanted)).await?;
        ours.add(done, took);
        if let Some((before, after)) = before.zip(subject.usage()?) {
            cpu = Some(cpu.unwrap_or_default() + after.cpu.saturating_sub(before.cpu));
        }
    }
    let mut copied = None;
    if let Some((done, took)) = rival.copy(COPYING).await? {
        copied.get_or_insert_with(Pace::default).add(done, took);
    }
    let batch = batches
        .zip(self::batches(subject).await?)
        .map(|((commands, times), (more, again))| ratio(more - commands, again - times));
    let (acks, failures) = crew.dismiss().await?;
    Ok(Case { senders, rooms, ours, acks, theirs, rival: rival.name(), bare, lone, copied, cpu, batch, failures })
}

/// Commands and transactions of the server's store so far, when its metrics tell.
async fn batches(subject: &Subject) -> anyhow::Result<Option<(f64, f64)>> {
    let commands = subject.metric("chat_store_batch_size_sum").await?;
    Ok(commands.zip(subject.metric("chat_store_batch_size_count").await?))
}

/// A directory on the disk of the store, as far as that is known.
fn beside(args: &cli::Durable, subject: &Subject) -> anyhow::Result<TempDir> {
    let given = || args.common.dir.clone().unwrap_or_else(std::env::temp_dir);
    let base: PathBuf = subject.nodes.first().map_or_else(given, |node| node.dir().to_owned());
    Ok(tempfile::Builder::new().prefix("chat-bench-").tempdir_in(base)?)
}

impl Case {
    fn figures(&self, report: &mut Report) {
        report.figure("senders", self.senders, "");
        report.figure("rooms", self.rooms, "");
        report.figure("acks", self.ours.done(), "");
        report.figure("acks_per_s", self.ours.rate(), "/s");
        report.figure("acks_per_s_slowest", self.ours.slowest(), "/s, slowest turn");
        report.figure("acks_per_s_fastest", self.ours.fastest(), "/s, fastest turn");
        report.latency("ack", self.acks);
        report.figure("syncs_per_s", self.bare.rate(), "/s, bare fdatasync loop");
        report.figure("compared_with", self.rival.clone(), "");
        report.figure("one_transaction_per_s", self.theirs.rate(), "/s");
        report.figure("one_transaction_per_s_slowest", self.theirs.slowest(), "/s, slowest turn");
        report.figure("one_transaction_per_s_fastest", self.theirs.fastest(), "/s, fastest turn");
        if self.lone.done() > 0 {
            report.figure("lone_inserts_per_s", self.lone.rate(), "/s, one connection that only inserts");
        }
        if let Some(copied) = &self.copied {
            report.figure("copy_per_s", copied.rate(), "rows/s by COPY");
            report.figure("acks_to_copy", ratio(self.ours.rate(), copied.rate()), "×");
        }
        report.figure("acks_to_syncs", ratio(self.ours.rate(), self.bare.rate()), "×");
        report.figure("acks_to_transactions", ratio(self.ours.rate(), self.theirs.rate()), "×");
        if let Some(batch) = self.batch {
            report.figure("commands_per_commit", batch, "");
        }
        if let Some(cpu) = self.cpu_per_ack() {
            report.figure("server_cpu_us_per_ack", cpu, "µs");
        }
    }

    fn judge(&self, report: &mut Report) {
        for failure in &self.failures {
            report.anomaly(format!("a sender stopped: {failure}"));
        }
        if self.ours.done() == 0 {
            report.anomaly("nothing was acknowledged");
        }
    }

    fn cpu_per_ack(&self) -> Option<f64> {
        Some(ratio(float(micros(self.cpu?)), float(self.ours.done())))
    }
}

fn table(cases: &[Case]) -> Table {
    let columns = [
        "senders",
        "rooms",
        "acks_per_s",
        "ack_p50_ms",
        "ack_p99_ms",
        "one_transaction_per_s",
        "slowest",
        "fastest",
        "copy_per_s",
        "acks_to_transactions",
        "acks_to_copy",
        "commands_per_commit",
        "server_cpu_us_per_ack",
    ];
    let mut table = Table::new("durable", &columns);
    for case in cases {
        let copied = case.copied.as_ref().map(Pace::rate);
        table.row(vec![
            case.senders.into(),
            case.rooms.into(),
            case.ours.rate().into(),
            case.acks.p50.into(),
            case.acks.p99.into(),
            case.theirs.rate().into(),
            case.theirs.slowest().into(),
            case.theirs.fastest().into(),
            copied.into(),
            ratio(case.ours.rate(), case.theirs.rate()).into(),
            copied.map(|copied| ratio(case.ours.rate(), copied)).into(),
            case.batch.into(),
            case.cpu_per_ack().into(),
        ]);
    }
    table
}
