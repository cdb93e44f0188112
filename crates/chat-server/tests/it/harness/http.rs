//! HTTP by hand: one request a connection, so that every byte of it can be wrong on purpose.
//!
//! What protocol §2 says of *every* answer is checked here, on every answer of every test.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::{PATIENCE, within};

/// Protocol §1.
const CODES: &str = "bad_request invalid_field unauthenticated token_expired session_revoked bad_credentials forbidden not_found \
    method_not_allowed conflict nonce_conflict username_taken gone reset_required precondition_failed too_large unsupported_media \
    timeout upgrade_required rate_limited slow_mode muted too_many_inflight too_many_subscriptions registration_closed unavailable \
    internal";

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    from: Ipv4Addr,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { method, path, headers: Vec::new(), body: None, from: Ipv4Addr::LOCALHOST }
    }

    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    pub(crate) fn maybe_json(self, body: Option<Value>) -> Self {
        match body {
            Some(body) => self.json(&body),
            None => self,
        }
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Another of the machine's own addresses: 127.0.0.n.
    pub(crate) fn from(mut self, n: u8) -> Self {
        self.from = Ipv4Addr::new(127, 0, 0, n);
        self
    }

    pub(crate) async fn send(self, to: SocketAddr) -> Reply {
        let what = format!("{} {}", self.method, self.path.chars().take(120).collect::<String>());
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let needs_length = self.body.is_some() || ["POST", "PUT", "PATCH"].contains(&self.method.as_str());
        if needs_length {
            head += &format!("Content-Length: {}\r\n", self.body.as_ref().map_or(0, Vec::len));
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend(self.body.unwrap_or_default());
        let answer = within(PATIENCE, &what, exchange(self.from, to, &bytes)).await;
        Reply::parse(&answer, what, self.method == "HEAD")
    }
}

async fn exchange(from: Ipv4Addr, to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// Reads one head, up to the empty line.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) bytes: Vec<u8>,
    what: String,
}

impl Reply {
    /// Takes an answer apart and checks what is true of every answer.
    pub(crate) fn parse(answer: &[u8], what: String, is_head: bool) -> Self {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else { panic!("{what}: no answer but {:?}", String::from_utf8_lossy(answer)) };
        let head = std::str::from_utf8(&answer[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut bytes = answer[end + 4..].to_vec();
        if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
            bytes = unchunk(&bytes);
        }
        let reply = Self { status, headers, bytes, what };
        reply.keeps_the_conventions(is_head);
        reply
    }

    fn keeps_the_conventions(&self, is_head: bool) {
        let what = &self.what;
        if what.ends_with(" /metrics") {
            return;
        }
        let id = self.header("x-request-id").unwrap_or_else(|| panic!("{what}: no X-Request-Id, {self:?}"));
        assert_ne!(self.status, 500, "{what}: {}", self.text());
        if self.status < 400 {
            return;
        }
        match self.status {
            401 => assert!(
                self.header("www-authenticate").is_some_and(|how| how.starts_with("Bearer")),
                "{what}: {self:?}"
            ),
            405 => assert!(self.header("allow").is_some_and(|methods| !methods.is_empty()), "{what}: {self:?}"),
            429 | 503 => {
                let seconds = self.header("retry-after").unwrap_or_else(|| panic!("{what}: no Retry-After, {self:?}"));
                assert!(seconds.parse::<u64>().is_ok_and(|s| s >= 1), "{what}: {seconds}");
            }
            _ => {}
        }
        if is_head || what.contains("/readyz") || what.contains("/healthz") {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{what}: {self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().unwrap_or_else(|| panic!("{what}: {problem}"));
        assert!(CODES.split_whitespace().any(|known| known == code), "{what}: {code}");
        assert_eq!(problem["type"], format!("/errors/{code}"), "{what}");
        assert_eq!(problem["status"], self.status, "{what}");
        assert_eq!(problem["instance"], id, "{what}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{what}: {problem}");
        if self.status == 429 {
            assert!(problem["retry_ms"].as_u64().is_some_and(|ms| ms >= 1), "{what}: {problem}");
        }
        for error in problem["errors"].as_array().into_iter().flatten() {
            assert!(error["pointer"].is_string() && error["code"].is_string(), "{what}: {problem}");
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Names and values, but for those that differ with every answer.
    pub(crate) fn steady_headers(&self) -> Vec<(String, String)> {
        let differs = |name: &str| ["x-request-id", "date"].contains(&name);
        let mut steady: Vec<_> = self.headers.iter().filter(|(name, _)| !differs(name)).cloned().collect();
        steady.sort();
        steady
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}: {} {}", self.what, self.status, self.text()))
    }

    /// The body of an answer with this status; null when it is empty.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem of a refusal with this status and code.
    #[track_caller]
    pub(crate) fn refuses(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        let problem = self.json();
        assert_eq!(problem["code"], code, "{}: {problem}", self.what);
        problem
    }

    /// A refusal of one value: its pointer and its code.
    #[track_caller]
    pub(crate) fn refuses_field(self, pointer: &str) -> String {
        let problem = self.refuses(422, "invalid_field");
        let error = problem["errors"].as_array().into_iter().flatten().find(|error| error["pointer"] == pointer);
        let error = error.unwrap_or_else(|| panic!("{pointer} is not told: {problem}"));
        error["code"].as_str().unwrap().to_owned()
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 2 + length + 2..];
    }
}

/// Text as a part of a path or a query.
pub(crate) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
