//! One WebSocket connection: the handshake, and frames over TCP.
//!
//! Idle connections must cost this program nothing, so that thousands fit beside the server: bytes are read into a
//! buffer of the thread, and only the beginning of an unfinished frame is kept per connection. It knows no JSON.

use std::{cell::RefCell, io, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::{
    frame::{self, Violation},
    target::Target,
};

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// How long a write may make no progress before the connection counts as lost.
const WRITE: Duration = Duration::from_secs(20);

/// Bytes asked of the kernel at once.
const CHUNK: usize = 64 << 10;

thread_local! {
    /// Shared by all connections of a thread; never held across an await.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One message or control frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// A whole text message.
    Text(&'a str),
    /// To be answered with the same bytes.
    Ping(&'a [u8]),
    /// The server ends the connection.
    Close(Option<u16>),
}

/// Why reading ended.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection ended without a Close, or failed.
    Gone(io::Error),
    /// The server broke RFC 6455.
    Violation(Violation),
}

/// The reading half.
pub(crate) struct Reader {
    half: OwnedReadHalf,
    /// The beginning of an unfinished frame.
    rest: Vec<u8>,
    /// The fragments of an unfinished message; `None` outside of one.
    fragments: Option<Vec<u8>>,
    /// Bytes per read; `None` reads what is there.
    chunk: Option<usize>,
}

/// The writing half.
pub(crate) struct Writer {
    half: OwnedWriteHalf,
    out: Vec<u8>,
}

/// The server refused the upgrade with this status.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) u16);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "upgrade refused with status {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Opens a connection of `chat.v1` on a TCP stream to `target`.
///
/// # Errors
/// [`Refused`] inside when the server answered something else than 101; anything else when it broke the handshake.
pub(crate) async fn upgrade(mut stream: TcpStream, target: &Target) -> anyhow::Result<(Reader, Writer)> {
    let key = generate_key();
    let request = format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: chat.v1\r\n\r\n",
        target.authority()
    );
    let rest = timeout(HANDSHAKE, async {
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                let rest = bytes.split_off(end + 4);
                check(&bytes, &key)?;
                return anyhow::Ok(rest);
            }
            if bytes.len() > CHUNK || stream.read_buf(&mut bytes).await? == 0 {
                bail!("no answer to the upgrade");
            }
        }
    })
    .await
    .context("the handshake timed out")??;
    let (read, write) = stream.into_split();
    let reader = Reader { half: read, rest, fragments: None, chunk: None };
    Ok((reader, Writer { half: write, out: Vec::new() }))
}

/// Checks the server's side of the handshake (RFC 6455 §4.1).
fn check(head: &[u8], key: &str) -> anyhow::Result<()> {
    let head = str::from_utf8(head).context("the handshake is not text")?;
    let status = head.get(9..12).and_then(|s| s.parse::<u16>().ok()).context("no status line")?;
    if status != 101 {
        return Err(Refused(status).into());
    }
    let has = |name: &str, value: &str| {
        head.split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .any(|(n, v)| n.eq_ignore_ascii_case(name) && v.trim() == value)
    };
    if !has("Sec-WebSocket-Accept", &derive_accept_key(key.as_bytes())) {
        bail!("wrong Sec-WebSocket-Accept");
    }
    if !has("Sec-WebSocket-Protocol", "chat.v1") {
        bail!("chat.v1 was not chosen");
    }
    Ok(())
}

impl Reader {
    /// From now on reads at most this many bytes at once; `None` reads what is there.
    ///
    /// The receive buffer stays as it is: one smaller than a segment makes the kernels retransmit with a doubling
    /// pause, and a reader that turns fast would wait for that pause instead of for the server.
    pub(crate) fn read_by(&mut self, chunk: Option<usize>) {
        self.chunk = chunk;
    }

    /// Waits until there may be something to read. Cancel safe.
    pub(crate) async fn ready(&self) -> io::Result<()> {
        // Only right after the handshake can the rest hold a whole frame (or a broken one, which `take` reports).
        let waiting = match frame::head(&self.rest) {
            Ok(Some(head)) => head.end > self.rest.len(),
            Ok(None) => true,
            Err(_) => false,
        };
        if waiting { self.half.readable().await } else { Ok(()) }
    }

