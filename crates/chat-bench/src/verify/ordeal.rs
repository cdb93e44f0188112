//! A run under faults: commit one, wait until it is over, take the time until everything works again, go on.
//!
//! Two times are taken from the end of each fault: until every sender had a new message acknowledged, and until every
//! participant has everything that was acknowledged up to then. The load goes on all the while. What each fault cost in
//! messages, the judge says at the end; [`Bout`] keeps the times by which its anomalies are laid to a fault.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    fault::{Fault, Plan, Turn},
    memory::Memory,
    mischief::Mischief,
    progress::p99,
};
use crate::figures::now_us;

/// After a fault, sends must succeed again within this time …
pub(super) const FIRST: Duration = Duration::from_secs(5);

/// … and everybody have everything within this.
pub(super) const WHOLE: Duration = Duration::from_secs(30);

/// During a rolling restart, 99 of 100 participants never hear nothing for longer than this.
pub(super) const SILENCE: Duration = Duration::from_secs(2);

/// How long healing is waited for before it counts as never.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long everybody may take to be where they belong, before the next fault.
const SPREAD: Duration = Duration::from_secs(2);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// One fault and what followed.
#[derive(Debug, Clone)]
pub(crate) struct Bout {
    /// Its row in the report.
    pub(crate) row: &'static str,
    /// What was done, to whom.
    pub(crate) what: String,
    /// When it began, in microseconds of `now_us`.
    pub(crate) start_us: u64,
    /// From its end to the first success of every sender; `None`: never.
    pub(crate) first: Option<Duration>,
    /// From its end until everybody had everything; `None`: never.
    pub(crate) whole: Option<Duration>,
    /// From its beginning until then, the longest time that participants heard nothing; the 99th percentile over them.
    pub(crate) silence: Duration,
    /// Whether that is limited.
    pub(crate) gentle: bool,
    /// What went wrong beside: it could not be committed, or a node died that was not meant to.
    pub(crate) troubles: Vec<String>,
}

impl Bout {
    /// What must not be.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let over = |what: &str, took: Option<Duration>, limit: Duration| match took {
            Some(took) if took <= limit => None,
            Some(took) => {
                Some(format!("{}: {what} took {:.1} s, limit {} s", self.what, took.as_secs_f64(), limit.as_secs()))
            }
            None => Some(format!("{}: {what} did not happen within {} s", self.what, PATIENCE.as_secs())),
        };
        let first = over("until sends succeeded everywhere", self.first, FIRST);
        let whole = over("until everybody was whole", self.whole, WHOLE);
        let silence =
            over("the longest silence (p99 over clients)", Some(self.silence), SILENCE).filter(|_| self.gentle);
        let troubles = self.troubles.iter().map(|trouble| format!("{}: {trouble}", self.what));
        first.into_iter().chain(whole).chain(silence).chain(troubles).collect()
    }
}

/// How faults follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// From the beginning of one to the next, at least.
    pub(super) every: Duration,
    /// No fault begins after this, once each had its turn.
    pub(super) during: Duration,
}

/// Commits the faults of a plan.
pub(super) async fn endure(
    mut mischief: Mischief<'_>,
    plan: &mut Plan,
    pace: Pace,
    memory: Option<&Memory>,
) -> Vec<Bout> {
    let begin = Instant::now();
    let mut bouts = Vec::new();
    // Some calm first, to compare with.
    let mut next = begin + pace.every;
    while !plan.is_through() || next < begin + pace.during {
        sleep_until(next).await;
        next = Instant::now() + pace.every;
        let Some(turn) = plan.turn() else { break };
        let bout = one(&mut mischief, turn, plan).await;
        mischief.evidence.spread();
        if let Some(memory) = memory {
            memory.follow(mischief.subject);
        }
        tell(bouts.len() + 1, &bout, begin.elapsed());
        let healed = bout.first.is_some() && bout.whole.is_some();
        bouts.push(bout);
        if !healed {
            // The next fault would say nothing more.
            return bouts;
        }
        next = next.max(Instant::now() + SPREAD);
    }
    // The last one heals in company, too.
    sleep(pace.every.min(WHOLE)).await;
    bouts
}

