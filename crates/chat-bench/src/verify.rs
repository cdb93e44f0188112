//! `verify`: faults on purpose, while everything that clients see is recorded and judged.
//!
//! This page is the plan of a run; `participant` is one client, `faults` quick kills and SIGTERM, `ordeal` the run under faults
//! of all kinds, `judge` the verdict.

mod evidence;
mod notes;
mod participant;
mod progress;
mod talk;

mod faults;
mod memory;

mod fault;
mod mischief;
mod ordeal;

mod table;
mod verdict;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    evidence::Evidence,
    fault::Plan,
    faults::Faults,
    mischief::{Mischief, is_there},
    ordeal::{Pace, endure},
    participant::{Participant, Record, Role},
    progress::Progress,
    talk::Talk,
};
use crate::{
    api::Api,
    cli,
    figures::{count, float},
    process,
    report::Report,
    stage::Stage,
    subject::Subject,
};

/// How long senders may take to have everything answered, and listeners to catch up.
const FINISH: Duration = Duration::from_secs(90);

/// The course of a run, as every participant sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Everybody comes in.
    Gathering,
    /// Senders send.
    Running,
    /// Nothing new; what is unanswered is repeated.
    Finishing,
    /// Listen until the cursors reach these heads, then go home.
    CatchingUp(Vec<u64>),
    /// Go home now.
    Over,
}

/// Runs `verify`.
///
/// # Errors
/// When it could not be run.
pub(crate) async fn run(mut args: cli::Verify) -> anyhow::Result<Report> {
    let seed = *args.fault_seed.get_or_insert_with(|| rand::random::<u32>().into());
    anyhow::ensure!(args.rate > 0.0 && args.senders > 0, "--rate and --senders must be above 0");
    let (from, to) = args.kill_range()?;
    let roles = crew(&args);
    process::allow_files(roles.len() + 100)?;
    let mut subject = Subject::open(&args.common).await?;
    let plan = plan(&args, seed, &subject)?;
    // As many seats as accounts: everybody is a member everywhere.
    let stage = Arc::new(Stage::build(&subject, args.common.accounts, args.rooms, args.common.accounts).await?);
    let evidence = Arc::new(Evidence::new(Progress::new(&roles, args.rooms))?);
    let (phase, watched) = watch::channel(Phase::Gathering);
    let mut tasks = JoinSet::new();
    for (n, (role, rooms)) in roles.iter().enumerate() {
        let participant = participant(&args, &subject, &stage, (n, *role, rooms), &evidence, &watched)?;
        tasks.spawn(participant.run());
    }
    evidence.wait_connected(roles.len()).await?;
    phase.send_replace(Phase::Running);
    let mut faults = Faults::new(&subject, Arc::clone(&evidence));
    evidence.calm();
    let mut bouts = Vec::new();
    if args.kills > 0 {
        faults.kill_often(&mut subject, args.kills, (from, to), roles.len()).await?;
    } else if let Some(mut plan) = plan {
        let mischief = Mischief { subject: &mut subject, evidence: &evidence, scale: args.fault_scale };
        let pace = Pace { every: Duration::from_secs_f64(args.fault_every), during: Duration::from_secs(args.seconds) };
        bouts = endure(mischief, &mut plan, pace, faults.memory()).await;
    } else {
        sleep(Duration::from_secs(args.seconds)).await;
    }
    if args.sigterm {
        faults.terminate(&mut subject).await?;
    }
    phase.send_replace(Phase::Finishing);
    let waiting = evidence.wait_answered(FINISH).await;
    let heads = heads(&subject, &stage).await?;
    phase.send_replace(Phase::CatchingUp(heads.clone()));
    let records = gather(tasks, &phase).await?;
    let (history, counts) = verdict::history(&subject, &stage, records, &heads).await?;
    let mut report = Report::new("verify");
    verdict::tell(&args, &mut report, &history, &counts);
    evidence.tell(&mut report);
    faults.tell(&mut report);
    if let Err(e) = waiting {
        report.anomaly(format!("{e:#}"));
    }
    verdict::pronounce(&mut report, &history, &bouts);
    subject.end().await?;
    Ok(report)
}

/// The faults of the run, if there are any.
fn plan(args: &cli::Verify, seed: u64, subject: &Subject) -> anyhow::Result<Option<Plan>> {
    if args.faults.is_empty() {
        return Ok(None);
    }
    anyhow::ensure!(
        args.fault_every > 0.0 && args.fault_scale > 0.0,
        "--fault-every and --fault-scale must be above 0"
    );
    let every = float(count(args.senders)) / args.rate;
    // The first success after a fault is looked for among everybody's next sends.
    anyhow::ensure!(
        every <= 1.0,
        "with --faults every sender must send once a second or more often, not every {every} s"
    );
    Ok(Some(Plan::read(&args.faults, seed, |victim| is_there(subject, victim))?))
}

/// Everybody's role, and the numbers of the rooms they listen to.
fn crew(args: &cli::Verify) -> Vec<(Role, Vec<usize>)> {
    let all = || (0..args.rooms).collect::<Vec<_>>();
    let senders = (0..args.senders).map(|n| (Role::Sender, vec![n % args.rooms.max(1)]));
    let others = [(Role::Listener, args.members), (Role::Slow, args.slow), (Role::Restless, args.restless)];
    let others = others.into_iter().flat_map(|(role, times)| std::iter::repeat_n(role, times));
    senders.chain(others.map(|role| (role, all()))).collect()
}

fn participant(
    args: &cli::Verify,
    subject: &Subject,
    stage: &Arc<Stage>,
    (n, role, rooms): (usize, Role, &[usize]),
    evidence: &Arc<Evidence>,
    phase: &watch::Receiver<Phase>,
) -> anyhow::Result<Participant> {
    let (name, talk) = match role {
        Role::Sender => (format!("sender {n}"), Some(Talk::new(args, &stage.run, n, n % args.rooms))),
        Role::Listener => (format!("member {n}"), None),
        Role::Slow => (format!("slow {n}"), None),
        Role::Restless => (format!("restless {n}"), None),
    };
    Participant::new(
        (n, name),
        role,
        stage,
        rooms,
        (subject.targets.clone(), stage.account(0, n)?),
        talk,
        Arc::clone(evidence),
        phase.clone(),
    )
}

/// The heads of the run's rooms, asked through the first paint.
async fn heads(subject: &Subject, stage: &Stage) -> anyhow::Result<Vec<u64>> {
    let token = stage.owner()?.access().await?;
    let all = Api::new(subject.target(0)?).heads(&token).await?;
    let find = |id: &str| all.iter().find(|(room, _)| room == id).map(|(_, head)| *head);
    stage.rooms.iter().map(|room| find(&room.id).context("GET /sync does not list a room of the run")).collect()
}

async fn gather(
    mut tasks: JoinSet<anyhow::Result<Record>>,
    phase: &watch::Sender<Phase>,
) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    let until = Instant::now() + FINISH;
    while !tasks.is_empty() {
        tokio::select! {
            done = tasks.join_next() => if let Some(done) = done { records.push(done??) },
            () = tokio::time::sleep_until(until) => break,
        }
    }
    phase.send_replace(Phase::Over);
    while let Some(done) = tasks.join_next().await {
        records.push(done??);
    }
    Ok(records)
}
