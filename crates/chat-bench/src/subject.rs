//! The server under measurement: addresses, process and metrics, whether it was given or started here.

use anyhow::Context as _;

use crate::{
    cli::Common,
    http::{Ask, Http},
    process::{Usage, usage},
    spawn::Spawned,
    target::Target,
};

/// The server, or the nodes, of one run.
pub(crate) struct Subject {
    /// At least one.
    pub(crate) targets: Vec<Target>,
    /// The server this program started.
    pub(crate) spawned: Option<Spawned>,
    pids: Vec<u32>,
    metrics: Option<String>,
}

impl Subject {
    /// Finds the server, or starts it.
    ///
    /// # Errors
    /// When an address is wrong or the start fails.
    pub(crate) async fn open(common: &Common) -> anyhow::Result<Self> {
        if let Some(binary) = &common.spawn {
            let binary = std::path::absolute(binary)?;
            let spawned = Spawned::start(common, binary).await?;
            let targets = vec![Target::parse(spawned.http())?];
            return Ok(Self { targets, spawned: Some(spawned), pids: Vec::new(), metrics: None });
        }
        let targets = common.url.iter().map(|url| Target::parse(url)).collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(!targets.is_empty(), "--url names no server");
        Ok(Self { targets, spawned: None, pids: common.pid.clone(), metrics: common.metrics.clone() })
    }

    /// The node of the client with this number.
    pub(crate) fn target(&self, client: usize) -> anyhow::Result<Target> {
        self.targets.get(client % self.targets.len().max(1)).cloned().context("no server")
    }

    /// The server's processes, as far as they are known.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.spawned.as_ref().map_or_else(|| self.pids.clone(), |spawned| spawned.pid().into_iter().collect())
    }

    /// CPU and memory of all processes so far; `None` when none is known.
    ///
    /// # Errors
    /// When a process is known but gone.
    pub(crate) fn usage(&self) -> anyhow::Result<Option<Usage>> {
        let all = self.pids().into_iter().map(usage).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(all.into_iter().reduce(|a, b| Usage { cpu: a.cpu + b.cpu, rss_kib: a.rss_kib + b.rss_kib }))
    }

    /// The sum of a metric over all its labels; `None` when metrics are unknown or the metric is not there.
    ///
    /// # Errors
    /// When the metrics cannot be read.
    pub(crate) async fn metric(&self, name: &str) -> anyhow::Result<Option<f64>> {
        let given = self.metrics.as_deref();
        let Some(url) = self.spawned.as_ref().map_or(given, Spawned::metrics) else { return Ok(None) };
        let mut http = Http::new(Target::parse(url)?);
        let answer = http.ask(&Ask { method: "GET", path: "/metrics", token: None, body: None }).await?;
        anyhow::ensure!(answer.status == 200, "metrics answered {}", answer.status);
        Ok(sum(&String::from_utf8_lossy(&answer.body), name))
    }

    /// Ends the server, when it was started here.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        match self.spawned {
            Some(mut spawned) => spawned.kill().await,
            None => Ok(()),
        }
    }
}

/// The sum of all series of `name` in the Prometheus text format.
fn sum(text: &str, name: &str) -> Option<f64> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok())
        .reduce(|a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_over_labels() {
        let text =
            "# HELP q_total x\n# TYPE q_total counter\nq_total{op=\"a b\"} 3\nq_total{op=\"c\"} 4.5\nq_total_other 9\n";
        assert_eq!(sum(text, "q_total"), Some(7.5));
        assert_eq!(sum("q_total 2\n", "q_total"), Some(2.0));
        assert_eq!(sum(text, "r_total"), None);
    }
}
