//! `storm`: everybody drops at once, misses messages, and comes back with a cursor.
//!
//! With several nodes started here, everybody is on the first one, which is killed: all come back on the others, which have
//! never heard of them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    api::Api,
    cli,
    client::Client,
    crowd::{Crowd, listen},
    ears::{Answer, Seen, Sink, Tally},
    figures::{Latencies, count, float, micros, ratio},
    process,
    report::Report,
    stage::Stage,
    subject::Subject,
    target::Target,
    text,
};

/// The metric that counts queries, whatever its labels.
const QUERIES: &str = "chat_store_queries_total";

/// After all dropped, so that the server has noticed.
const SETTLE: Duration = Duration::from_secs(2);

/// The course of a storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Everybody is connected.
    Up,
    /// Nobody is.
    Down,
    /// Everybody comes back, since this moment.
    Back(Instant),
    /// Go home.
    Done,
}

/// Counts the messages a client applied.
#[derive(Default)]
struct Applied(u64);

impl Sink for Applied {
    fn message(&mut self, _seen: Seen<'_>) {
        self.0 += 1;
    }
    fn answer(&mut self, _id: u32, _answer: Answer) {}
}

/// What the clients of a storm share.
struct Weather {
    /// The node of all dies: their connections end by themselves.
    deadly: bool,
    crowd: Arc<Crowd>,
    back: Arc<Crowd>,
    resumed: Latencies,
}

/// Runs `storm`.
///
/// # Errors
/// When it could not be run.
pub(crate) async fn run(args: cli::Storm) -> anyhow::Result<Report> {
    process::allow_files(args.sockets + 100)?;
    let mut subject = Subject::open(&args.common).await?;
    let deadly = subject.nodes.len() > 1;
    let seats = args.sockets.div_ceil(args.rooms.max(1));
    let stage = Stage::build(&subject, args.common.accounts, args.rooms, seats).await?;
    let connecting = args.common.connecting;
    let (crowd, back) = (Crowd::new(connecting), Crowd::new(connecting));
    let weather = Arc::new(Weather { deadly, crowd, back, resumed: Latencies::new()? });
    let (phase, watched) = watch::channel(Phase::Up);
    let mut tasks = JoinSet::new();
    for n in 0..args.sockets {
        let mut client = stage.client(&subject, n % args.rooms, n / args.rooms)?;
        let mut refuge = client.target.clone();
        if deadly {
            client.target = subject.target(0)?;
            refuge = subject.target(1 + n % (subject.nodes.len() - 1))?;
        }
        tasks.spawn(sail(n, client, refuge, Arc::clone(&weather), watched.clone()));
    }
    weather.crowd.wait(args.sockets).await?;
    sleep(SETTLE).await;
    if deadly {
        subject.node(0)?.kill().await?;
    }
    phase.send_replace(Phase::Down);
    post(&args, &subject, &stage).await?;
    sleep(SETTLE).await;
    let queries = subject.metric(QUERIES).await?;
    let before = subject.usage()?;
    let start = Instant::now();
    phase.send_replace(Phase::Back(start));
    weather.back.wait(args.sockets).await?;
    let took = start.elapsed();
    let after = subject.usage()?;
    let queries = subject.metric(QUERIES).await?.zip(queries).map(|(after, before)| after - before);
    phase.send_replace(Phase::Done);
    let (mut applied, mut tally) = (0, Tally::default());
    while let Some(done) = tasks.join_next().await {
        let (one, its) = done??;
        applied += one;
        tally.batches += its.batches;
        tally.resets += its.resets;
        tally.gaps += its.gaps;
    }
    let cpu = before.zip(after).map(|(before, after)| after.cpu.saturating_sub(before.cpu));
    let report = tell(&args, &weather, took, queries, cpu, (applied, tally));
    subject.end().await?;
    Ok(report)
}

async fn sail(
    n: usize,
    mut client: Client,
    refuge: Target,
    weather: Arc<Weather>,
    mut phase: watch::Receiver<Phase>,
) -> anyhow::Result<(u64, Tally)> {
    let mut applied = Applied::default();
    weather.crowd.arrive(&mut client, &mut applied).await?;
    if let Err(lost) = listen(&mut client, &mut applied, &mut phase, Phase::Up).await {
        // Whom a dying node loses is what this is about.
        if !weather.deadly {
            weather.crowd.trouble(&lost);
        }
    }
    client.disconnect();
    client.target = refuge;
    let start = loop {
        if let Phase::Back(start) = *phase.borrow_and_update() {
            break start;
        }
        phase.changed().await?;
    };
    weather.back.arrive(&mut client, &mut applied).await?;
    weather.resumed.record(n, &[micros(start.elapsed())]);
    if let Err(lost) = listen(&mut client, &mut applied, &mut phase, Phase::Back(start)).await {
        weather.back.trouble(&lost);
    }
    Ok((applied.0, client.ears.tally))
}

/// Posts what everybody misses.
async fn post(args: &cli::Storm, subject: &Subject, stage: &Stage) -> anyhow::Result<()> {
    let mut api = Api::new(subject.target(subject.targets.len() - 1)?);
    for room in &stage.rooms {
        for n in 0..args.missed {
            let nonce = text::nonce(&stage.run, 0, u32::try_from(n)?);
            let token = stage.owner()?.access().await?;
            api.post(&token, &room.id, &nonce, &text::text(&nonce, 100)).await?;
        }
    }
    Ok(())
}

fn tell(
    args: &cli::Storm,
    weather: &Weather,
    took: Duration,
    queries: Option<f64>,
    cpu: Option<Duration>,
    (applied, tally): (u64, Tally),
) -> Report {
    let mut report = Report::new("storm");
    let clients = float(count(args.sockets));
    report.figure("sockets", args.sockets, "");
    report.figure("rooms", args.rooms, "");
    report.figure("node_killed", weather.deadly, "");
    report.figure("missed", args.missed, "messages a room");
    report.figure("all_back_s", took.as_secs_f64(), "s");
    report.latency("back", weather.resumed.summary());
    report.figure("batches", tally.batches, "");
    report.figure("resets", tally.resets, "");
    report.figure("gaps", tally.gaps, "");
    if let Some(queries) = queries {
        report.figure("store_queries", queries, "");
        report.figure("store_queries_per_client", ratio(queries, clients), "");
    }
    if let Some(cpu) = cpu {
        report.figure("server_cpu_us_per_client", ratio(float(micros(cpu)), clients), "µs");
    }
    let (troubles, told) = weather.back.troubles();
    report.figure("errors", troubles, "");
    if troubles > 0 {
        report.anomaly(format!("{troubles} connections failed or ended, such as: {told:?}"));
    }
    let (troubles, told) = weather.crowd.troubles();
    if troubles > 0 {
        report.anomaly(format!("{troubles} connections failed or ended before the storm, such as: {told:?}"));
    }
    let expected = count(args.sockets) * count(args.missed);
    if applied != expected {
        report.anomaly(format!("{applied} missed messages were applied instead of {expected}"));
    }
    report
}
