//! What is wrong with the settings, as one sentence that names the key and where its value came from.

use super::Source;

/// A wrong setting, key or file. `Display` is the one sentence that `main` prints before it exits with code 2; it never
/// holds a secret's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The settings file can't be read or is no TOML.
    #[error("the settings file `{path}` {detail}")]
    File {
        /// As it was given.
        path: String,
        /// What went wrong.
        detail: String,
    },
    /// A key that no section has.
    #[error("{key}: there is no such setting{near} ({from})")]
    Unknown {
        /// `section.key`, or what stands in its place.
        key: String,
        /// Where it was found.
        from: Source,
        /// `; did you mean …?`, or nothing.
        near: String,
    },
    /// A value of another type, outside its range, or in contradiction to another one.
    #[error("{key}: {detail}{}", from.as_ref().map(|from| format!(" ({from})")).unwrap_or_default())]
    Wrong {
        /// `section.key`.
        key: String,
        /// What was expected and what was found.
        detail: String,
        /// Where the value came from, when it is not a default.
        from: Option<Source>,
    },
}

impl SettingsError {
    /// A wrong value of `key`.
    pub fn wrong(key: &str, detail: impl Into<String>) -> Self {
        Self::Wrong { key: key.to_owned(), detail: detail.into(), from: None }
    }

    /// The same, with the place the value came from, if that is known and not yet said.
    pub(super) fn traced(self, origin: impl Fn(&str) -> Option<Source>) -> Self {
        match self {
            Self::Wrong { key, detail, from: None } => Self::Wrong { from: origin(&key), key, detail },
            other @ (Self::File { .. } | Self::Unknown { .. } | Self::Wrong { .. }) => other,
        }
    }
}
