//! A small HTTP/1.1 client: one connection, kept alive, one request at a time.
//!
//! It speaks what the chat's REST interface needs (JSON in, JSON out, `Content-Length` or chunks) and nothing else: no
//! redirects, no compression, no TLS. It knows no route; those are in `api`.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::target::Target;

/// How long one request may take, answer included.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer that is read.
const LONGEST: usize = 16 << 20;

/// One request.
pub(crate) struct Ask<'a> {
    /// The verb.
    pub(crate) method: &'a str,
    /// Path and query.
    pub(crate) path: &'a str,
    /// The access token, when signed in.
    pub(crate) token: Option<&'a str>,
    /// The JSON to send.
    pub(crate) body: Option<Value>,
}

/// One answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// `Retry-After`, when given in seconds.
    pub(crate) retry_after: Option<Duration>,
    /// The body, chunks joined.
    pub(crate) body: Vec<u8>,
    keep: bool,
}

/// A connection to one server.
pub(crate) struct Http {
    target: Target,
    stream: Option<TcpStream>,
}

impl Http {
    /// A client of `target`; connects at the first request.
    pub(crate) fn new(target: Target) -> Self {
        Self { target, stream: None }
    }

    /// Sends one request and reads its answer. A kept connection that turns out dead is replaced once.
    ///
    /// # Errors
    /// When the server cannot be reached, hangs up, answers nonsense, or needs more than 30 s.
    pub(crate) async fn ask(&mut self, ask: &Ask<'_>) -> anyhow::Result<Answer> {
        let kept = self.stream.is_some();
        let first = timeout(PATIENCE, self.once(ask)).await.context("no answer within 30 s");
        match first {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) if kept => timeout(PATIENCE, self.once(ask)).await.context("no answer within 30 s")?,
            Ok(Err(e)) => Err(e),
            Err(e) => Err(e),
        }
    }

    async fn once(&mut self, ask: &Ask<'_>) -> anyhow::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.target.connect().await?,
        };
        stream.write_all(&written(ask, self.target.authority())).await?;
        let mut bytes = Vec::with_capacity(4096);
        loop {
            if let Some(answer) = read(&bytes)? {
                if answer.keep {
                    self.stream = Some(stream);
                }
                return Ok(answer);
            }
            if bytes.len() > LONGEST {
                bail!("answer longer than {LONGEST} bytes");
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                bail!("the server hung up in the middle of an answer");
            }
        }
    }
}

/// The request as bytes.
fn written(ask: &Ask<'_>, host: &str) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n", ask.method, ask.path);
    if let Some(token) = ask.token {
        out.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    if let Some(body) = &ask.body {
        let body = body.to_string();
        out.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    } else if ask.method == "GET" {
        out.push_str("\r\n");
    } else {
        out.push_str("Content-Length: 0\r\n\r\n");
    }
    out.into_bytes()
}

/// The answer at the start of `bytes`; `None` while it is incomplete.
///
/// # Errors
/// When the bytes are no HTTP/1.1 answer, or one without a length.
fn read(bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = bytes.split_at(end + 4);
    let head = str::from_utf8(head).context("answer head is not text")?;
    let mut lines = head.split("\r\n");
    let status: u16 = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 "))
        .and_then(|line| line.get(..3))
        .and_then(|code| code.parse().ok())
        .context("no HTTP/1.1 status line")?;
    let headers: Vec<(&str, &str)> = lines.filter_map(|l| l.split_once(':')).map(|(n, v)| (n, v.trim())).collect();
    let header = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
    let body = if status == 204 || status == 304 {
        Vec::new()
    } else if header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        match joined(body)? {
            Some(body) => body,
            None => return Ok(None),
        }
    } else {
        let length: usize = header("content-length").context("answer without a length")?.parse()?;
        match body.get(..length) {
            Some(body) => body.to_vec(),
            None => return Ok(None),
        }
    };
    Ok(Some(Answer {
        status,
        retry_after: header("retry-after").and_then(|v| v.parse().ok()).map(Duration::from_secs),
        keep: !header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close")),
        body,
    }))
}

/// The chunks of RFC 9112 §7.1 joined; `None` while the last one is missing.
fn joined(mut bytes: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    loop {
        let Some(end) = bytes.windows(2).position(|w| w == b"\r\n") else { return Ok(None) };
        let (line, rest) = bytes.split_at(end);
        let size = str::from_utf8(line)?.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).context("chunk size")?;
        let Some(chunk) = rest.get(2..2 + size) else { return Ok(None) };
        let Some(after) = rest.get(2 + size + 2..) else { return Ok(None) };
        if size == 0 {
            return Ok(Some(out));
        }
        out.extend_from_slice(chunk);
        bytes = after;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_read_only_when_it_is_whole() {
        let whole = b"HTTP/1.1 429 Too Many\r\nretry-after: 3\r\nContent-Length: 2\r\n\r\n{}";
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]).unwrap(), None, "{cut}");
        }
        let answer = read(whole).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (429, &b"{}"[..]));
        assert_eq!(answer.retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn chunks_are_joined() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut]).unwrap(), None, "{cut}");
        }
        assert_eq!(read(bytes).unwrap().unwrap().body, b"abcde");
    }

    #[test]
    fn no_content_needs_no_length_and_nonsense_is_refused() {
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap().status, 204);
        assert!(read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(read(b"hello\r\n\r\n").is_err());
    }

    #[tokio::test]
    async fn a_kept_connection_that_died_is_replaced() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            for _ in 0..2 {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut buf = [0; 1024];
                let n = socket.read(&mut buf).await.unwrap();
                assert!(buf[..n].starts_with(b"GET /x HTTP/1.1\r\n"));
                socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1").await.unwrap();
            }
        });
        let mut http = Http::new(Target::parse(&url).unwrap());
        let ask = Ask { method: "GET", path: "/x", token: None, body: None };
        assert_eq!(http.ask(&ask).await.unwrap().body, b"1");
        assert_eq!(http.ask(&ask).await.unwrap().body, b"1");
        server.await.unwrap();
    }
}
