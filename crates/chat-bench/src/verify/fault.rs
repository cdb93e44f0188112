//! The faults by name, and in what order a run commits them.

use std::{fmt, str::FromStr};

use anyhow::bail;
use rand::{SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

/// What a run can do to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9` a node, start it again.
    Kill,
    /// A node dies with a batch in hand that is not committed.
    KillBeforeCommit,
    /// A node dies after a commit, before anybody is told.
    KillAfterCommit,
    /// A node dies when some of a room's sockets have an event and others have not.
    KillInFanOut,
    /// SIGSTOP a node for 10 s.
    StopNode,
    /// Kill Redis, start it again after 30 s.
    RedisKill,
    /// SIGSTOP Redis for 20 s.
    RedisStop,
    /// `FLUSHALL`.
    RedisFlush,
    /// Cut one node from Redis for 15 s.
    RedisCut,
    /// The same, but Redis is heard.
    RedisCutToServer,
    /// The same, but Redis hears.
    RedisCutToClient,
    /// `pg_ctl restart -m immediate`.
    PostgresRestart,
    /// SIGSTOP PostgreSQL, with all its sessions, for 5 s.
    PostgresStop,
    /// Lock the messages for 5 s, so that every connection of every pool waits.
    Pool,
    /// SIGTERM each node in turn and start it again.
    Rolling,
}

/// What a fault is committed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// A node that was started here.
    Node,
    /// Redis.
    Redis,
    /// PostgreSQL.
    Postgres,
}

impl Fault {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 15] = [
        Self::Kill,
        Self::KillBeforeCommit,
        Self::KillAfterCommit,
        Self::KillInFanOut,
        Self::StopNode,
        Self::RedisKill,
        Self::RedisStop,
        Self::RedisFlush,
        Self::RedisCut,
        Self::RedisCutToServer,
        Self::RedisCutToClient,
        Self::PostgresRestart,
        Self::PostgresStop,
        Self::Pool,
        Self::Rolling,
    ];

    /// As on the command line and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::KillBeforeCommit => "kill-before-commit",
            Self::KillAfterCommit => "kill-after-commit",
            Self::KillInFanOut => "kill-in-fan-out",
            Self::StopNode => "stop-node",
            Self::RedisKill => "redis-kill",
            Self::RedisStop => "redis-stop",
            Self::RedisFlush => "redis-flush",
            Self::RedisCut => "redis-cut",
            Self::RedisCutToServer => "redis-cut-to-server",
            Self::RedisCutToClient => "redis-cut-to-client",
            Self::PostgresRestart => "postgres-restart",
            Self::PostgresStop => "postgres-stop",
            Self::Pool => "pool",
            Self::Rolling => "rolling",
        }
    }

    /// Who has to be there.
    pub(crate) fn victim(self) -> Victim {
        match self {
            Self::Kill
            | Self::KillBeforeCommit
            | Self::KillAfterCommit
            | Self::KillInFanOut
            | Self::StopNode
            | Self::Rolling => Victim::Node,
            Self::RedisKill
            | Self::RedisStop
            | Self::RedisFlush
            | Self::RedisCut
            | Self::RedisCutToServer
            | Self::RedisCutToClient => Victim::Redis,
            Self::PostgresRestart | Self::PostgresStop | Self::Pool => Victim::Postgres,
        }
    }
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match Self::ALL.into_iter().find(|fault| fault.name() == name) {
            Some(fault) => Ok(fault),
            None => bail!("`{name}` is no fault; there are all, mix, {}", Self::ALL.map(Self::name).join(", ")),
        }
    }
}

/// One entry of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    This(Fault),
    /// Any of those that are possible.
    Mix,
}

/// A fault whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// What to do.
    pub(crate) fault: Fault,
    /// Whether it was drawn by lot.
    pub(crate) mixed: bool,
}

impl Turn {
    /// Its row in the report.
    pub(crate) fn row(self) -> &'static str {
        if self.mixed { "mix" } else { self.fault.name() }
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.mixed { "mix: " } else { "" })?;
        f.write_str(self.fault.name())
    }
}

/// Which faults a run commits, in what order.
#[derive(Debug)]
pub(crate) struct Plan {
    entries: Vec<Entry>,
    /// Where the list starts over when it is through.
    again: usize,
    possible: Vec<Fault>,
    lot: StdRng,
    next: usize,
}

