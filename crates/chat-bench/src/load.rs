//! `load`: fan-out at a rate or at saturation, every delivery counted, in order, without gap.

mod member;
mod meter;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    member::{Member, Outcome, Speech},
    meter::Meters,
};
use crate::{
    cli,
    crowd::Crowd,
    figures::{count, float, micros, per_second, ratio},
    limits, process,
    report::Report,
    stage::Stage,
    subject::Subject,
};

/// Between the last arrival and the first message.
const SETTLE: Duration = Duration::from_secs(1);

/// How long deliveries may take after the last send.
const DRAIN: Duration = Duration::from_secs(60);

/// The course of a run, as every member sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Everybody comes in.
    Arriving,
    /// Senders send.
    Sending,
    /// Nobody sends; what is under way arrives.
    Draining,
    /// Go home.
    Done,
}

/// Runs `load`.
///
/// # Errors
/// When it could not be run.
pub(crate) async fn run(args: cli::Load) -> anyhow::Result<Report> {
    let sockets = args.rooms.saturating_mul(args.members);
    anyhow::ensure!(args.senders >= 1 && args.senders <= args.members, "--senders must be 1 to --members");
    anyhow::ensure!(args.window.is_some() || args.rate > 0.0, "--rate must be above 0");
    process::allow_files(sockets + 100)?;
    let subject = Subject::open(&args.common).await?;
    let stage = Stage::build(&subject, args.common.accounts, args.rooms, args.members).await?;
    let meters = Arc::new(Meters::new(&args, subject.targets.len())?);
    let crowd = Crowd::new(args.common.connecting);
    let (phase, watched) = watch::channel(Phase::Arriving);
    let mut tasks = JoinSet::new();
    for n in 0..sockets {
        let (room, seat) = (n / args.members, n % args.members);
        let member = Member {
            number: n,
            room,
            client: stage.client(&subject, room, seat)?,
            speech: (seat < args.senders).then(|| Speech::new(&args, &stage.run, n)),
            meters: Arc::clone(&meters),
            crowd: Arc::clone(&crowd),
            phase: watched.clone(),
        };
        tasks.spawn(member.run());
    }
    crowd.wait(sockets).await?;
    sleep(SETTLE).await;
    let measured = measure(&args, &subject, &meters, &phase).await?;
    phase.send_replace(Phase::Done);
    let mut outcomes = Vec::with_capacity(sockets);
    while let Some(done) = tasks.join_next().await {
        outcomes.push(done??);
    }
    let report = tell(&args, &meters, &measured, &outcomes, &crowd).await?;
    subject.end().await?;
    Ok(report)
}

/// The figures of the part that counts.
struct Measured {
    sending: Duration,
    total: Duration,
    server_cpu: Option<Duration>,
    server_rss_kib: Option<u64>,
    own_cpu: Duration,
}

async fn measure(
    args: &cli::Load,
    subject: &Subject,
    meters: &Meters,
    phase: &watch::Sender<Phase>,
) -> anyhow::Result<Measured> {
    let own = process::usage(std::process::id())?;
    let before = subject.usage()?;
    let start = Instant::now();
    phase.send_replace(Phase::Sending);
    sleep(Duration::from_secs(args.seconds)).await;
    phase.send_replace(Phase::Draining);
    let sending = start.elapsed();
    let until = Instant::now() + DRAIN;
    while !meters.is_drained() && Instant::now() < until {
        sleep(Duration::from_millis(2)).await;
    }
    let total = start.elapsed();
    let after = subject.usage()?;
    let server_cpu = before.zip(after).map(|(before, after)| after.cpu.saturating_sub(before.cpu));
    Ok(Measured {
        sending,
        total,
        server_cpu,
        server_rss_kib: after.map(|usage| usage.rss_kib),
        own_cpu: process::usage(std::process::id())?.cpu.saturating_sub(own.cpu),
    })
}

async fn tell(
    args: &cli::Load,
    meters: &Meters,
    measured: &Measured,
    outcomes: &[Outcome],
    crowd: &Crowd,
) -> anyhow::Result<Report> {
    let mut report = Report::new("load");
    let (acked, delivered) = (meters.acked(), meters.delivered());
    let expected = acked * count(args.members);
    report.figure("rooms", args.rooms, "");
    report.figure("members", args.members, "a room");
    report.figure("sending_s", measured.sending.as_secs_f64(), "s");
    report.figure("acknowledged", acked, "messages");
    report.figure("messages_per_s", per_second(acked, measured.sending), "/s");
    report.figure("deliveries", delivered, "");
    report.figure("deliveries_per_s", per_second(delivered, measured.total), "/s");
    report.latency("send_to_delivery", meters.latencies.summary());
    if meters.nodes > 1 {
        report.figure("nodes", meters.nodes, "");
        report.latency("between_nodes", meters.between.summary());
    }
    let each = |cpu: Duration| ratio(float(micros(cpu)), float(delivered));
    if let Some(cpu) = measured.server_cpu {
        report.figure("server_cpu_us_per_delivery", each(cpu), "µs");
        report.figure("server_cores", ratio(cpu.as_secs_f64(), measured.total.as_secs_f64()), "");
    }
    if let Some(rss) = measured.server_rss_kib {
        report.figure("server_rss_kib", rss, "KiB");
    }
    report.figure("client_cpu_us_per_delivery", each(measured.own_cpu), "µs");
    let bare = tokio::task::spawn_blocking(move || limits::bare_sends(meters_frame(100))).await?;
    report.figure("bare_send_us", bare.context("the bare send loop")?, "µs a send, one frame each");
    let sum = |f: fn(&Outcome) -> u64| outcomes.iter().map(f).sum::<u64>();
    let gaps = sum(|o| o.tally.gaps);
    report.figure("batches", sum(|o| o.tally.batches), "");
    report.figure("resets", sum(|o| o.tally.resets), "");
    report.figure("gaps", gaps, "");
    report.figure("lost_connections", sum(|o| o.lost), "");
    report.figure("held_back", meters.held_back(), "sends delayed by 32 in flight");
    if gaps > 0 {
        report.anomaly(format!("{gaps} gaps seen by clients"));
    }
    if delivered != expected {
        report.anomaly(format!("{delivered} deliveries instead of {expected} ({acked} × {})", args.members));
    }
    if acked == 0 {
        report.anomaly("no message was acknowledged");
    }
    for (code, times) in meters.refusals() {
        report.anomaly(format!("{times} sends refused: {code}"));
    }
    let (troubles, told) = crowd.troubles();
    if troubles > 0 {
        report.anomaly(format!("{troubles} connections failed or ended, such as: {told:?}"));
    }
    Ok(report)
}

/// The size of a delivery of a text of `bytes`, for the bare send loop: the members around it are about 300 bytes.
fn meters_frame(bytes: usize) -> usize {
    bytes + 300
}
