//! Which keys there are and which type each has: the defaults, looked at.
//!
//! The library would turn `true` into 1 and `1.5` into 2 without a word; a setting that is silently something else is
//! worse than a server that does not start.

use std::collections::BTreeMap;

use config::ValueKind;
use serde_json::Value as Json;

use super::{Settings, SettingsError, Source, section::Section};

/// The type of a setting.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Number,
    Fraction,
    Boolean,
    Text,
    List,
}

/// All keys.
pub(super) struct Known(BTreeMap<String, Shape>);

/// Every setting there is, from the defaults.
pub(super) fn known() -> Known {
    let defaults = Settings::default();
    let of_section = |section: &dyn Section| {
        let name = section.name();
        let shaped = move |(key, value): (String, Json)| (format!("{name}.{key}"), Shape::of(&value));
        section.values().into_iter().map(shaped).collect::<Vec<_>>()
    };
    Known(defaults.sections().into_iter().flat_map(of_section).collect())
}

impl Known {
    /// The type of this key, or an error that names it.
    pub(super) fn expected(&self, key: &str, from: &Source) -> Result<Shape, SettingsError> {
        self.0.get(key).copied().ok_or_else(|| self.unknown(key, from))
    }

    /// That there is such a section.
    pub(super) fn section(&self, section: &str, from: &Source) -> Result<(), SettingsError> {
        let known = self.0.keys().any(|key| key.split('.').next() == Some(section));
        if known { Ok(()) } else { Err(self.unknown(section, from)) }
    }

    /// The error for a key that is none, with the nearest one that is.
    pub(super) fn unknown(&self, key: &str, from: &Source) -> SettingsError {
        let near = self.0.keys().map(|known| (distance(known, key), known)).min();
        let near = near.filter(|(distance, _)| *distance <= 3).map(|(_, known)| format!("; did you mean {known}?"));
        SettingsError::Unknown { key: key.escape_debug().collect(), from: from.clone(), near: near.unwrap_or_default() }
    }
}

impl Shape {
    fn of(default: &Json) -> Self {
        match default {
            Json::Number(number) if number.is_f64() => Self::Fraction,
            Json::Number(_) => Self::Number,
            Json::Bool(_) => Self::Boolean,
            Json::Array(_) => Self::List,
            Json::String(_) | Json::Null | Json::Object(_) => Self::Text,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Number => "a whole number, 0 or more",
            Self::Fraction => "a number, 0 or more",
            Self::Boolean => "true or false",
            Self::Text => "a text in quotes",
            Self::List => "a list of texts",
        }
    }

    /// Whether a value of the file is of this type.
    pub(super) fn accept(self, found: &ValueKind) -> Result<(), String> {
        let fits = match (self, found) {
            (Self::Number | Self::Fraction, ValueKind::I64(number)) => *number >= 0,
            (Self::Fraction, ValueKind::Float(number)) => *number >= 0.0 && number.is_finite(),
            (Self::Number | Self::Fraction, ValueKind::U64(_))
            | (Self::Boolean, ValueKind::Boolean(_))
            | (Self::Text, ValueKind::String(_)) => true,
            (Self::List, ValueKind::Array(items)) => items.iter().all(|item| matches!(item.kind, ValueKind::String(_))),
            (Self::Number | Self::Fraction | Self::Boolean | Self::Text | Self::List, _) => false,
        };
        if fits { Ok(()) } else { Err(format!("expected {}", self.words())) }
    }

    /// Reads the text of an environment variable as this type; lists are parted by commas.
    pub(super) fn parse(self, text: &str) -> Result<ValueKind, String> {
        let failed = || format!("expected {}, found {text:?}", self.words());
        match self {
            Self::Number => text.parse::<u64>().map(ValueKind::U64).map_err(|_| failed()),
            Self::Fraction => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
                number.map(ValueKind::Float).ok_or_else(failed)
            }
            Self::Boolean => text.parse::<bool>().map(ValueKind::Boolean).map_err(|_| failed()),
            Self::Text => Ok(ValueKind::String(text.to_owned())),
            Self::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(items.map(str::to_owned).collect::<Vec<_>>().into())
            }
        }
    }
}

/// Levenshtein's distance: how many letters to change, add or drop.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut next = vec![index + 1];
        for ((other, above), corner) in to.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            next.push((corner + usize::from(*other != letter)).min(left + 1).min(above + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
