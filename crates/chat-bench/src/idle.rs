//! `idle`: what a socket costs that is authenticated, subscribed, and silent.

use std::time::Duration;

use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::{
    cli,
    client::Deaf,
    crowd::{Crowd, listen},
    figures::{count, float, ratio},
    process,
    report::Report,
    stage::Stage,
    subject::Subject,
};

/// Before each look at the memory.
const SETTLE: Duration = Duration::from_secs(3);

/// Runs `idle`.
///
/// # Errors
/// When it could not be run, or the server's process is unknown.
pub(crate) async fn run(args: cli::Idle) -> anyhow::Result<Report> {
    process::allow_files(args.sockets + 100)?;
    let subject = Subject::open(&args.common).await?;
    anyhow::ensure!(!subject.pids().is_empty(), "idle needs --pid or --spawn: it measures the memory of the server");
    let stage = Stage::build(&subject, args.common.accounts, 1, args.sockets).await?;
    sleep(SETTLE).await;
    let before = subject.usage()?.unwrap_or_default();
    let crowd = Crowd::new(args.common.connecting);
    let (stop, phase) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for seat in 0..args.sockets {
        let mut client = stage.client(&subject, 0, seat)?;
        let (crowd, mut phase) = (std::sync::Arc::clone(&crowd), phase.clone());
        tasks.spawn(async move {
            crowd.arrive(&mut client, &mut Deaf).await?;
            if let Err(lost) = listen(&mut client, &mut Deaf, &mut phase, false).await {
                crowd.trouble(&lost);
            }
            anyhow::Ok(())
        });
    }
    crowd.wait(args.sockets).await?;
    sleep(SETTLE).await;
    let after = subject.usage()?.unwrap_or_default();
    stop.send_replace(true);
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let mut report = Report::new("idle");
    report.figure("sockets", args.sockets, "");
    report.figure("rss_before_kib", before.rss_kib, "KiB");
    report.figure("rss_after_kib", after.rss_kib, "KiB");
    let grown = after.rss_kib.saturating_sub(before.rss_kib);
    report.figure("rss_per_socket_kib", ratio(float(grown), float(count(args.sockets))), "KiB");
    let (troubles, told) = crowd.troubles();
    if troubles > 0 {
        report.anomaly(format!("{troubles} connections failed or ended, such as: {told:?}"));
    }
    subject.end().await?;
    Ok(report)
}
