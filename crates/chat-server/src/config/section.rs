//! How a section of the settings is declared: once, with its words, defaults and ranges.
//!
//! The macro makes the struct (serde reads and writes it), its `Default`, and what the generic parts need: names, words
//! and range checks. A second table of settings would be wrong within a week.

use std::{fmt::Display, ops::RangeInclusive};

use serde_json::{Map, Value};

use super::SettingsError;

/// What the generic parts (documents, `config` output, checks) ask of a section.
pub(super) trait Section {
    /// The part of the key before the dot.
    fn name(&self) -> &'static str;
    /// Keys and their words, in order.
    fn docs(&self) -> &'static [(&'static str, &'static str)];
    /// Present values by key; secrets redacted.
    fn values(&self) -> Map<String, Value>;
    /// Every number within its range.
    fn check(&self) -> Result<(), SettingsError>;
}

/// A number outside its range is an error that names the key and the range.
pub(super) fn within<T: PartialOrd + Display>(
    section: &str,
    key: &str,
    value: &T,
    range: &RangeInclusive<T>,
) -> Result<(), SettingsError> {
    if range.contains(value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(SettingsError::wrong(&format!("{section}.{key}"), format!("{value} is not within {least} … {most}")))
}

macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident in $section:literal {
        $($(#[doc = $doc:literal])+ $field:ident: $ty:ty = $default:expr $(, within $range:expr)?;)+
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $ty,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::config::section::Section for $name {
            fn name(&self) -> &'static str {
                $section
            }

            fn docs(&self) -> &'static [(&'static str, &'static str)] {
                &[$((stringify!($field), concat!($($doc),+)),)+]
            }

            fn values(&self) -> serde_json::Map<String, serde_json::Value> {
                match serde_json::to_value(self) {
                    Ok(serde_json::Value::Object(values)) => values,
                    Ok(_) | Err(_) => serde_json::Map::new(),
                }
            }

            fn check(&self) -> Result<(), $crate::config::SettingsError> {
                $($($crate::config::section::within($section, stringify!($field), &self.$field, &($range))?;)?)+
                Ok(())
            }
        }
    };
}
pub(super) use section;
