//! How each fault is committed. A fault is over, and the clock of its healing starts, when nothing is broken any more: the
//! node is ready, the server answers, the line is whole.

use std::{os::unix::process::ExitStatusExt as _, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use chat_testbed::{Direction, Postgres, Proxy, Redis};
use rand::{RngExt as _, rngs::StdRng};
use rustix::process::Signal;
use tokio::time::sleep;

use super::{
    evidence::Evidence,
    fault::{Fault, Victim},
};
use crate::{
    cluster::{DATABASE, blocking},
    subject::Subject,
};

/// How long a stopped node stands still.
const NODE_STOPS: Duration = Duration::from_secs(10);

/// How long Redis is dead.
const REDIS_DEAD: Duration = Duration::from_secs(30);

/// How long Redis stands still.
const REDIS_STOPS: Duration = Duration::from_secs(20);

/// How long a node is cut from Redis.
const CUT: Duration = Duration::from_secs(15);

/// How long PostgreSQL stands still.
const POSTGRES_STOPS: Duration = Duration::from_secs(5);

/// How long the messages are locked.
const LOCKED: Duration = Duration::from_secs(5);

/// `drain.seconds` by default, and some grace: SIGTERM must have ended a node by then.
const DRAIN: Duration = Duration::from_secs(25);

/// How long a node may take to reach its failpoint under the load of the run.
const FAILPOINT: Duration = Duration::from_secs(60);

/// At most this many passes of a failpoint are survived.
const PASSES: u32 = 100;

/// Who commits faults, and where.
pub(crate) struct Mischief<'a> {
    /// The victims.
    pub(crate) subject: &'a mut Subject,
    /// Whom to ask for company on a node.
    pub(crate) evidence: &'a Evidence,
    /// Times are multiplied by this.
    pub(crate) scale: f64,
}

/// Whether there is such a victim in this run.
pub(crate) fn is_there(subject: &Subject, victim: Victim) -> bool {
    match victim {
        Victim::Node => !subject.nodes.is_empty(),
        Victim::Redis => subject.backing.as_ref().is_some_and(|backing| backing.redis.is_some()),
        Victim::Postgres => subject.backing.is_some(),
    }
}

