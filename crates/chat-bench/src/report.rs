//! What a run found: one table for people, one JSON line for machines, one exit code.
//!
//! The JSON is the last line of stdout. Nothing else in this program prints to stdout.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

/// Exit code of a run that found an anomaly.
const ANOMALY: u8 = 1;

/// Anomalies printed in full; the rest is only counted.
const SHOWN: usize = 20;

/// The figures of one run, in the order they were added.
pub(crate) struct Report {
    command: &'static str,
    rows: Vec<(String, Value, &'static str)>,
    anomalies: Vec<String>,
}

impl Report {
    /// An empty report of `command`.
    pub(crate) fn new(command: &'static str) -> Self {
        Self { command, rows: Vec::new(), anomalies: Vec::new() }
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

    /// Adds something that must not be: the run ends with exit code 1.
    pub(crate) fn anomaly(&mut self, what: impl Into<String>) {
        self.anomalies.push(what.into());
    }

    /// What must not be and was.
    #[cfg(test)]
    pub(crate) fn anomalies(&self) -> &[String] {
        &self.anomalies
    }

    /// The figure of this name.
    #[cfg(test)]
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.rows.iter().find(|(name, ..)| name == key).map(|(_, value, _)| value)
    }

    /// Prints the table and the line; says how the program ends.
    #[expect(clippy::print_stdout, reason = "the report is the output of this program")]
    pub(crate) fn finish(self) -> ExitCode {
        println!("{}", self.table());
        println!("{}", self.line());
        if self.anomalies.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(ANOMALY) }
    }

    fn table(&self) -> String {
        let wide = self.rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
        let mut out = format!("chat-bench {}\n", self.command);
        for (key, value, unit) in &self.rows {
            let key = key.replace('_', " ");
            out.push_str(&format!("  {key:<wide$}  {:>14} {unit}\n", shown(value)));
        }
        for anomaly in self.anomalies.iter().take(SHOWN) {
            out.push_str(&format!("  ! {anomaly}\n"));
        }
        if self.anomalies.len() > SHOWN {
            out.push_str(&format!("  ! … and {} more\n", self.anomalies.len() - SHOWN));
        }
        out.push_str(if self.anomalies.is_empty() { "  no anomaly" } else { "  ANOMALIES FOUND" });
        out
    }

    fn line(&self) -> Value {
        let figures: Map<_, _> = self.rows.iter().map(|(key, value, _)| (key.clone(), value.clone())).collect();
        let shown: Vec<_> = self.anomalies.iter().take(SHOWN).collect();
        json!({
            "command": self.command,
            "ok": self.anomalies.is_empty(),
            "figures": figures,
            "anomaly_count": self.anomalies.len(),
            "anomalies": shown,
        })
    }
}

/// Floating point with three digits, everything else as it is.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(n) if n.is_f64() => n.as_f64().map_or_else(String::new, |f| format!("{f:.3}")),
        Value::String(s) => s.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
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
        assert!(r.table().contains("! one lost"), "{}", r.table());
    }
}
