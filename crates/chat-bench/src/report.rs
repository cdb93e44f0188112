//! What a run found: figures and tables for people, one JSON line for machines, one exit code.
//!
//! The JSON is the last line of stdout. Nothing else in this program prints to stdout.

mod table;

use std::process::ExitCode;

use serde_json::{Map, Value, json};

pub(crate) use self::table::Table;
use self::table::shown;

/// Exit code of a run that found an anomaly.
const ANOMALY: u8 = 1;

/// Anomalies printed in full; the rest is only counted.
const SHOWN: usize = 20;

/// The figures of one run, in the order they were added.
pub(crate) struct Report {
    command: &'static str,
    rows: Vec<(String, Value, &'static str)>,
    tables: Vec<Table>,
    anomalies: Vec<String>,
}

impl Report {
    /// An empty report of `command`.
    pub(crate) fn new(command: &'static str) -> Self {
        Self { command, rows: Vec::new(), tables: Vec::new(), anomalies: Vec::new() }
    }

    /// Adds a figure. `key` is its name in JSON, in words of `snake_case`; `unit` is shown to people only.
    pub(crate) fn figure(&mut self, key: impl Into<String>, value: impl Into<Value>, unit: &'static str) {
        self.rows.push((key.into(), value.into(), unit));
    }

    /// Adds p50, p95, p99 and max of `what`, in milliseconds.
    pub(crate) fn latency(&mut self, what: &str, s: crate::figures::Summary) {
        self.figure(format!("{what}_p50_ms"), s.p50, "ms");
        self.figure(format!("{what}_p95_ms"), s.p95, "ms");
        self.figure(format!("{what}_p99_ms"), s.p99, "ms");
        self.figure(format!("{what}_max_ms"), s.max, "ms");
    }

    /// Adds a table, which is shown below the figures.
    pub(crate) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Adds something that must not be: the run ends with exit code 1.
    pub(crate) fn anomaly(&mut self, what: impl Into<String>) {
        self.anomalies.push(what.into());
    }

    /// What must not be and was.
    #[cfg(test)]
    pub(crate) fn wrong(&self) -> &[String] {
        &self.anomalies
    }

    /// The figure of this name.
    #[cfg(test)]
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.rows.iter().find(|(name, ..)| name == key).map(|(_, value, _)| value)
    }

    /// The table of this name.
    #[cfg(test)]
    pub(crate) fn named(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Prints what people read and the line; says how the program ends.
    #[expect(clippy::print_stdout, reason = "the report is the output of this program")]
    pub(crate) fn finish(self, markdown: bool) -> ExitCode {
        println!("{}", if markdown { self.markdown() } else { self.text() });
        println!("{}", self.line());
        if self.anomalies.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(ANOMALY) }
    }

    fn text(&self) -> String {
        let wide = self.rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
        let mut out = format!("chat-bench {}\n", self.command);
        for (key, value, unit) in &self.rows {
            let key = key.replace('_', " ");
            out.push_str(&format!("  {key:<wide$}  {:>14} {unit}\n", shown(value)));
        }
        self.tables.iter().for_each(|table| out.push_str(&format!("\n{}\n", table.text())));
        self.anomalies("  ! ", &mut out);
        out.push_str(&format!("  {}", self.verdict()));
        out
    }

    fn markdown(&self) -> String {
        let mut figures = Table::new("figures", &["figure", "value", "unit"]);
        for (key, value, unit) in &self.rows {
            figures.row(vec![key.replace('_', " ").into(), value.clone(), (*unit).into()]);
        }
        let mut out = format!("### chat-bench {}\n\n{}\n", self.command, figures.markdown());
        self.tables.iter().for_each(|table| out.push_str(&format!("{}\n", table.markdown())));
        self.anomalies("- ", &mut out);
        out.push_str(&format!("\n**{}**\n", self.verdict()));
        out
    }

    fn anomalies(&self, mark: &str, out: &mut String) {
        self.anomalies.iter().take(SHOWN).for_each(|anomaly| out.push_str(&format!("{mark}{anomaly}\n")));
        if self.anomalies.len() > SHOWN {
            out.push_str(&format!("{mark}… and {} more\n", self.anomalies.len() - SHOWN));
        }
    }

    fn verdict(&self) -> &'static str {
        if self.anomalies.is_empty() { "no anomaly" } else { "ANOMALIES FOUND" }
    }

    fn line(&self) -> Value {
        let figures: Map<_, _> = self.rows.iter().map(|(key, value, _)| (key.clone(), value.clone())).collect();
        let tables: Map<_, _> = self.tables.iter().map(|table| (table.name.to_owned(), table.json())).collect();
        let shown: Vec<_> = self.anomalies.iter().take(SHOWN).collect();
        json!({
            "command": self.command,
            "ok": self.anomalies.is_empty(),
            "figures": figures,
            "tables": tables,
            "anomaly_count": self.anomalies.len(),
            "anomalies": shown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anomaly_is_in_the_line_and_in_the_table() {
        let mut r = Report::new("load");
        r.figure("deliveries", 5_u64, "");
        assert_eq!(r.line()["ok"], true);
        r.anomaly("one lost");
        assert_eq!(r.line()["ok"], false);
        assert_eq!(r.line()["figures"]["deliveries"], 5);
        assert!(r.text().contains("! one lost"), "{}", r.text());
        assert!(r.markdown().contains("\n- one lost\n\n**ANOMALIES FOUND**"), "{}", r.markdown());
    }

    #[test]
    fn a_table_is_in_the_line_and_below_the_figures() {
        let mut r = Report::new("verify");
        r.figure("sends", 5_u64, "");
        let mut table = Table::new("faults", &["fault"]);
        table.row(vec!["kill".into()]);
        r.table(table);
        assert_eq!(r.line()["tables"]["faults"][0]["fault"], "kill");
        assert!(r.text().contains("sends") && r.text().contains("\n\n  fault\n  kill\n"), "{}", r.text());
        assert!(r.markdown().contains("| sends | 5 |  |\n\n| fault |\n"), "{}", r.markdown());
    }
}
