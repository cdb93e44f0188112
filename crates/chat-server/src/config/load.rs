//! Where settings come from: a TOML file, then the environment over it.
//!
//! The only place that reads either. Keys and types are checked here against the defaults, so that every mistake is
//! one sentence in our own words; the meaning of a value is checked by its type, its range by its section.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use config::{Config, ConfigError, File, FileFormat, Source as _, Value, ValueKind};

use super::{Settings, SettingsError, shape};

/// Environment variables of ours begin so.
const PREFIX: &str = "CHAT_";
/// Names that many tools share, and the settings they mean; ours win.
const SHARED: [(&str, &str); 2] = [("DATABASE_URL", "store.url"), ("REDIS_URL", "redis.url")];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The settings file.
    File(PathBuf),
    /// This environment variable.
    Environment(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "from {}", path.display()),
            Self::Environment(name) => write!(f, "from {name}"),
        }
    }
}

/// What to read settings from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    file: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
}

/// The settings, and where each came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Checked.
    pub settings: Settings,
    origins: BTreeMap<String, Source>,
}

/// Given values by key, checked in name and type.
type Given = BTreeMap<String, (Value, Source)>;

impl Loaded {
    /// Where the value of `section.key` came from; `None` = it is the default.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&Source> {
        self.origins.get(key)
    }
}

impl Sources {
    /// The file, if any, and this process's environment.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        Self { file, environment: std::env::vars_os().collect() }
    }

    /// The file, if any, and the given variables: for tests.
    #[must_use]
    pub fn new(file: Option<PathBuf>, environment: &[(&str, &str)]) -> Self {
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { file, environment }
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`SettingsError`]: the first mistake found.
    pub fn load(&self) -> Result<Loaded, SettingsError> {
        let known = shape::known();
        let mut given = Given::new();
        if let Some(path) = &self.file {
            read_file(path, &known, &mut given)?;
        }
        self.read_environment(&known, &mut given)?;
        let origins: BTreeMap<_, _> = given.iter().map(|(key, (_, from))| (key.clone(), from.clone())).collect();
        let traced = |error: SettingsError| error.traced(|key| origins.get(key).cloned());
        let mut settings = deserialise(given).map_err(traced)?;
        settings.check().map_err(traced)?;
        settings.node.name = node_name(&settings.node.name).map_err(traced)?;
        Ok(Loaded { settings, origins })
    }

    fn read_environment(&self, known: &shape::Known, given: &mut Given) -> Result<(), SettingsError> {
        let variables = self.environment.iter().filter_map(|(name, value)| Some((name.to_str()?, value)));
        for (name, value) in variables {
            let shared = SHARED.iter().find(|(shared, _)| *shared == name).map(|(_, key)| (*key).to_owned());
            let is_shared = shared.is_some();
            let key = match (shared, name.strip_prefix(PREFIX)) {
                (Some(key), _) if !value.is_empty() => key,
                (_, Some(rest)) => rest.to_ascii_lowercase().replacen("__", ".", 1),
                (_, None) => continue,
            };
            let ours = given.get(&key).is_some_and(|(_, from)| matches!(from, Source::Environment(_)));
            if is_shared && ours {
                continue;
            }
            let from = Source::Environment(name.to_owned());
            let expected = known.expected(&key, &from)?;
            let text = value.to_str().ok_or_else(|| wrong(&key, &from, "the value is not UTF-8"))?;
            let value = expected.parse(text).map_err(|detail| wrong(&key, &from, &detail))?;
            given.insert(key, (Value::new(None, value), from));
        }
        Ok(())
    }
}

/// Every value of the file under its full key.
fn read_file(path: &Path, known: &shape::Known, given: &mut Given) -> Result<(), SettingsError> {
    let failed = |detail: String| SettingsError::File { path: path.display().to_string(), detail };
    let text = std::fs::read_to_string(path).map_err(|error| failed(format!("can't be read: {error}")))?;
    let tables = File::from_str(&text, FileFormat::Toml)
        .collect()
        .map_err(|error| failed(format!("is not valid TOML: {}", without_quotation(&error.to_string()))))?;
    let from = Source::File(path.to_owned());
    for (section, value) in tables {
        let ValueKind::Table(values) = value.kind else {
            return Err(known.unknown(&section, &from));
        };
        if values.is_empty() {
            known.section(&section, &from)?;
        }
        for (name, value) in values {
            let key = format!("{section}.{name}");
            let expected = known.expected(&key, &from)?;
            expected.accept(&value.kind).map_err(|detail| wrong(&key, &from, &detail))?;
            given.insert(key, (value, from.clone()));
        }
    }
    Ok(())
}

/// The parser's words on one line, without its quotation of the file: that line may hold a secret. Quoted lines begin
/// with a number, perhaps, and a bar.
fn without_quotation(words: &str) -> String {
    let is_quoted = |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    let lines = words.lines().filter(|line| !is_quoted(line)).map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(": ")
}

fn wrong(key: &str, from: &Source, detail: &str) -> SettingsError {
    SettingsError::Wrong { key: key.to_owned(), detail: detail.to_owned(), from: Some(from.clone()) }
}

fn deserialise(given: Given) -> Result<Settings, SettingsError> {
    let mut builder = Config::builder();
    for (key, (value, _)) in given {
        builder = builder.set_override(&key, value).map_err(|error| SettingsError::wrong(&key, error.to_string()))?;
    }
    builder.build().and_then(Config::try_deserialize).map_err(|error| sentence(error, ""))
}

/// The library's error as key and words: the key is told outside, the reason inside.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library may add to its enum")]
fn sentence(error: ConfigError, outer: &str) -> SettingsError {
    let named = |key: Option<String>| {
        let key = key.unwrap_or_else(|| outer.to_owned());
        key.split('[').next().unwrap_or_default().to_owned()
    };
    match error {
        ConfigError::At { error, key, .. } => sentence(*error, &named(key)),
        ConfigError::Type { unexpected, expected, key, .. } => {
            SettingsError::wrong(&named(key), format!("expected {expected}, found {unexpected}"))
        }
        other => SettingsError::wrong(outer, other.to_string()),
    }
}

/// The name as given, else the host's, else `node`.
fn node_name(given: &str) -> Result<String, SettingsError> {
    const MOST: usize = 64;
    let sane = |name: &str| (1..=MOST).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
    if sane(given) {
        return Ok(given.to_owned());
    }
    if !given.is_empty() {
        let detail = format!("expected 1 to {MOST} printable ASCII characters without spaces");
        return Err(SettingsError::wrong("node.name", detail));
    }
    // Linux tells the name here; on other systems the file is missing, and an operator names the nodes.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Ok(Some(host.trim()).filter(|name| sane(name)).unwrap_or("node").to_owned())
}
