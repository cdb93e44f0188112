//! The transport over real connections: what a client that breaks RFC 6455, or a limit, or only stops reading, gets to see.
//!
//! The echo server of `tests/echo` runs on exactly the product's transport; the clients are bare TCP streams, because a
//! WebSocket library would refuse to send what is sent here.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod echo;

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    ops::Deref,
    sync::{atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use echo::{Echo, EchoSettings};

const SECOND: Duration = Duration::from_secs(1);
/// More than any correct server here needs, so that a broken one fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running(Echo);

impl Deref for Running {
    type Target = Echo;

    fn deref(&self) -> &Echo {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The command is sent at once; nobody waits for the answer.
        drop(self.0.handle.stop(false));
    }
}

fn start(settings: EchoSettings) -> Running {
    let (started, starting) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let (server, echo) = echo::serve(&settings, 0).unwrap();
            started.send(echo).unwrap();
            server.await.unwrap();
        });
    });
    Running(starting.recv().unwrap())
}

fn product() -> EchoSettings {
    EchoSettings { workers: 1, ..EchoSettings::with_limit(64 * 1024) }
}

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
    Sec-WebSocket-Protocol: x, chat.v1\r\n\r\n";

fn connect(echo: &Echo) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(echo.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(HANDSHAKE.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(byte(&mut stream));
    }
    (stream, String::from_utf8(answer).unwrap().to_ascii_lowercase())
}

fn open(echo: &Echo) -> TcpStream {
    connect(echo).0
}

fn byte(stream: &mut TcpStream) -> u8 {
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    byte[0]
}

/// A masked client frame with the given first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0x33, 0x44];
    let mut bytes = vec![first];
    if payload.len() < 126 {
        bytes.push(0x80 | payload.len() as u8);
    } else if let Ok(len) = u16::try_from(payload.len()) {
        bytes.push(0x80 | 126);
        bytes.extend(len.to_be_bytes());
    } else {
        bytes.push(0x80 | 127);
        bytes.extend((payload.len() as u64).to_be_bytes());
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The next frame of the server: first byte, payload.
fn read_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let first = byte(stream);
    let len = match byte(stream) {
        126 => usize::from(u16::from_be_bytes([byte(stream), byte(stream)])),
        127 => {
            let mut len = [0; 8];
            stream.read_exact(&mut len).unwrap();
            u64::from_be_bytes(len) as usize
        }
        short => usize::from(short),
    };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).unwrap();
    (first, payload)
}

/// Expects a close frame with `code`, and the end of the connection within a second although we do not close our side.
fn expect_close(stream: &mut TcpStream, code: u16) -> Duration {
    let (first, payload) = read_frame(stream);
    assert_eq!(first, 0x88, "a close frame");
    assert_eq!(u16::from_be_bytes([payload[0], payload[1]]), code);
    let closing = Instant::now();
    expect_end(stream);
    assert!(closing.elapsed() < SECOND, "the connection stayed open for {:?}", closing.elapsed());
    closing.elapsed()
}

