//! `chat-server healthcheck`: asks the running server whether it is ready.
//!
//! For containers without a shell or curl. Written by hand over a TCP stream: one request of fixed text and the first
//! line of the answer are all there is to it, and a client library would be ten times the rest.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// For connecting, writing and reading each.
const WAIT: Duration = Duration::from_secs(2);

/// Why the server is not known to be ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// `http.listen` has port 0: nobody can know where the server is.
    #[error("http.listen has port 0, so there is nowhere to ask")]
    NoPort,
    /// No answer.
    #[error("no answer from {address}: {source}")]
    Silent {
        /// Who was asked.
        address: SocketAddr,
        /// What happened instead.
        source: io::Error,
    },
    /// An answer other than 200.
    #[error("{address} answered `{status}`")]
    Answered {
        /// Who was asked.
        address: SocketAddr,
        /// The first line of the answer.
        status: String,
    },
}

/// `GET /readyz` on the address the server listens on; on loopback when it listens everywhere.
///
/// # Errors
/// [`NotReady`]: anything but 200 within a few seconds.
pub fn healthcheck(listen: SocketAddr) -> Result<(), NotReady> {
    if listen.port() == 0 {
        return Err(NotReady::NoPort);
    }
    let address = SocketAddr::new(reachable(listen.ip()), listen.port());
    let status = ask(address).map_err(|source| NotReady::Silent { address, source })?;
    let mut words = status.split(' ');
    if words.next().is_some_and(|version| version.starts_with("HTTP/1.")) && words.next() == Some("200") {
        return Ok(());
    }
    Err(NotReady::Answered { address, status: status.escape_debug().collect() })
}

fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => ip,
    }
}

/// The first line of the answer, within the first 256 bytes and one wait however slowly they come.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, WAIT)?;
    stream.set_write_timeout(Some(WAIT))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let deadline = Instant::now() + WAIT;
    let mut head = Vec::new();
    let mut some = [0; 64];
    while head.len() < 256 && !head.contains(&b'\n') {
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        stream.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        match stream.read(&mut some)? {
            0 => break,
            length => head.extend(some.iter().take(length)),
        }
    }
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(bytes: &'static [u8]) -> (SocketAddr, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 1024];
            let length = stream.read(&mut asked).unwrap();
            stream.write_all(bytes).unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        (address, server)
    }

    #[test]
    fn a_ready_server_is_found_even_when_it_listens_everywhere() {
        let (address, server) = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let everywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
        healthcheck(everywhere).unwrap();
        assert!(server.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:"));
    }

    #[test]
    fn anything_but_200_is_not_ready() {
        for answer in [&b"HTTP/1.1 503 Service Unavailable\r\n\r\n"[..], b"HTTP/1.1 2000 OK\r\n", b"hello", b""] {
            let (address, server) = answering(answer);
            assert!(matches!(healthcheck(address), Err(NotReady::Answered { .. })));
            server.join().unwrap();
        }
    }

    #[test]
    fn a_server_that_drips_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b"H").is_ok() {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let begun = Instant::now();
        assert!(matches!(healthcheck(address), Err(NotReady::Silent { .. })));
        assert!(begun.elapsed() < 3 * WAIT);
        server.join().unwrap();
    }

    #[test]
    fn nobody_there_is_not_ready() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(healthcheck(free), Err(NotReady::Silent { .. })));
        let nowhere = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        assert!(matches!(healthcheck(nowhere), Err(NotReady::NoPort)));
    }
}