async fn one(mischief: &mut Mischief<'_>, turn: Turn, plan: &mut Plan) -> Bout {
    let evidence = mischief.evidence;
    let progress = &evidence.progress;
    evidence.trouble();
    let start_us = now_us();
    progress.listen(start_us);
    let (hit, mut troubles) = match mischief.commit(turn.fault, plan.lot()).await {
        Ok(hit) => (hit, Vec::new()),
        Err(e) => (String::from("failed"), vec![format!("{e:#}")]),
    };
    let (over, over_us) = (Instant::now(), now_us());
    troubles.extend(revive(mischief).await);
    let first = until(over, || progress.all_send(over_us)).await;
    let acked = progress.acked();
    let whole = until(over, || progress.behind(&acked) == 0).await;
    let silence = Duration::from_micros(p99(&progress.silences(now_us())));
    evidence.calm();
    let gentle = turn.fault == Fault::Rolling;
    Bout { row: turn.row(), what: format!("{turn} ({hit})"), start_us, first, whole, silence, gentle, troubles }
}

/// Every node must live; one that does not is reported, and started so that the run can go on.
async fn revive(mischief: &mut Mischief<'_>) -> Vec<String> {
    let mut troubles = Vec::new();
    for (n, node) in mischief.subject.nodes.iter_mut().enumerate() {
        if node.is_alive().unwrap_or(false) {
            continue;
        }
        troubles.push(format!("n{} is dead and should not be: {}", n + 1, node.last_words()));
        if let Err(e) = node.restart().await {
            troubles.push(format!("n{} did not start again: {e:#}", n + 1));
        }
    }
    troubles
}

/// The time from `since` until `done`; `None` when it does not come.
async fn until(since: Instant, done: impl Fn() -> bool) -> Option<Duration> {
    while !done() {
        if since.elapsed() > PATIENCE {
            return None;
        }
        sleep(LOOK).await;
    }
    Some(since.elapsed())
}

#[expect(clippy::print_stderr, reason = "a run of ten minutes shows that it is alive")]
fn tell(n: usize, bout: &Bout, at: Duration) {
    let seconds =
        |took: Option<Duration>| took.map_or("never".to_owned(), |took| format!("{:.2} s", took.as_secs_f64()));
    let (first, whole) = (seconds(bout.first), seconds(bout.whole));
    eprintln!("{:>5.0} s  {n}. {}: sends after {first}, whole after {whole}", at.as_secs_f64(), bout.what);
    bout.troubles.iter().for_each(|trouble| eprintln!("         {trouble}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bout() -> Bout {
        Bout {
            row: "kill",
            what: "kill (n2)".into(),
            start_us: 0,
            first: Some(FIRST),
            whole: Some(WHOLE),
            silence: Duration::from_secs(9),
            gentle: false,
            troubles: Vec::new(),
        }
    }

    #[test]
    fn within_the_limits_nothing_is_complained_of() {
        assert_eq!(bout().complaints(), [] as [String; 0]);
    }

    #[test]
    fn what_takes_longer_or_never_happens_is_complained_of() {
        let late = Bout { first: Some(FIRST + Duration::from_millis(100)), ..bout() };
        assert_eq!(late.complaints(), ["kill (n2): until sends succeeded everywhere took 5.1 s, limit 5 s"]);
        let never = Bout { whole: None, ..bout() };
        assert_eq!(never.complaints(), ["kill (n2): until everybody was whole did not happen within 60 s"]);
    }

    #[test]
    fn silence_is_limited_where_nothing_may_be_noticed() {
        let rolling = Bout { gentle: true, ..bout() };
        assert_eq!(rolling.complaints().len(), 1);
        assert_eq!(Bout { silence: SILENCE, ..rolling }.complaints(), [] as [String; 0]);
    }

    #[test]
    fn a_node_that_died_by_itself_is_complained_of() {
        let died = Bout { troubles: vec!["n1 is dead".into()], ..bout() };
        assert_eq!(died.complaints(), ["kill (n2): n1 is dead"]);
    }
}
