//! Ports for servers that must come back at the same address.
//!
//! Port 0 would be simpler, but it is answered from the range that outgoing connections take their ports from: while a server is
//! down, a client that keeps knocking at its port may be given that very port, talk to itself, and keep the server out. So ports
//! are drawn from below that range. Between the draw and the start of the server somebody else may take the port; whoever
//! starts a server tries again then.

use std::{
    fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    net::{Ipv4Addr, TcpListener},
};

/// Where the draw begins; the bus of a Redis cluster is 10,000 above a port and must stay below 65,536.
const LOWEST: u16 = 10_000;

/// Where Linux begins with outgoing ports unless it is told otherwise.
const USUAL: u16 = 32_768;

/// Draws before giving up.
const DRAWS: usize = 200;

/// A port on 127.0.0.1 that nobody listens on at this moment and no outgoing connection will be given.
///
/// # Errors
/// When none is found in many draws.
pub fn free_port() -> io::Result<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let span = u64::from(end(&range) - LOWEST);
    for _ in 0..DRAWS {
        let drawn = LOWEST.saturating_add(u16::try_from(random() % span).unwrap_or_default());
        if TcpListener::bind((Ipv4Addr::LOCALHOST, drawn)).is_ok() {
            return Ok(drawn);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no free port on 127.0.0.1 was found"))
}

/// The first port that an outgoing connection may get, as far as it leaves room for us.
fn end(range: &str) -> u16 {
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    first.filter(|first| *first > LOWEST + 1_000).unwrap_or(USUAL)
}

/// A random number; the standard library has no other source.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draw_ends_where_outgoing_ports_begin() {
        assert_eq!(end("32768\t60999\n"), 32_768);
        assert_eq!(end("20000\t65535\n"), 20_000);
        assert_eq!(end("1024\t65535\n"), USUAL);
        assert_eq!(end(""), USUAL);
    }

    #[test]
    fn a_drawn_port_can_be_bound() {
        let port = free_port().unwrap();
        assert!(port >= LOWEST);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