impl Mischief<'_> {
    /// Commits a fault and returns when it is over, with what it hit.
    ///
    /// # Errors
    /// When it could not be committed, or what was harmed did not come back.
    pub(crate) async fn commit(&mut self, fault: Fault, lot: &mut StdRng) -> anyhow::Result<String> {
        let n = lot.random_range(0..self.subject.nodes.len().max(1));
        let hit = || format!("n{}", n + 1);
        match fault {
            Fault::Kill => {
                let node = self.subject.node(n)?;
                node.kill().await?;
                node.restart().await?;
                Ok(hit())
            }
            Fault::KillBeforeCommit => self.die_at(n, "before-commit", lot).await,
            Fault::KillAfterCommit => self.die_at(n, "after-commit", lot).await,
            Fault::KillInFanOut => self.die_at(n, "fan-out", lot).await,
            Fault::StopNode => {
                self.subject.node(n)?.signal(Signal::STOP)?;
                self.pause(NODE_STOPS).await;
                self.subject.node(n)?.signal(Signal::CONT)?;
                Ok(hit())
            }
            Fault::Rolling => self.roll().await,
            Fault::RedisKill => {
                self.redis(Redis::kill).await?;
                self.pause(REDIS_DEAD).await;
                self.redis(Redis::restart).await
            }
            Fault::RedisStop => {
                self.redis(Redis::pause).await?;
                self.pause(REDIS_STOPS).await;
                self.redis(Redis::resume).await
            }
            Fault::RedisFlush => self.redis(Redis::flush).await,
            Fault::RedisCut => self.cut(n, Direction::Both).await.map(|()| hit()),
            Fault::RedisCutToServer => self.cut(n, Direction::ToServer).await.map(|()| hit()),
            Fault::RedisCutToClient => self.cut(n, Direction::ToClient).await.map(|()| hit()),
            Fault::PostgresRestart => self.postgres(Postgres::restart_immediate).await,
            Fault::PostgresStop => {
                self.postgres(Postgres::pause).await?;
                self.pause(POSTGRES_STOPS).await;
                self.postgres(Postgres::resume).await
            }
            Fault::Pool => {
                let statements = lock(LOCKED.mul_f64(self.scale));
                self.postgres(move |postgres| postgres.run_sql(DATABASE, &statements).map(drop)).await
            }
        }
    }

    /// Restarts a node so that it dies at a failpoint, waits for that, and starts it as it was.
    async fn die_at(&mut self, n: usize, point: &str, lot: &mut StdRng) -> anyhow::Result<String> {
        let passes = lot.random_range(1..=PASSES);
        let node = self.subject.node(n)?;
        node.terminate(DRAIN).await?;
        let settings = [("CRASH_AT", point.to_owned()), ("CRASH_AFTER", passes.to_string())];
        // Without clients it would pass nothing.
        let died = node.restart_to_die(&settings, FAILPOINT, || self.evidence.spread()).await;
        let words = node.last_words();
        node.restart().await?;
        let status = died.with_context(|| {
            format!("n{} did not die at {point}: is it a build with the feature `sabotage`, and is there load?", n + 1)
        })?;
        if status.signal() != Some(Signal::ABORT.as_raw()) {
            bail!("n{} was to die at {point} and ended with {status}: {words}", n + 1);
        }
        Ok(format!("n{}, pass {passes}", n + 1))
    }

    /// Every node in turn: ends in good order, starts, is ready; then the next.
    async fn roll(&mut self) -> anyhow::Result<String> {
        for (n, node) in self.subject.nodes.iter_mut().enumerate() {
            let status = node.terminate(DRAIN).await.with_context(|| format!("n{}", n + 1))?;
            anyhow::ensure!(status.success(), "n{} ended with {status} after SIGTERM", n + 1);
            node.restart().await.with_context(|| format!("n{}", n + 1))?;
        }
        Ok(format!("{} nodes", self.subject.nodes.len()))
    }

    async fn cut(&self, n: usize, direction: Direction) -> anyhow::Result<()> {
        let backing = self.subject.backing.as_ref().context("no cluster")?;
        let line: Arc<Proxy> = backing.lines.get(n).cloned().context("no line to Redis")?;
        line.cut(direction);
        self.pause(CUT).await;
        line.heal();
        Ok(())
    }

    /// Lets the trouble last. Not inside what blocks: a run that is interrupted must not wait for it.
    async fn pause(&self, pause: Duration) {
        sleep(pause.mul_f64(self.scale)).await;
    }

    async fn redis(&self, harm: impl FnOnce(&Redis) -> std::io::Result<()> + Send + 'static) -> anyhow::Result<String> {
        let redis = self.subject.backing.as_ref().and_then(|backing| backing.redis.clone()).context("no Redis")?;
        blocking(move || harm(&redis)).await?;
        Ok("Redis".to_owned())
    }

    async fn postgres(
        &self,
        harm: impl FnOnce(&Postgres) -> std::io::Result<()> + Send + 'static,
    ) -> anyhow::Result<String> {
        let postgres = self.subject.backing.as_ref().map(|backing| Arc::clone(&backing.postgres));
        let postgres = postgres.context("no PostgreSQL")?;
        blocking(move || harm(&postgres)).await?;
        Ok("PostgreSQL".to_owned())
    }
}

/// One session that keeps everybody from the messages.
fn lock(during: Duration) -> String {
    let seconds = during.as_secs_f64();
    format!("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_held_for_fractions_of_seconds_too() {
        assert!(lock(Duration::from_millis(500)).contains("pg_sleep(0.5)"));
    }
}
