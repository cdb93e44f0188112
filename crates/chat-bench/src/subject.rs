//! The server under measurement: addresses, process and metrics, whether it was given or started here.

use anyhow::Context as _;

use crate::{
    cli::Common,
    cluster::{Backing, Wish},
    http::{Ask, Http},
    process::{Usage, usage},
    spawn::Spawned,
    target::Target,
};

/// The server, or the nodes, of one run.
pub(crate) struct Subject {
    /// At least one.
    pub(crate) targets: Vec<Target>,
    /// The nodes this program started, in the order of the targets; none when the server was given.
    pub(crate) nodes: Vec<Spawned>,
    /// What the nodes of a cluster stand on; dropped after them.
    pub(crate) backing: Option<Backing>,
    pids: Vec<u32>,
    metrics: Option<String>,
}

impl Subject {
    /// Finds the server, or starts it.
    ///
    /// # Errors
    /// When an address is wrong or the start fails.
    pub(crate) async fn open(common: &Common) -> anyhow::Result<Self> {
        Self::open_with(common, false).await
    }

    /// As [`Subject::open`]; a PostgreSQL started here waits for the disk if `durable`. An embedded store always does.
    ///
    /// # Errors
    /// As [`Subject::open`].
    pub(crate) async fn open_with(common: &Common, durable: bool) -> anyhow::Result<Self> {
        if let Some(binary) = &common.spawn {
            let binary = std::path::absolute(binary)?;
            let count = common.cluster.unwrap_or(1);
            anyhow::ensure!(count > 0, "--cluster needs at least one node");
            let mut backing = None;
            if common.cluster.is_some() {
                let (redis, parent) = (!common.without_redis, common.dir.clone());
                backing = Some(Backing::start(Wish { nodes: count, redis, durable, parent }).await?);
            }
            let mut nodes = Vec::with_capacity(count);
            // One after the other: the first one migrates the store.
            for n in 0..count {
                let particular = backing.as_ref().map_or_else(|| Ok(Vec::new()), |backing| backing.settings(n))?;
                let node = Spawned::start(common, binary.clone(), particular).await;
                nodes.push(node.with_context(|| format!("node {}", n + 1))?);
            }
            let targets = nodes.iter().map(|node| Target::parse(node.http())).collect::<anyhow::Result<Vec<_>>>()?;
            return Ok(Self { targets, nodes, backing, pids: Vec::new(), metrics: None });
        }
        let targets = common.url.iter().map(|url| Target::parse(url)).collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(!targets.is_empty(), "--url names no server");
        let (pids, metrics) = (common.pid.clone(), common.metrics.clone());
        Ok(Self { targets, nodes: Vec::new(), backing: None, pids, metrics })
    }

    /// The node of the client with this number.
    pub(crate) fn target(&self, client: usize) -> anyhow::Result<Target> {
        self.targets.get(client % self.targets.len().max(1)).cloned().context("no server")
    }

    /// A node that was started here.
    ///
    /// # Errors
    /// When there is none of this number.
    pub(crate) fn node(&mut self, n: usize) -> anyhow::Result<&mut Spawned> {
        self.nodes.get_mut(n).context("only a server started here can be ended")
    }

    /// The server's processes, as far as they are known and live.
    pub(crate) fn pids(&self) -> Vec<u32> {
        if self.nodes.is_empty() { self.pids.clone() } else { self.nodes.iter().filter_map(Spawned::pid).collect() }
    }

    /// CPU and memory of all processes so far; `None` when none is known.
    ///
    /// # Errors
    /// When a process is known but gone.
    pub(crate) fn usage(&self) -> anyhow::Result<Option<Usage>> {
        let all = self.pids().into_iter().map(usage).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(all.into_iter().reduce(|a, b| Usage { cpu: a.cpu + b.cpu, rss_kib: a.rss_kib + b.rss_kib }))
    }

    /// The sum of a metric over all its labels and all nodes that live; `None` when metrics are unknown or the metric is
    /// not there.
    ///
    /// # Errors
    /// When the metrics cannot be read.
    pub(crate) async fn metric(&self, name: &str) -> anyhow::Result<Option<f64>> {
        let living = self.nodes.iter().filter(|node| node.pid().is_some());
        let mut found: Option<f64> = None;
        for url in living.filter_map(Spawned::metrics).chain(self.metrics.as_deref()) {
            let mut http = Http::new(Target::parse(url)?);
            let answer = http.ask(&Ask { method: "GET", path: "/metrics", token: None, body: None }).await?;
            anyhow::ensure!(answer.status == 200, "metrics answered {}", answer.status);
            if let Some(value) = sum(&String::from_utf8_lossy(&answer.body), name) {
                found = Some(found.unwrap_or(0.0) + value);
            }
        }
        Ok(found)
    }

    /// Ends the server, when it was started here.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        for mut node in self.nodes {
            node.kill().await?;
        }
        // Ending PostgreSQL blocks for a moment.
        tokio::task::spawn_blocking(move || drop(self.backing)).await?;
        Ok(())
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