impl Plan {
    /// Reads a list: names, `mix` for one drawn by lot, and `all` for each possible one, then `mix` to the end of the run.
    /// Other lists start over when they are through.
    ///
    /// # Errors
    /// When a name is unknown, or names a fault whose victim is not there.
    pub(crate) fn read(list: &[String], seed: u64, there: impl Fn(Victim) -> bool) -> anyhow::Result<Self> {
        let possible: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| there(fault.victim())).collect();
        let mut entries = Vec::new();
        let mut again = 0;
        for name in list {
            match name.trim() {
                "all" => {
                    entries.extend(possible.iter().copied().map(Entry::This));
                    again = entries.len();
                    entries.push(Entry::Mix);
                }
                "mix" => entries.push(Entry::Mix),
                name => {
                    let fault: Fault = name.parse()?;
                    let victim = fault.victim();
                    anyhow::ensure!(there(victim), "`{name}`: there is no {victim:?} of this run (see --cluster)");
                    entries.push(Entry::This(fault));
                }
            }
        }
        anyhow::ensure!(!entries.is_empty() && !possible.is_empty(), "--faults names nothing that could be done");
        Ok(Self { entries, again, possible, lot: StdRng::seed_from_u64(seed), next: 0 })
    }

    /// Whether every entry had its turn.
    pub(crate) fn is_through(&self) -> bool {
        self.next >= self.entries.len()
    }

    /// The next one, and on and on.
    pub(crate) fn turn(&mut self) -> Option<Turn> {
        let rest = self.entries.len() - self.again;
        let at = if self.is_through() { self.again + (self.next - self.again) % rest.max(1) } else { self.next };
        self.next += 1;
        match self.entries.get(at)? {
            Entry::This(fault) => Some(Turn { fault: *fault, mixed: false }),
            Entry::Mix => self.possible.choose(&mut self.lot).map(|fault| Turn { fault: *fault, mixed: true }),
        }
    }

    /// The lot of the run, for which node it hits.
    pub(crate) fn lot(&mut self) -> &mut StdRng {
        &mut self.lot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str, there: impl Fn(Victim) -> bool) -> anyhow::Result<Plan> {
        Plan::read(&list.split(',').map(str::to_owned).collect::<Vec<_>>(), 7, there)
    }

    fn turns(plan: &mut Plan, n: usize) -> Vec<String> {
        (0..n).map(|_| plan.turn().unwrap().to_string()).collect()
    }

    #[test]
    fn every_name_is_read_back() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse::<Fault>().unwrap(), fault);
        }
        let e = "kil".parse::<Fault>().unwrap_err().to_string();
        assert!(e.contains("`kil` is no fault") && e.contains("redis-cut-to-server"), "{e}");
    }

    #[test]
    fn a_list_starts_over() {
        let mut plan = read("kill, pool", |_| true).unwrap();
        assert_eq!(turns(&mut plan, 2), ["kill", "pool"]);
        assert!(plan.is_through());
        assert_eq!(turns(&mut plan, 3), ["kill", "pool", "kill"]);
    }

    #[test]
    fn all_is_each_once_and_then_a_mix() {
        let mut plan = read("all", |_| true).unwrap();
        let once = turns(&mut plan, Fault::ALL.len());
        assert_eq!(once, Fault::ALL.map(Fault::name));
        assert!(!plan.is_through());
        let mixed = turns(&mut plan, 40);
        assert!(mixed.iter().all(|name| name.starts_with("mix: ")), "{mixed:?}");
        assert!(mixed.iter().collect::<std::collections::HashSet<_>>().len() > 5, "{mixed:?}");
    }

    #[test]
    fn a_seed_draws_the_same_mix() {
        let draw = |seed| turns(&mut Plan::read(&["mix".to_owned()], seed, |_| true).unwrap(), 20);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn what_is_not_there_cannot_be_harmed() {
        let e = read("kill,redis-kill", |victim| victim == Victim::Node).unwrap_err().to_string();
        assert!(e.contains("`redis-kill`: there is no Redis"), "{e}");
        let mut plan = read("all", |victim| victim == Victim::Node).unwrap();
        let names = turns(&mut plan, 30);
        assert!(!names.iter().any(|name| name.contains("redis") || name.contains("pool")), "{names:?}");
        assert!(read("mix", |_| false).is_err());
        assert!(read("", |_| true).is_err());
    }
}
