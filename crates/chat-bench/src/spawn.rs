//! A chat-server started for one run: embedded store in a private directory or a node of a cluster, free ports, weak hashes.
//!
//! It can be killed, stopped in its tracks, asked to end, and started again with the same data on the same port.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{api::Api, cli::Common, target::Target};

/// Where its stderr goes, in its directory.
const LOG: &str = "stderr.log";

/// Between two looks whether it is ready.
const LOOK: Duration = Duration::from_millis(20);

/// How long a start may take.
const START: Duration = Duration::from_secs(60);

/// A running server that belongs to this program.
pub(crate) struct Spawned {
    binary: PathBuf,
    dir: TempDir,
    settings: Vec<(String, String)>,
    child: Child,
    http: String,
    metrics: Option<String>,
}

impl Spawned {
    /// Starts the server and waits until it is ready. `particular` are settings that win over ours, those of the command
    /// line win over both.
    ///
    /// # Errors
    /// When it ends, or is not ready within a minute; its last words are in the message.
    pub(crate) async fn start(
        common: &Common,
        binary: PathBuf,
        particular: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let base = common.dir.clone().unwrap_or_else(std::env::temp_dir);
        let dir = tempfile::Builder::new().prefix("chat-bench-").tempdir_in(base)?;
        let mut settings: Vec<(String, String)> = [
            ("CHAT_HTTP__LISTEN", "127.0.0.1:0"),
            ("CHAT_METRICS__LISTEN", "127.0.0.1:0"),
            ("CHAT_LIMITS__ENABLED", "false"),
            ("CHAT_AUTH__BCRYPT_COST", "4"),
            ("CHAT_AUTH__ALLOW_WEAK_HASH", "true"),
            ("CHAT_LOG__LEVEL", "warn"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        settings.push(("CHAT_STORE__URL".into(), format!("sqlite:{}", dir.path().join("chat.db").display())));
        settings.extend(particular);
        for setting in &common.settings {
            let (name, value) = setting.split_once('=').context("--set wants NAME=VALUE")?;
            settings.push((name.to_owned(), value.to_owned()));
        }
        let (child, http, metrics) = launch(&binary, &dir, &settings).await?.ready().await?;
        Ok(Self { binary, dir, settings, child, http, metrics })
    }

    /// The address of its REST interface.
    pub(crate) fn http(&self) -> &str {
        &self.http
    }

    /// The address of its metrics.
    pub(crate) fn metrics(&self) -> Option<&str> {
        self.metrics.as_deref()
    }

    /// Its process; `None` when it has ended.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where its data lies.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Kills it, as a power cut of the process would.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        if self.is_alive()? {
            self.child.kill().await?;
        }
        Ok(())
    }

    /// Starts it again on the same port with the same data.
    ///
    /// # Errors
    /// As [`Spawned::start`].
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        let launched = launch(&self.binary, &self.dir, &self.again(&[])?).await?;
        (self.child, self.http, self.metrics) = launched.ready().await?;
        Ok(())
    }

    /// Starts it again with these settings beside its own, says when it is ready, and waits until it dies of them.
    ///
    /// # Errors
    /// When it still lives after `limit`; it is then killed.
    pub(crate) async fn restart_to_die(
        &mut self,
        settings: &[(&str, String)],
        limit: Duration,
        ready: impl FnOnce(),
    ) -> anyhow::Result<ExitStatus> {
        let mut launched = launch(&self.binary, &self.dir, &self.again(settings)?).await?;
        if let Some(stdout) = launched.child.stdout.take() {
            read_on(BufReader::new(stdout).lines());
        }
        self.child = launched.child;
        let until = Instant::now() + limit;
        let mut api = Api::new(Target::parse(&self.http)?);
        // It may be dead before it says that it is ready.
        while self.is_alive()? && !api.ready().await && Instant::now() < until {
            sleep(LOOK).await;
        }
        ready();
        match timeout_at(until, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => {
                self.child.kill().await?;
                bail!("still alive after {} s", limit.as_secs())
            }
        }
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub(crate) fn is_alive(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// The last lines of its log.
    pub(crate) fn last_words(&self) -> String {
        last_words(&self.dir.path().join(LOG))
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(kill_process(pid.context("the server has ended already")?, signal)?)
    }

    fn again(&self, more: &[(&str, String)]) -> anyhow::Result<Vec<(String, String)>> {
        let address = Target::parse(&self.http)?.authority().to_owned();
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let settings = self.settings.iter().cloned().chain([("CHAT_HTTP__LISTEN".into(), address)]);
        Ok(settings.chain(more).collect())
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// When it has not ended within `limit`; it is then killed.
    pub(crate) async fn terminate(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        match timeout(limit, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => {
                self.child.kill().await?;
                bail!("still running {} s after SIGTERM", limit.as_secs())
            }
        }
    }
}

/// A process that may not be ready yet.
struct Launched {
    child: Child,
    log: PathBuf,
}

async fn launch(binary: &Path, dir: &TempDir, settings: &[(String, String)]) -> anyhow::Result<Launched> {
    let log = dir.path().join(LOG);
    let child = Command::new(binary)
        .arg("serve")
        .current_dir(dir.path())
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::options().create(true).append(true).open(&log)?)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    Ok(Launched { child, log })
}

impl Launched {
    /// Waits until the server is ready; answers it with its addresses, of REST and of metrics.
    async fn ready(mut self) -> anyhow::Result<(Child, String, Option<String>)> {
        let stdout = self.child.stdout.take().context("no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let found = timeout(START, addresses(&mut lines)).await;
        let mut found = match found {
            Ok(Ok(found)) => found.into_iter(),
            Ok(Err(e)) => bail!("{e:#}; its last words: {}", last_words(&self.log)),
            Err(_) => bail!("the server printed no address within a minute: {}", last_words(&self.log)),
        };
        read_on(lines);
        let http = found.next().context("no address")?;
        let mut api = Api::new(Target::parse(&http)?);
        let until = Instant::now() + START;
        while !api.ready().await {
            let ended = self.child.try_wait()?;
            anyhow::ensure!(ended.is_none(), "the server ended at its start: {}", last_words(&self.log));
            anyhow::ensure!(Instant::now() < until, "not ready within a minute: {}", last_words(&self.log));
            sleep(LOOK).await;
        }
        Ok((self.child, http, found.next()))
    }
}

/// A server's log may go to stdout too: somebody has to read it.
fn read_on(mut lines: Lines<BufReader<ChildStdout>>) {
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}

/// The addresses in the first line that holds one and is no log record.
async fn addresses(lines: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<Vec<String>> {
    while let Some(line) = lines.next_line().await? {
        let found = urls(&line);
        if !line.trim_start().starts_with('{') && !found.is_empty() {
            return Ok(found);
        }
    }
    bail!("the server ended at its start")
}

/// Every `http://host:port` in a line.
fn urls(line: &str) -> Vec<String> {
    let end =
        |rest: &str| rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".:-[]".contains(c))).unwrap_or(rest.len());
    line.split("http://")
        .skip(1)
        .filter_map(|rest| rest.get(..end(rest)))
        .map(|authority| format!("http://{}", authority.trim_end_matches(['.', ':'])))
        .collect()
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_any_wording() {
        assert_eq!(
            urls("listening on http://127.0.0.1:4321, metrics on http://127.0.0.1:9"),
            ["http://127.0.0.1:4321", "http://127.0.0.1:9"]
        );
        assert_eq!(urls("chat: http://localhost:80/ (docs at /docs)."), ["http://localhost:80"]);
        assert!(urls("starting").is_empty());
    }
}
