//! A table of a report: rows of the same shape, for people as text or Markdown, for machines as JSON.

use serde_json::{Map, Value};

/// Rows under named columns.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its name in JSON, in words of `snake_case`.
    pub(crate) name: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table without rows. Columns are named like figures: `snake_case`, the unit at the end.
    pub(crate) fn new(name: &'static str, columns: &[&'static str]) -> Self {
        Self { name, columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; its values are in the order of the columns.
    pub(crate) fn row(&mut self, values: Vec<Value>) {
        self.rows.push(values);
    }

    /// Columns as wide as their widest cell, numbers to the right.
    pub(super) fn text(&self) -> String {
        self.render(|cells, first| {
            let mut line = String::from(" ");
            for (n, (cell, wide)) in cells.iter().enumerate() {
                let cell = if n == 0 || first { format!(" {cell:<wide$} ") } else { format!(" {cell:>wide$} ") };
                line.push_str(&cell);
            }
            format!("{}\n", line.trim_end())
        })
    }

    /// A table of GitHub's and GitLab's Markdown.
    pub(super) fn markdown(&self) -> String {
        let rule: String = std::iter::once("|---|".to_owned())
            .chain(self.columns.iter().skip(1).map(|_| "---:|".to_owned()))
            .chain(["\n".to_owned()])
            .collect();
        self.render(|cells, first| {
            let mut line: String = cells.iter().map(|(cell, _)| format!("| {} ", cell.replace('|', "\\|"))).collect();
            line.push_str("|\n");
            if first {
                line.push_str(&rule);
            }
            line
        })
    }

    /// An object for each row.
    pub(super) fn json(&self) -> Value {
        let object = |row: &Vec<Value>| -> Value {
            let cells = self.columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.clone()));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        self.rows.iter().map(object).collect()
    }

    /// The value of a column in the first row whose first cell says `row`.
    #[cfg(test)]
    pub(crate) fn value(&self, row: &Value, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|name| *name == column)?;
        self.rows.iter().find(|cells| cells.first().is_some_and(|first| first == row))?.get(at)
    }

    fn render(&self, line: impl Fn(&[(String, usize)], bool) -> String) -> String {
        let head: Vec<String> = self.columns.iter().map(|name| name.replace('_', " ")).collect();
        let body = self.rows.iter().map(|row| row.iter().map(shown).collect());
        let all: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
        let wide: Vec<usize> = (0..self.columns.len())
            .map(|n| all.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        let lines = all.into_iter().enumerate().map(|(n, row)| {
            let cells: Vec<(String, usize)> = row.into_iter().zip(wide.iter().copied()).collect();
            line(&cells, n == 0)
        });
        lines.collect()
    }
}

/// A value for people: floating point with few digits, nothing for null, everything else as it is.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Number(n) if n.is_f64() => n.as_f64().map_or_else(String::new, |f| format!("{f:.3}")),
        Value::String(s) => s.clone(),
        Value::Null => "–".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults() -> Table {
        let mut table = Table::new("faults", &["fault", "sends", "whole_s"]);
        table.row(vec![json!("redis-cut"), json!(1234), json!(0.25)]);
        table.row(vec![json!("a|b"), json!(7), Value::Null]);
        table
    }

    #[test]
    fn text_is_aligned() {
        let expected = "  fault      sends  whole s\n  redis-cut   1234    0.250\n  a|b            7        –\n";
        assert_eq!(faults().text(), expected);
    }

    #[test]
    fn markdown_has_a_rule_under_its_head_and_no_stray_bar() {
        let expected =
            "| fault | sends | whole s |\n|---|---:|---:|\n| redis-cut | 1234 | 0.250 |\n| a\\|b | 7 | – |\n";
        assert_eq!(faults().markdown(), expected);
    }

    #[test]
    fn json_names_every_cell() {
        assert_eq!(faults().json()[0], json!({"fault": "redis-cut", "sends": 1234, "whole_s": 0.25}));
        assert_eq!(faults().value(&"a|b".into(), "sends"), Some(&json!(7)));
    }
}
