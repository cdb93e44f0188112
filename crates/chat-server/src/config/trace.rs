//! Traces: `trace.*`. Off until an endpoint is named.

use serde::{Deserialize, Serialize};

use super::section::section;

section! {
    /// Traces, by OpenTelemetry's protocol over HTTP.
    Trace in "trace" {
        /// Collector that takes OTLP over HTTP, such as `http://collector:4318`; `/v1/traces` is added. Empty = off.
        endpoint: OtlpEndpoint = OtlpEndpoint::default();
        /// Part of the traces that begin here which is exported, 0 to 1; what comes with a `traceparent` is decided by its sender, except that 0 exports nothing.
        sample_ratio: f64 = 0.1, within 0.0..=1.0;
        /// Spans that wait to be exported; above it they are dropped and counted.
        queue_spans: usize = 2_048, within 1..=1_000_000;
        /// Spans in one export, at most.
        batch_spans: usize = 512, within 1..=10_000;
        /// Milliseconds that one export may take; a draining server waits so long for the last ones.
        timeout_ms: u64 = 3_000, within 100..=60_000;
    }
}

/// Where spans go, taken apart; the default is nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OtlpEndpoint(Option<Collector>);

/// A collector's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// Host, and port if it was given: what the header `Host` says.
    pub authority: String,
    /// Host alone, without the brackets of an IPv6 address.
    pub host: String,
    /// The port, given or 80.
    pub port: u16,
    /// What stands before `/v1/traces`; empty, or it begins with a slash and does not end with one.
    base: String,
}

impl OtlpEndpoint {
    /// The collector, when there is one.
    #[must_use]
    pub fn collector(&self) -> Option<&Collector> {
        self.0.as_ref()
    }
}

impl Collector {
    /// Where traces are posted to.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/v1/traces", self.base)
    }
}

impl TryFrom<String> for OtlpEndpoint {
    type Error = &'static str;

    /// Errors do not repeat the text: it may hold a password.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        const SHAPE: &str = "expected the address of an OTLP collector, such as http://collector:4318";
        if text.is_empty() {
            return Ok(Self(None));
        }
        if text.starts_with("https://") {
            return Err("https is not spoken here: name a collector on this machine or in this network, by http");
        }
        let rest = text.strip_prefix("http://").ok_or(SHAPE)?;
        let (authority, base) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.contains('@') || text.contains(['?', '#']) {
            return Err("takes an address without user, password or parameters");
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().ok().filter(|port| *port > 0).ok_or(SHAPE)?)
            }
            Some(_) | None => (authority, 80),
        };
        let bare = host.strip_prefix('[').map_or(Some(host), |rest| rest.strip_suffix(']')).ok_or(SHAPE)?;
        let is_host = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
        let is_path = base.bytes().all(|b| b.is_ascii_graphic());
        if !is_host || !is_path || (bare.contains(':') && bare == host) {
            return Err(SHAPE);
        }
        let (authority, host) = (authority.to_owned(), bare.to_owned());
        Ok(Self(Some(Collector { authority, host, port, base: base.trim_end_matches('/').to_owned() })))
    }
}

impl From<OtlpEndpoint> for String {
    fn from(OtlpEndpoint(collector): OtlpEndpoint) -> Self {
        collector.map(|Collector { authority, base, .. }| format!("http://{authority}{base}")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_address_and_its_path_is_completed() {
        for (text, host, port, path) in [
            ("http://collector:4318", "collector", 4318, "/v1/traces"),
            ("http://collector/", "collector", 80, "/v1/traces"),
            ("http://[::1]:4318/otlp/", "::1", 4318, "/otlp/v1/traces"),
            ("http://10.0.0.1/a/b", "10.0.0.1", 80, "/a/b/v1/traces"),
        ] {
            let endpoint = OtlpEndpoint::try_from(text.to_owned()).unwrap();
            let collector = endpoint.collector().unwrap();
            assert_eq!((collector.host.as_str(), collector.port, collector.path().as_str()), (host, port, path));
            assert_eq!(OtlpEndpoint::try_from(String::from(endpoint.clone())), Ok(endpoint));
        }
        assert_eq!(OtlpEndpoint::try_from(String::new()).unwrap().collector(), None);
    }

    #[test]
    fn l2_what_is_refused_is_refused_without_a_word_of_it() {
        for text in [
            "collector:4318",
            "https://collector:4318",
            "grpc://collector",
            "http://",
            "http://:4318",
            "http://a:0",
            "http://a:x",
            "http://::1",
            "http://[::1",
            "http://a b",
            "http://hunter2:hunter2@collector",
            "http://collector?token=hunter2",
        ] {
            let sentence = OtlpEndpoint::try_from(text.to_owned()).unwrap_err();
            assert!(!sentence.contains("hunter2"), "{sentence}");
        }
    }
}