fn expect_end(stream: &mut TcpStream) {
    match stream.read(&mut [0; 64]) {
        Ok(len) => assert_eq!(len, 0, "nothing follows a close frame"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

fn eventually(what: &str, within: Duration, holds: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

/// Resident bytes of this process, which holds both sides.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// What other tests of this process may take meanwhile. The defects that are looked for take 32 MiB and more.
const NOISE: usize = 8 * 1024 * 1024;

#[test]
fn the_handshake_names_our_subprotocol_and_no_extension() {
    let echo = start(product());
    let (_stream, answer) = connect(&echo);
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{answer}");
    assert!(answer.contains("\r\nsec-websocket-protocol: chat.v1\r\n"), "{answer}");
    assert!(!answer.contains("sec-websocket-extensions"), "{answer}");
}

#[test]
fn messages_come_back_whole_in_fragments_and_byte_by_byte() {
    let echo = start(product());
    let mut stream = open(&echo);
    let long = vec![b'x'; 64 * 1024];
    stream.write_all(&frame(0x81, &long)).unwrap();
    assert_eq!(read_frame(&mut stream), (0x81, long));
    let fragments = [frame(0x02, b"ab"), frame(0x89, b"ping"), frame(0x00, b""), frame(0x80, b"c")];
    for byte in fragments.concat() {
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!(read_frame(&mut stream), (0x8A, b"ping".to_vec()));
    assert_eq!(read_frame(&mut stream), (0x82, b"abc".to_vec()));
}

#[test]
fn a_character_may_be_split_over_fragments() {
    let echo = start(product());
    let mut stream = open(&echo);
    let text = "ж".as_bytes();
    stream.write_all(&[frame(0x01, &text[..1]), frame(0x80, &text[1..])].concat()).unwrap();
    assert_eq!(read_frame(&mut stream), (0x81, text.to_vec()));
}

#[test]
fn who_sends_a_close_frame_sees_the_connection_closed_at_once() {
    let echo = start(product());
    let mut stream = open(&echo);
    stream.write_all(&frame(0x88, &[&1000_u16.to_be_bytes()[..], b"bye"].concat())).unwrap();
    let closed = expect_close(&mut stream, 1000);
    assert!(closed < Duration::from_millis(200), "{closed:?}");
    eventually("the session ends", SECOND, || echo.sessions.load(Ordering::SeqCst) == 0);
}

#[test]
fn a_close_frame_waits_behind_everything_that_was_said_before() {
    let echo = start(product());
    let mut stream = open(&echo);
    let text = vec![b'x'; 50_000];
    for _ in 0..20 {
        stream.write_all(&frame(0x81, &text)).unwrap();
    }
    stream.write_all(&frame(0x88, &1000_u16.to_be_bytes())).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    for _ in 0..20 {
        assert_eq!(read_frame(&mut stream), (0x81, text.clone()));
    }
    expect_close(&mut stream, 1000);
}

#[test]
fn a_client_that_only_hangs_up_leaves_nothing_behind() {
    let echo = start(product());
    let stream = open(&echo);
    let mut half = open(&echo);
    eventually("both are there", SECOND, || echo.sessions.load(Ordering::SeqCst) == 2);
    drop(stream);
    half.shutdown(Shutdown::Write).unwrap();
    eventually("both are gone", SECOND, || echo.sessions.load(Ordering::SeqCst) == 0);
    half.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn t7_what_breaks_the_protocol_is_closed_with_1002_within_a_second() {
    let echo = start(product());
    let unmasked = vec![0x81, 0x02, b'h', b'i'];
    let in_fragments = |bytes: Vec<u8>| [frame(0x01, b"a"), bytes].concat();
    for (what, bytes) in [
        ("unmasked", unmasked),
        ("RSV1", frame(0xC1, b"a")),
        ("RSV2", frame(0xA1, b"a")),
        ("RSV3", frame(0x91, b"a")),
        ("reserved opcode", frame(0x83, b"a")),
        ("reserved control opcode", frame(0x8B, b"a")),
        ("fragmented ping", frame(0x09, b"a")),
        ("ping of 126 bytes", frame(0x89, &[0; 126])),
        ("text in fragments", in_fragments(frame(0x81, b"a"))),
        ("continuation of nothing", frame(0x80, b"a")),
        ("length with its highest bit", vec![0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("close of one byte", frame(0x88, b"a")),
        ("close with code 1005", frame(0x88, &1005_u16.to_be_bytes())),
    ] {
        eprintln!("{what}");
        let mut stream = open(&echo);
        stream.write_all(&[frame(0x81, b"before"), bytes].concat()).unwrap();
        assert_eq!(read_frame(&mut stream), (0x81, b"before".to_vec()), "what came before is answered");
        expect_close(&mut stream, 1002);
    }
    eventually("no session is left", SECOND, || echo.sessions.load(Ordering::SeqCst) == 0);
}

#[test]
fn t8_text_that_is_not_utf8_is_closed_with_1007() {
    let echo = start(product());
    for bytes in [
        frame(0x81, b"\xFF"),
        [frame(0x01, b"a"), frame(0x80, b"\xD0")].concat(),
        [frame(0x01, b"\xD0"), frame(0x00, b"\xD0"), frame(0x80, b"")].concat(),
    ] {
        let mut stream = open(&echo);
        stream.write_all(&[frame(0x81, b"before"), bytes].concat()).unwrap();
        assert_eq!(read_frame(&mut stream), (0x81, b"before".to_vec()));
        expect_close(&mut stream, 1007);
    }
}

#[test]
fn t9_an_announcement_of_2_to_the_40_costs_nothing() {
    let echo = start(product());
    let mut stream = open(&echo);
    stream.write_all(&frame(0x81, b"warm")).unwrap();
    read_frame(&mut stream);
    let block = vec![0; 64 * 1024];
    let before = resident();
    stream.write_all(&[0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]).unwrap();
    let mut most = 0;
    // 100 MiB, or until the server has had enough.
    for _ in 0..1_600 {
        if stream.write_all(&block).is_err() {
            break;
        }
        most = most.max(resident().saturating_sub(before));
    }
    assert!(most < NOISE, "{most} bytes more");
    let mut stream = open(&echo);
    stream.write_all(&[0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0]).unwrap();
    expect_close(&mut stream, 1009);
}

#[test]
fn t9_fragments_that_add_up_to_too_much_are_closed_with_1009() {
    let echo = start(product());
    let mut stream = open(&echo);
    let half = vec![b'x'; 32 * 1024];
    let bytes = [frame(0x01, &half), frame(0x00, &half), frame(0x80, b"x")[..2].to_vec()].concat();
    stream.write_all(&bytes).unwrap();
    expect_close(&mut stream, 1009);
}

#[test]
fn t10_one_byte_fragments_that_never_finish_are_closed_with_1002() {
    let mut settings = product();
    settings.handshake.fragments_within = Duration::from_millis(400);
    let echo = start(settings);
    let mut stream = open(&echo);
    let mut trickle = stream.try_clone().unwrap();
    let begun = Instant::now();
    std::thread::spawn(move || {
        let mut first = 0x01;
        while trickle.write_all(&frame(first, b"x")).is_ok() {
            first = 0x00;
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let (first, payload) = read_frame(&mut stream);
    assert_eq!((first, &payload[..2]), (0x88, &1002_u16.to_be_bytes()[..]));
    assert!(begun.elapsed() >= Duration::from_millis(400));
    expect_end(&mut stream);
    assert!(begun.elapsed() < 2 * SECOND, "{:?}", begun.elapsed());
}

#[test]
fn t10_a_million_empty_fragments_take_no_memory() {
    let echo = start(product());
    let mut stream = open(&echo);
    let thousand = frame(0x00, b"").repeat(1_000);
    stream.write_all(&frame(0x01, b"a")).unwrap();
    stream.write_all(&thousand).unwrap();
    let before = resident();
    let mut most = 0;
    for _ in 0..1_000 {
        stream.write_all(&thousand).unwrap();
        most = most.max(resident().saturating_sub(before));
    }
    stream.write_all(&frame(0x80, b"b")).unwrap();
    assert_eq!(read_frame(&mut stream), (0x81, b"ab".to_vec()));
    assert!(most < NOISE, "{most} bytes more");
}

#[test]
fn t10_one_byte_fragments_cost_no_multiple_of_the_message() {
    let echo = start(product());
    let mut stream = open(&echo);
    let fragments = frame(0x00, b"x").repeat(64 * 1024 - 1);
    stream.write_all(&frame(0x81, &[b'w'; 60_000])).unwrap();
    read_frame(&mut stream);
    let before = resident();
    stream.write_all(&frame(0x01, b"x")).unwrap();
    stream.write_all(&fragments).unwrap();
    stream.write_all(&frame(0x80, b"")).unwrap();
    assert_eq!(read_frame(&mut stream), (0x81, vec![b'x'; 64 * 1024]));
    let more = resident().saturating_sub(before);
    assert!(more < 1024 * 1024, "{more} bytes more");
}

#[test]
fn t12_a_reader_that_stops_for_ever_is_dropped_and_its_queue_freed() {
    let no_progress = Duration::from_secs(2);
    let echo = start(EchoSettings { no_progress, ..product() });
    let mut stream = open(&echo);
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let message = frame(0x81, &[b'x'; 60_000]);
    // Until every buffer on the way there and back is full.
    while stream.write_all(&message).is_ok() {}
    assert_eq!(echo.sessions.load(Ordering::SeqCst), 1);
    let took = eventually("the session ends", no_progress + 3 * SECOND, || echo.sessions.load(Ordering::SeqCst) == 0);
    assert!(took > Duration::from_millis(500), "it had its time: {took:?}");
}
