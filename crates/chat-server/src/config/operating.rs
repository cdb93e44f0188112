//! What operators look at: `node.*`, `log.*`, `drain.*`.

use serde::{Deserialize, Serialize};

use super::section::section;

section! {
    /// This node.
    Node in "node" {
        /// Its name in `ready` and in logs; empty = host name.
        name: String = String::new();
    }
}

section! {
    /// Logs, on stderr.
    Log in "log" {
        /// `text`, `json`, or `auto`: text on a terminal, JSON otherwise.
        format: LogFormat = LogFormat::Auto;
        /// `off`, `error`, `warn`, `info`, `debug` or `trace`; parts by name after commas, such as `info,chat_hub=debug`.
        level: Levels = Levels { default: Level::Info, parts: Vec::new() };
    }
}

section! {
    /// Shutdown.
    Drain in "drain" {
        /// Seconds that a draining server takes to send its clients away, at most.
        seconds: u64 = 20, within 0..=600;
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// The least severity that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the field's standard words")]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    const ALL: [(&'static str, Self); 6] = [
        ("off", Self::Off),
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(word, _)| *word == text).map(|(_, level)| level)
    }

    fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, level)| *level == self).map_or("", |(word, _)| word)
    }
}

/// A level for everything, and others for named parts (targets begin with the crate's name).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Levels {
    /// For whatever is not named.
    pub default: Level,
    /// For targets that begin so.
    pub parts: Vec<(String, Level)>,
}

impl TryFrom<String> for Levels {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let level = |word: &str| {
            let unknown = || format!("{word:?} is no level; known are off, error, warn, info, debug and trace");
            Level::parse(word).ok_or_else(unknown)
        };
        let mut levels = Self { default: Level::Info, parts: Vec::new() };
        for directive in text.split(',').map(str::trim) {
            match directive.split_once('=') {
                None => levels.default = level(directive)?,
                Some((target, word)) if is_target(target) => levels.parts.push((target.to_owned(), level(word)?)),
                Some((target, _)) => return Err(format!("{target:?} is no part's name")),
            }
        }
        Ok(levels)
    }
}

fn is_target(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

impl From<Levels> for String {
    fn from(levels: Levels) -> Self {
        let parts = levels.parts.iter().map(|(target, level)| format!(",{target}={}", level.word()));
        std::iter::once(levels.default.word().to_owned()).chain(parts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_may_be_given_for_parts() {
        let levels = Levels::try_from("warn, chat_hub=trace,actix_web::server=off".to_owned()).unwrap();
        assert_eq!(levels.default, Level::Warn);
        assert_eq!(levels.parts[1], ("actix_web::server".to_owned(), Level::Off));
        assert_eq!(String::from(levels), "warn,chat_hub=trace,actix_web::server=off");
        for text in ["", "loud", "info,", "INFO", "=info", "chat hub=info", "chat_hub=loud", "info,chat_hub="] {
            assert!(Levels::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
