//! The effective settings as TOML: what `chat-server config` prints.
//!
//! Read back as a settings file it means the same, but for secrets, which are `[redacted]`.

use std::fmt::Write;

use serde_json::Value;

use super::Loaded;

impl Loaded {
    /// One table per section, one commented line per setting: its value and where it came from.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for section in self.settings.sections() {
            let values = section.values();
            // Writing into a String can't fail.
            let _ = writeln!(text, "[{}]", section.name());
            for (key, _) in section.docs() {
                let origin = self.origin(&format!("{}.{key}", section.name()));
                let origin = origin.map_or_else(|| "default".to_owned(), ToString::to_string);
                let _ = writeln!(text, "{key} = {}  # {origin}", literal(values.get(*key)));
            }
            text.push('\n');
        }
        text
    }
}

/// A value in TOML. JSON's literals for strings, numbers, booleans and lists of strings are TOML's too, but for the
/// escape of U+007F.
pub(super) fn literal(value: Option<&Value>) -> String {
    value.map(|value| value.to_string().replace('\u{7f}', "\\u007F")).unwrap_or_default()
}
