//! The listeners: `http.*` for people, `metrics.*` for Prometheus.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{Network, Origin, section::section};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

section! {
    /// The public listener: REST, WebSocket, documents and the web client.
    Http in "http" {
        /// Address and port to listen on; port 0 takes a free one.
        listen: SocketAddr = SocketAddr::new(LOOPBACK, 8080);
        /// Foreign web origins that may use the API and open sockets, such as `https://chat.example`; this host is always allowed.
        allowed_origins: Vec<Origin> = Vec::new();
        /// Addresses and networks of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
        trusted_proxies: Vec<Network> = Vec::new();
        /// Threads that serve; 0 = one per core.
        workers: usize = 0, within 0..=1_024;
        /// Connections that may wait to be accepted.
        backlog: u32 = 4_096, within 1..=65_535;
        /// Connections that one worker serves at a time.
        connections_per_worker: usize = 100_000, within 1..=10_000_000;
        /// Seconds that an idle HTTP connection is kept.
        keep_alive_seconds: u64 = 75, within 1..=3_600;
    }
}

section! {
    /// The listener for Prometheus; never public.
    Metrics in "metrics" {
        /// Address and port of `/metrics`; port 0 takes a free one, empty = off.
        listen: OptionalAddress = OptionalAddress(Some(SocketAddr::new(LOOPBACK, 9090)));
    }
}

/// An address and port, or the empty text for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OptionalAddress(pub Option<SocketAddr>);

impl TryFrom<String> for OptionalAddress {
    type Error = std::net::AddrParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|address| Self(Some(address))) }
    }
}

impl From<OptionalAddress> for String {
    fn from(address: OptionalAddress) -> Self {
        address.0.map(|address| address.to_string()).unwrap_or_default()
    }
}
