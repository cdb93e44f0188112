//! The settings: one documented struct, every name of it stable for operators.
//!
//! Each section is declared once, by the macro in `section`, with its defaults, ranges and words; the struct, the range
//! checks, the environment names and the documented table come from that one place. Only `load` knows files and
//! environment; only this crate reads settings, everybody else is handed plain values.

mod auth;
mod error;
mod hidden;
mod http;
mod hub;
mod limits;
mod load;
mod network;
mod operating;
mod origin;
mod section;
mod server_url;
mod shape;
mod show;
mod store;
mod trace;

use serde::{Deserialize, Serialize};

pub use auth::{Auth, Registration};
pub use error::SettingsError;
pub use hidden::Hidden;
pub use http::{Http, Metrics, OptionalAddress};
pub use hub::Hub;
pub use limits::Limits;
pub use load::{Loaded, Source, Sources};
pub use network::Network;
pub use operating::{Drain, Level, Levels, Log, LogFormat, Node};
pub use origin::Origin;
use section::Section;
pub use server_url::ServerUrl;
pub use store::{Redis, Store, StoreUrl};
pub use trace::{Collector, OtlpEndpoint, Trace};

/// All settings, checked. Made by [`Sources::load`], or by `default` in tests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The public listener.
    pub http: Http,
    /// The listener for Prometheus.
    pub metrics: Metrics,
    /// The record.
    pub store: Store,
    /// Between nodes.
    pub redis: Redis,
    /// This node.
    pub node: Node,
    /// Tokens and passwords.
    pub auth: Auth,
    /// Sizes, caps, rates and waits.
    pub limits: Limits,
    /// The live part.
    pub hub: Hub,
    /// Logs.
    pub log: Log,
    /// Traces.
    pub trace: Trace,
    /// Shutdown.
    pub drain: Drain,
}

/// One setting as a table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documented {
    /// `section.key`.
    pub key: String,
    /// The default as it is written in TOML.
    pub default: String,
    /// What it means, with its unit.
    pub doc: String,
}

impl Settings {
    /// Every setting with its default and its words, in the order of this struct.
    #[must_use]
    pub fn documented() -> Vec<Documented> {
        let defaults = Self::default();
        let of_section = |section: &dyn Section| {
            let values = section.values();
            let row = move |&(key, doc): &(&str, &str)| Documented {
                key: format!("{}.{key}", section.name()),
                default: show::literal(values.get(key)),
                doc: doc.split_whitespace().collect::<Vec<_>>().join(" "),
            };
            section.docs().iter().map(row).collect::<Vec<_>>()
        };
        defaults.sections().into_iter().flat_map(of_section).collect()
    }

    fn sections(&self) -> [&dyn Section; 11] {
        [
            &self.http,
            &self.metrics,
            &self.store,
            &self.redis,
            &self.node,
            &self.auth,
            &self.limits,
            &self.hub,
            &self.log,
            &self.trace,
            &self.drain,
        ]
    }

    /// Ranges of every number, then what settings demand of each other.
    fn check(&self) -> Result<(), SettingsError> {
        self.sections().into_iter().try_for_each(Section::check)?;
        self.auth.check_together()?;
        self.limits.check_together()?;
        self.redis.check_with(&self.store)?;
        self.auth.check_with(&self.store)
    }
}
