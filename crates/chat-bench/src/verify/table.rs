//! The table of a run under faults: a row for each fault, summed over its occurrences.
//!
//! Everything from the beginning of one fault to the beginning of the next belongs to the first; what came before all of them
//! is the row `calm`.

use std::time::Duration;

use serde_json::Value;

use super::ordeal::Bout;
use crate::{
    judge::{Anomaly, Blame, History, Kind},
    report::Table,
};

/// The columns.
const COLUMNS: [&str; 11] = [
    "fault",
    "times",
    "sends",
    "acks",
    "lost",
    "doubled",
    "out_of_order",
    "gaps",
    "first_success_s",
    "all_whole_s",
    "silence_p99_s",
];

/// The row of what came before the first fault.
const CALM: &str = "calm";

/// The sums of one row.
#[derive(Default)]
struct Row {
    name: &'static str,
    times: u64,
    sends: u64,
    acks: u64,
    lost: u64,
    doubled: u64,
    out_of_order: u64,
    gaps: u64,
    healing: Option<Healing>,
}

/// The worst of the occurrences; `None` is never.
struct Healing {
    first: Option<Duration>,
    whole: Option<Duration>,
    silence: Duration,
}

/// Counts sends, acknowledgements and anomalies by the fault under which they happened.
pub(super) fn of(bouts: &[Bout], history: &History, anomalies: &[Anomaly]) -> Table {
    let mut rows = vec![Row { name: CALM, ..Row::default() }];
    let mut at: Vec<usize> = Vec::with_capacity(bouts.len());
    for bout in bouts {
        let known = rows.iter().position(|row| row.name == bout.row);
        let n = known.unwrap_or_else(|| {
            rows.push(Row { name: bout.row, ..Row::default() });
            rows.len() - 1
        });
        at.push(n);
        if let Some(row) = rows.get_mut(n) {
            row.times += 1;
            row.healing = Some(worst(row.healing.take(), bout));
        }
    }
    let find = |when: u64| {
        let bout = bouts.partition_point(|bout| bout.start_us <= when);
        bout.checked_sub(1).and_then(|n| at.get(n).copied()).unwrap_or(0)
    };
    let mut add = |when: u64, count: fn(&mut Row) -> &mut u64| {
        if let Some(row) = rows.get_mut(find(when)) {
            *count(row) += 1;
        }
    };
    for send in &history.sends {
        add(send.issued_us, |row| &mut row.sends);
        if let Some(acked) = send.acked_us {
            add(acked, |row| &mut row.acks);
        }
    }
    let blame = Blame::new(history);
    for anomaly in anomalies {
        // What has no date was found at the end.
        add(
            blame.date(anomaly).unwrap_or(u64::MAX),
            match anomaly.kind() {
                Kind::Lost => |row| &mut row.lost,
                Kind::Doubled => |row| &mut row.doubled,
                Kind::OutOfOrder => |row| &mut row.out_of_order,
                Kind::Gap => |row| &mut row.gaps,
            },
        );
    }
    let mut table = Table::new("faults", &COLUMNS);
    rows.into_iter().for_each(|row| table.row(row.cells()));
    table
}

fn worst(before: Option<Healing>, bout: &Bout) -> Healing {
    let Some(before) = before else {
        return Healing { first: bout.first, whole: bout.whole, silence: bout.silence };
    };
    let longer = |a: Option<Duration>, b: Option<Duration>| a.zip(b).map(|(a, b)| a.max(b));
    Healing {
        first: longer(before.first, bout.first),
        whole: longer(before.whole, bout.whole),
        silence: before.silence.max(bout.silence),
    }
}

impl Row {
    fn cells(self) -> Vec<Value> {
        let seconds = |took: Option<Duration>| took.map_or_else(|| "never".into(), |took| took.as_secs_f64().into());
        let healing = match self.healing {
            Some(healing) => [seconds(healing.first), seconds(healing.whole), seconds(Some(healing.silence))],
            None => [Value::Null, Value::Null, Value::Null],
        };
        let counts = [self.times, self.sends, self.acks, self.lost, self.doubled, self.out_of_order, self.gaps];
        std::iter::once(self.name.into()).chain(counts.map(Value::from)).chain(healing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Mark, Send};

    fn bout(row: &'static str, start_us: u64, first_ms: u64) -> Bout {
        Bout {
            row,
            what: row.into(),
            start_us,
            first: Some(Duration::from_millis(first_ms)),
            whole: Some(Duration::from_millis(2 * first_ms)),
            silence: Duration::from_millis(first_ms),
            gentle: false,
            troubles: Vec::new(),
        }
    }

    fn send(n: u32, issued_us: u64, acked_us: Option<u64>) -> Send {
        Send { room: 0, mark: Mark::new(1, n), issued_us, acked_us, answers: Vec::new() }
    }

    #[test]
    fn what_happened_is_laid_to_the_fault_under_way_and_occurrences_are_summed() {
        let bouts = [bout("kill", 100, 300), bout("pool", 200, 500), bout("kill", 300, 400)];
        let sends = vec![
            send(1, 50, Some(60)),
            send(2, 90, Some(110)),
            send(3, 150, None),
            send(4, 250, Some(310)),
            send(5, 350, Some(360)),
        ];
        let history = History { sends, ..History::default() };
        let lost = Anomaly::Lost { mark: Mark::new(1, 4), room: 0, seq: 9 };
        let behind = Anomaly::Behind { name: "w".into(), room: 0, cursor: 1, head: 2 };
        let table = of(&bouts, &history, &[lost, behind]);
        let cell = |row: &str, column: &str| table.value(&row.into(), column).unwrap().clone();
        assert_eq!([cell("calm", "sends"), cell("calm", "acks"), cell("calm", "times")], [2, 1, 0]);
        assert_eq!(cell("calm", "all_whole_s"), Value::Null);
        assert_eq!([cell("kill", "times"), cell("kill", "sends"), cell("kill", "acks")], [2, 2, 3]);
        assert_eq!([cell("kill", "first_success_s"), cell("kill", "all_whole_s")], [0.4, 0.8]);
        assert_eq!([cell("pool", "sends"), cell("pool", "lost"), cell("pool", "gaps")], [1, 1, 0]);
        assert_eq!([cell("kill", "lost"), cell("kill", "gaps")], [0, 1]);
    }

    #[test]
    fn one_that_never_healed_is_never() {
        let never = Bout { whole: None, ..bout("kill", 100, 1) };
        for bouts in [[never.clone(), bout("kill", 200, 5)], [bout("kill", 100, 5), never]] {
            let table = of(&bouts, &History::default(), &[]);
            assert_eq!(table.value(&"kill".into(), "all_whole_s").unwrap(), "never");
            assert_eq!(table.value(&"kill".into(), "first_success_s").unwrap(), 0.005);
        }
    }
}
