//! Whose request it is, as far as addresses tell: for limits, never for logs or metrics.
//!
//! `X-Forwarded-For` can be written by anybody, so it is believed only as far as trusted proxies wrote it: from the right, up
//! to the first address that is none of theirs. An IPv6 address counts by its /64, which is what one customer gets
//! (RFC 6177), so that nobody has more addresses than limits.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;

use crate::settings::WebSettings;

/// A network in CIDR notation (RFC 4632), or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8` or an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base = base.parse::<IpAddr>().ok()?;
        let whole = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) => digits.parse().ok().filter(|prefix| *prefix <= whole)?,
            None => whole,
        };
        Some(Self { base, prefix })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                u32::from(base).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                u128::from(base).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Exactly these.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// The address that a request counts for.
#[must_use]
pub fn address_of(request: &HttpRequest, settings: &WebSettings) -> String {
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let forwarded: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
    match request.peer_addr() {
        Some(peer) => normal(client(peer.ip().to_canonical(), &forwarded, &settings.trusted_proxies)),
        None => "unknown".to_owned(), // only in tests: every connection has a peer
    }
}

/// The rightmost address that no trusted proxy has; what is no address is taken for the end of what they wrote.
fn client(peer: IpAddr, forwarded: &[&str], proxies: &TrustedProxies) -> IpAddr {
    let mut client = peer;
    for text in forwarded.iter().rev() {
        if !proxies.trust(client) {
            break;
        }
        let Some(before) = parse(text.trim()) else { break };
        client = before;
    }
    client
}

/// With or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn normal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from(u128::from(address) & (u128::MAX << 64));
            format!("{network}/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn address(peer: &str, forwarded: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"].iter().filter_map(|text| Network::parse(text)).collect();
        let settings = WebSettings { trusted_proxies: TrustedProxies::new(networks), ..WebSettings::default() };
        let mut request = TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 1));
        for value in forwarded {
            request = request.append_header(("X-Forwarded-For", *value));
        }
        address_of(&request.to_http_request(), &settings)
    }

    #[test]
    fn n1_what_strangers_forward_is_ignored() {
        assert_eq!(address("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(address("192.0.2.8", &["198.51.100.1"]), "192.0.2.8");
        assert_eq!(address("11.0.0.1", &["198.51.100.1"]), "11.0.0.1");
    }

    #[test]
    fn n1_trusted_proxies_are_believed_up_to_the_rightmost_foreign_address() {
        assert_eq!(address("10.0.0.1", &["6.6.6.6, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.1, 10.9.9.9,192.0.2.7"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["6.6.6.6", "198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(address("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn n1_ipv6_counts_by_its_64() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::/64");
        assert_eq!(address("fd00::1", &["[2001:db8:1:2:ffff::1]:443"]), "2001:db8:1:2::/64");
    }

    #[test]
    fn networks_are_addresses_or_cidr() {
        for good in ["0.0.0.0/0", "::/0", "127.0.0.1", "::1"] {
            assert!(Network::parse(good).is_some(), "{good}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "host", "10.0.0.0/"] {
            assert!(Network::parse(bad).is_none(), "{bad}");
        }
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("1.2.3.4".parse().unwrap()));
        assert!(Network::parse("::/0").unwrap().contains("::1".parse().unwrap()));
    }
}