    /// Reads once, without waiting, and hands every whole message to `on`.
    ///
    /// # Errors
    /// [`Broken`] when the connection ended or the server broke the rules; what came before was handed over.
    pub(crate) fn take(&mut self, on: &mut impl FnMut(Incoming<'_>)) -> Result<(), Broken> {
        SCRATCH.with(|scratch| {
            let mut scratch = scratch.borrow_mut();
            let kept = self.rest.len();
            if scratch.len() < kept + CHUNK {
                scratch.resize(kept + CHUNK, 0);
            }
            let (front, back) = scratch.split_at_mut(kept);
            front.copy_from_slice(&self.rest);
            let most = self.chunk.unwrap_or(CHUNK).min(back.len());
            let room = back.get_mut(..most).unwrap_or_default();
            let read = match self.half.try_read(room) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
                other => other,
            };
            let bytes = scratch.get(..kept + *read.as_ref().unwrap_or(&0)).unwrap_or_default();
            let used = walk(bytes, &mut self.fragments, on).map_err(Broken::Violation)?;
            self.rest.clear();
            self.rest.extend_from_slice(bytes.get(used..).unwrap_or_default());
            if self.rest.is_empty() && self.rest.capacity() > 4096 {
                self.rest = Vec::new();
            }
            read.map(drop).map_err(Broken::Gone)
        })
    }
}

/// Hands every whole message in `bytes` to `on`; says how many bytes that were.
fn walk(bytes: &[u8], fragments: &mut Option<Vec<u8>>, on: &mut impl FnMut(Incoming<'_>)) -> Result<usize, Violation> {
    let mut used = 0;
    while let Some(rest) = bytes.get(used..)
        && let Some(head) = frame::head(rest)?
        && let Some(payload) = rest.get(head.at..head.end)
    {
        used += head.end;
        match (head.opcode, fragments.as_mut()) {
            (frame::TEXT, None) if head.fin => on(Incoming::Text(text(payload)?)),
            (frame::TEXT, None) => *fragments = Some(payload.to_vec()),
            (frame::CONTINUATION, Some(whole)) => {
                whole.extend_from_slice(payload);
                if whole.len() > frame::LONGEST {
                    return Err(Violation::TooLong);
                }
                if head.fin {
                    on(Incoming::Text(text(whole)?));
                    *fragments = None;
                }
            }
            (frame::PING, _) => on(Incoming::Ping(payload)),
            (frame::CLOSE, _) => on(Incoming::Close(frame::close_code(payload))),
            (frame::PONG, _) => {}
            (_, _) => return Err(Violation::Fragments),
        }
    }
    Ok(used)
}

fn text(payload: &[u8]) -> Result<&str, Violation> {
    str::from_utf8(payload).map_err(|_| Violation::Utf8)
}

impl Writer {
    /// Sends one text message.
    ///
    /// # Errors
    /// When the connection is gone or took nothing for 20 s.
    pub(crate) async fn text(&mut self, text: &str) -> io::Result<()> {
        self.frame(frame::TEXT, text.as_bytes()).await
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// As [`Writer::text`].
    pub(crate) async fn frame(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.out.clear();
        frame::encode(opcode, payload, rand::random(), &mut self.out);
        match timeout(WRITE, self.half.write_all(&self.out)).await {
            Ok(written) => written,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes: &[u8]) -> (Vec<String>, Result<usize, Violation>) {
        let mut out = Vec::new();
        let used = walk(bytes, &mut None, &mut |m| out.push(format!("{m:?}")));
        (out, used)
    }

    #[test]
    fn whole_frames_are_handed_over_and_the_rest_is_kept() {
        let (out, used) = seen(&[0x81, 1, b'a', 0x89, 1, b'p', 0x88, 2, 3, 0xE8, 0x81, 5, b'x']);
        assert_eq!(out, ["Text(\"a\")", "Ping([112])", "Close(Some(1000))"]);
        assert_eq!(used, Ok(10));
    }

    #[test]
    fn fragments_are_joined_also_around_control_frames() {
        let (out, used) = seen(&[0x01, 1, b'a', 0x89, 0, 0x80, 1, b'b']);
        assert_eq!(out, ["Ping([])", "Text(\"ab\")"]);
        assert_eq!(used, Ok(8));
        assert_eq!(seen(&[0x80, 1, b'b']).1, Err(Violation::Fragments));
        assert_eq!(seen(&[0x01, 1, b'b', 0x81, 1, b'c']).1, Err(Violation::Fragments));
        assert_eq!(seen(&[0x81, 1, 0xFF]).1, Err(Violation::Utf8));
    }
}
