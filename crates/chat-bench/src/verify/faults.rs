//! Many kills in quick succession, and a SIGTERM under load.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::time::{Instant, sleep, timeout};

use super::{evidence::Evidence, memory::Memory};
use crate::{
    figures::{Latencies, count, micros, now_us},
    report::Report,
    subject::Subject,
};

/// How long everybody may take to return after a kill before the next one is planned.
const RETURN: Duration = Duration::from_secs(30);

/// `drain.seconds` by default, and some grace: SIGTERM must have ended the server by then.
const DRAIN: Duration = Duration::from_secs(25);

/// What was done to the server, and what came of it.
pub(crate) struct Faults {
    evidence: Arc<Evidence>,
    memory: Option<Memory>,
    kills: u32,
    returns: Option<Latencies>,
    drained: Option<Drained>,
}

/// What SIGTERM did.
struct Drained {
    took: Duration,
    listening: usize,
    told: usize,
    complaints: Vec<String>,
}

impl Faults {
    /// Nothing yet; the server's memory is watched, when its process is known.
    pub(crate) fn new(subject: &Subject, evidence: Arc<Evidence>) -> Self {
        Self { evidence, memory: Memory::watch(subject), kills: 0, returns: None, drained: None }
    }

    /// The eye on the memory.
    pub(crate) fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// Kills the server, or one of its nodes, `times` times at random moments, and starts it again.
    ///
    /// # Errors
    /// When it cannot be started again.
    pub(crate) async fn kill_often(
        &mut self,
        subject: &mut Subject,
        times: u32,
        (from, to): (f64, f64),
        crew: usize,
    ) -> anyhow::Result<()> {
        let returns = Latencies::new()?;
        for _ in 0..times {
            sleep(Duration::from_secs_f64(rand::random_range(from..=to))).await;
            self.evidence.trouble();
            let spawned = subject.node(rand::random_range(0..subject.nodes.len().max(1)))?;
            spawned.kill().await?;
            let dead = Instant::now();
            spawned.restart().await.with_context(|| format!("after kill {}", self.kills + 1))?;
            self.kills += 1;
            self.follow(subject);
            // Most are back: the restless and the slow may be away at any moment.
            let enough = crew - crew / 10;
            let back = async {
                // The connections that died are noticed within moments; then the count can be believed.
                sleep(Duration::from_millis(50)).await;
                while self.evidence.connected() < enough {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            if timeout(RETURN, back).await.is_ok() {
                returns.record(0, &[micros(dead.elapsed())]);
            }
            self.evidence.calm();
        }
        self.returns = Some(returns);
        Ok(())
    }

    /// SIGTERM under load: everybody must hear `bye`, close 1012, and the server must end with 0 in time.
    ///
    /// # Errors
    /// When it cannot be signalled or started again.
    pub(crate) async fn terminate(&mut self, subject: &mut Subject) -> anyhow::Result<()> {
        // After kills everybody has to be back first.
        sleep(Duration::from_secs(2)).await;
        self.evidence.trouble();
        let listening = self.evidence.connected();
        let (from, start) = (now_us(), Instant::now());
        let spawned = subject.node(0)?;
        let mut complaints = Vec::new();
        match spawned.terminate(DRAIN).await {
            Ok(status) if status.success() => {}
            Ok(status) => complaints.push(format!("SIGTERM: the server ended with {status}")),
            Err(e) => complaints.push(format!("SIGTERM: {e:#}")),
        }
        let took = start.elapsed();
        // What is in the clients' sockets is still to be read.
        sleep(Duration::from_millis(500)).await;
        let ends: Vec<_> = self.evidence.ends(from, now_us()).into_iter().filter(|end| !end.slow).collect();
        let told = ends.iter().filter(|end| end.proper).count();
        if told == 0 && listening > 0 {
            complaints.push("SIGTERM: nobody heard a proper bye".into());
        }
        for end in ends.iter().filter(|end| !end.proper) {
            complaints.push(format!("SIGTERM: a client's connection ended without bye and 1012: {}", end.how));
        }
        spawned.restart().await.context("after SIGTERM")?;
        self.follow(subject);
        self.drained = Some(Drained { took, listening, told, complaints });
        Ok(())
    }

    fn follow(&self, subject: &Subject) {
        if let Some(memory) = &self.memory {
            memory.follow(subject);
        }
    }

    /// Adds it all to the report.
    pub(crate) fn tell(&self, report: &mut Report) {
        if let Some(returns) = &self.returns {
            report.figure("kills", self.kills, "");
            report.latency("all_back", returns.summary());
            if returns.summary().count < u64::from(self.kills) {
                report.anomaly("after a kill, not everybody came back within 30 s");
            }
        }
        if let Some(drained) = &self.drained {
            report.figure("sigterm_s", drained.took.as_secs_f64(), "s to the end");
            report.figure("sigterm_listening", count(drained.listening), "connections");
            report.figure("sigterm_told", count(drained.told), "heard bye, closed 1012");
            for complaint in &drained.complaints {
                report.anomaly(complaint);
            }
        }
        if let Some(memory) = &self.memory {
            memory.tell(report);
        }
    }
}
