//! `durable`: senders that wait for each acknowledgement, beside what the disk and the simplest store allow.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    cli,
    client::{Client, Lost},
    crowd::Crowd,
    ears::{Answer, Seen, Sink},
    figures::{Latencies, float, micros, per_second, ratio},
    limits, process,
    report::Report,
    stage::Stage,
    subject::Subject,
    text,
};

/// How long each limit is measured.
const LIMIT: Duration = Duration::from_secs(2);

/// How long one acknowledgement may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Holds the answer to the one request under way.
#[derive(Default)]
struct Last(Option<(u32, Answer)>);

impl Sink for Last {
    fn message(&mut self, _seen: Seen<'_>) {}
    fn answer(&mut self, id: u32, answer: Answer) {
        self.0 = Some((id, answer));
    }
}

/// Runs `durable`.
///
/// # Errors
/// When it could not be run.
pub(crate) async fn run(args: cli::Durable) -> anyhow::Result<Report> {
    anyhow::ensure!(args.senders > 0 && args.rooms > 0, "--senders and --rooms must be at least 1");
    process::allow_files(args.senders + 100)?;
    let subject = Subject::open(&args.common).await?;
    let limits = measure_limits(&args, &subject).await?;
    let stage = Stage::build(&subject, args.common.accounts, args.rooms, args.senders.div_ceil(args.rooms)).await?;
    let (crowd, acks) = (Crowd::new(args.common.connecting), Arc::new(Latencies::new()?));
    let mut clients = Vec::with_capacity(args.senders);
    for n in 0..args.senders {
        let mut client = stage.client(&subject, n % args.rooms, n / args.rooms)?;
        // A send needs membership, not a subscription: nothing but acknowledgements is delivered here.
        let room = client.ears.rooms.pop().map(|room| room.id).unwrap_or_default();
        crowd.arrive(&mut client, &mut Last::default()).await?;
        clients.push((client, room));
    }
    let before = subject.usage()?;
    let start = Instant::now();
    let until = start + Duration::from_secs(args.seconds);
    let mut tasks = JoinSet::new();
    for (n, (client, room)) in clients.into_iter().enumerate() {
        tasks.spawn(send(n, client, room, stage.run.clone(), args.bytes, until, Arc::clone(&acks)));
    }
    let mut failures = Vec::new();
    while let Some(done) = tasks.join_next().await {
        failures.extend(done?);
    }
    let took = start.elapsed();
    let cpu = before.zip(subject.usage()?).map(|(before, after)| after.cpu.saturating_sub(before.cpu));
    let report = tell(&args, &acks, took, limits, cpu, &failures);
    subject.end().await?;
    Ok(report)
}

/// Synced writes and single inserts per second, where the store is (or would be).
async fn measure_limits(args: &cli::Durable, subject: &Subject) -> anyhow::Result<(f64, f64)> {
    let base = match &subject.spawned {
        Some(spawned) => spawned.dir().to_owned(),
        None => args.common.dir.clone().unwrap_or_else(std::env::temp_dir),
    };
    let dir = tempfile::Builder::new().prefix("chat-bench-").tempdir_in(base)?;
    tokio::task::spawn_blocking(move || {
        let syncs = limits::syncs_per_second(dir.path(), LIMIT)?;
        Ok((syncs, limits::one_insert_per_message(dir.path(), LIMIT)?))
    })
    .await?
}

/// Sends one after the other until the time is over; returns what went wrong.
async fn send(
    sender: usize,
    mut client: Client,
    room: String,
    run: String,
    bytes: usize,
    until: Instant,
    acks: Arc<Latencies>,
) -> Option<String> {
    let mut n = 0;
    while Instant::now() < until {
        n += 1;
        let nonce = text::nonce(&run, sender, n);
        let start = Instant::now();
        match timeout(PATIENCE, one(&mut client, &room, &nonce, &text::text(&nonce, bytes))).await {
            Ok(Ok(Answer::Ok(_))) => acks.record(sender, &[micros(start.elapsed())]),
            Ok(Ok(Answer::Error { code, .. })) => return Some(format!("refused: {code}")),
            Ok(Err(lost)) => return Some(lost.to_string()),
            Err(_) => return Some(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
    None
}

async fn one(client: &mut Client, room: &str, nonce: &str, text: &str) -> Result<Answer, Lost> {
    let id = client.send(room, nonce, text).await?;
    let mut last = Last::default();
    loop {
        client.ready().await?;
        client.pump(&mut last).await?;
        match last.0.take() {
            Some((answered, answer)) if answered == id => return Ok(answer),
            Some(_) | None => {}
        }
    }
}

fn tell(
    args: &cli::Durable,
    acks: &Latencies,
    took: Duration,
    (syncs, inserts): (f64, f64),
    cpu: Option<Duration>,
    failures: &[String],
) -> Report {
    let mut report = Report::new("durable");
    let summary = acks.summary();
    let rate = per_second(summary.count, took);
    report.figure("senders", args.senders, "");
    report.figure("rooms", args.rooms, "");
    report.figure("acks", summary.count, "");
    report.figure("acks_per_s", rate, "/s");
    report.latency("ack", summary);
    report.figure("syncs_per_s", syncs, "/s, bare fdatasync loop");
    report.figure("one_insert_per_s", inserts, "/s, SQLite, one transaction a message");
    report.figure("acks_to_syncs", ratio(rate, syncs), "×");
    report.figure("acks_to_inserts", ratio(rate, inserts), "×");
    if let Some(cpu) = cpu {
        report.figure("server_cpu_us_per_ack", ratio(float(micros(cpu)), float(summary.count)), "µs");
    }
    for failure in failures {
        report.anomaly(format!("a sender stopped: {failure}"));
    }
    if summary.count == 0 {
        report.anomaly("nothing was acknowledged");
    }
    report
}
