//! A line between a client and a server of two lines.

use super::*;

const SOON: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(200);

/// A server that says back what it hears.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            thread::spawn(move || {
                let mut other = stream.try_clone().unwrap();
                drop(io::copy(&mut stream, &mut other));
            });
        }
    });
    address
}

fn client(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn hears(mut stream: &TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(heard, text.as_bytes());
}

fn hears_nothing(mut stream: &TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let e = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{e}");
    stream.set_read_timeout(Some(SOON)).unwrap();
}

fn is_reset(mut stream: &TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

fn says(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_whole_line_carries_both_ways_and_ends_with_its_clients() {
    let proxy = Proxy::start(echo()).unwrap();
    let mut stream = client(&proxy);
    says(&stream, "hello");
    hears(&stream, "hello");
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_cut_line_is_silent_and_what_lost_bytes_is_reset_when_it_heals() {
    for direction in [Direction::ToServer, Direction::ToClient, Direction::Both] {
        let proxy = Proxy::start(echo()).unwrap();
        let (torn, whole) = (client(&proxy), client(&proxy));
        for stream in [&torn, &whole] {
            says(stream, "before");
            hears(stream, "before");
        }
        proxy.cut(direction);
        says(&torn, "lost");
        hears_nothing(&torn);
        proxy.heal();
        is_reset(&torn);
        says(&whole, "after");
        hears(&whole, "after");
        let new = client(&proxy);
        says(&new, "new");
        hears(&new, "new");
    }
}

#[test]
fn who_comes_to_a_cut_line_is_accepted_and_hears_nothing() {
    for direction in [Direction::ToServer, Direction::ToClient, Direction::Both] {
        let proxy = Proxy::start(echo()).unwrap();
        proxy.cut(direction);
        let stream = client(&proxy);
        says(&stream, "hello?");
        hears_nothing(&stream);
        proxy.heal();
        is_reset(&stream);
    }
}

#[test]
fn the_end_of_a_server_is_not_seen_through_a_cut() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).unwrap();
    let stream = client(&proxy);
    says(&stream, "x");
    let (server, _) = listener.accept().unwrap();
    hears(&server, "x");
    proxy.cut(Direction::Both);
    drop(server);
    hears_nothing(&stream);
    proxy.heal();
    is_reset(&stream);
}

#[test]
fn a_line_to_nobody_closes_its_clients() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let proxy = Proxy::start(gone).unwrap();
    assert!(matches!(client(&proxy).read(&mut [0]), Ok(0) | Err(_)));
    let address = proxy.address();
    drop(proxy);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_line_whose_server_does_not_read_can_still_be_ended() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).unwrap();
    let mut stream = client(&proxy);
    let (_server, _) = listener.accept().unwrap();
    stream.set_write_timeout(Some(SILENCE)).unwrap();
    while stream.write(&[0; CHUNK]).is_ok() {}
    drop(proxy);
    let end = std::time::Instant::now() + SOON;
    while !matches!(stream.write(&[0]), Err(e) if e.kind() == io::ErrorKind::ConnectionReset || e.kind() == io::ErrorKind::BrokenPipe)
    {
        assert!(std::time::Instant::now() < end, "still open");
    }
}
