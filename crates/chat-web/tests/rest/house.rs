//! A whole REST door on a port of its own, over stores in memory, and people who speak to it over TCP.

use std::{
    collections::HashSet,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpServer, rt::net::TcpStream};
use chat_auth::{BcryptPasswords, HashLimits, JwtTokens, SigningKeys};
use chat_domain::{
    command::{Command, Outcome},
    event::Hint,
    ids::SessionId,
    limits::{Limits, RateSettings},
    ports::{Clock, Journal, Pending, RoomStore},
    timestamp::Timestamp,
    usecases::{Chat, Ports},
};
use chat_memory::{Memory, MemoryRates};
use chat_web::{Readiness, Web, WebSettings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// 2026-01-01, and on only when told.
pub struct TestClock(AtomicI64, AtomicU64);

impl TestClock {
    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn fresh_id(&self) -> uuid::Uuid {
        let count = self.1.fetch_add(1, Ordering::Relaxed);
        uuid::Builder::from_unix_timestamp_millis(
            1_767_225_600_000 + count,
            &count.to_be_bytes().repeat(2)[6..].try_into().unwrap(),
        )
        .into_uuid()
    }
}

/// Commits each command by itself.
struct Direct {
    rooms: Arc<dyn RoomStore>,
    ended: Mutex<HashSet<SessionId>>,
}

impl Journal for Direct {
    fn submit(&self, command: Command) -> Pending {
        let rooms = Arc::clone(&self.rooms);
        Box::pin(async move { rooms.commit(vec![command]).await?.pop().unwrap() })
    }

    fn publish(&self, _: Vec<Outcome>) {}

    fn publish_hints(&self, _: Vec<Hint>) {}

    fn end_sessions(&self, sessions: &[SessionId]) {
        self.ended.lock().unwrap().extend(sessions);
    }

    fn has_ended(&self, session: SessionId) -> bool {
        self.ended.lock().unwrap().contains(&session)
    }
}

#[derive(Clone)]
pub struct House {
    pub address: SocketAddr,
    pub clock: Arc<TestClock>,
    pub readiness: Readiness,
}

impl House {
    pub async fn open() -> Self {
        let rates = RateSettings { enabled: false, ..RateSettings::default() };
        Self::with(WebSettings::default(), rates, Limits::default()).await
    }

    pub async fn set(settings: WebSettings) -> Self {
        let rates = RateSettings { enabled: false, ..RateSettings::default() };
        Self::with(settings, rates, Limits::default()).await
    }

    pub async fn with(settings: WebSettings, rates: RateSettings, limits: Limits) -> Self {
        let memory = Memory::new();
        let clock = Arc::new(TestClock(AtomicI64::new(1_767_225_600_000), AtomicU64::new(1)));
        let keys = SigningKeys::parse(SigningKeys::fresh_text().expose()).unwrap();
        let threads = NonZeroUsize::new(1).unwrap();
        let hashing = HashLimits { cost: 4, threads, queue: 64, wait: Duration::from_secs(5) };
        let rooms: Arc<dyn RoomStore> = Arc::new(memory.clone());
        let ports = Ports {
            accounts: Arc::new(memory.clone()),
            sessions: Arc::new(memory.clone()),
            rooms: Arc::clone(&rooms),
            log: Arc::new(memory.clone()),
            webhooks: Arc::new(memory.clone()),
            journal: Arc::new(Direct { rooms, ended: Mutex::default() }),
            tokens: Arc::new(JwtTokens::new(&keys, 900).unwrap()),
            passwords: Arc::new(BcryptPasswords::new(hashing).unwrap()),
            rates: Arc::new(MemoryRates::new(rates)),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
        };
        let readiness = Readiness::new(Arc::new(memory.clone()));
        readiness.ready();
        let web = Web::new(Chat::new(ports, limits), settings, readiness.clone());
        let server = HttpServer::new(move || {
            App::new().configure(chat_web::configure(web.clone())).wrap(chat_web::edge(web.clone()))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        actix_web::rt::spawn(server.run());
        Self { address, clock, readiness }
    }

    /// Sends these bytes and reads to the end.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        Answer::read(stream).await
    }

    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || ["POST", "PUT", "PATCH"].contains(&method) {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        self.raw(&[text.as_bytes(), b"\r\n", body].concat()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], b"").await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &[JSON], body.to_string().as_bytes()).await
    }

    /// Registers and signs in.
    pub async fn person(&self, name: &str) -> Person {
        let made = self.post("/api/v1/accounts", json!({"username": name, "password": PASSWORD})).await;
        assert_eq!(made.status, 201, "{made:?}");
        self.sign_in(name).await
    }

    pub async fn sign_in(&self, name: &str) -> Person {
        let granted = self.post("/api/v1/sessions", json!({"username": name, "password": PASSWORD})).await;
        assert_eq!(granted.status, 201, "{granted:?}");
        let body = granted.json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Person {
            house: self.clone(),
            token: text("access_token"),
            refresh: text("refresh_token"),
            id: body["user"]["id"].as_str().unwrap().to_owned(),
        }
    }
}

pub const PASSWORD: &str = "correct horse";
pub const JSON: (&str, &str) = ("Content-Type", "application/json");

#[derive(Clone)]
pub struct Person {
    pub house: House,
    pub token: String,
    pub refresh: String,
    pub id: String,
}

impl Person {
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend(headers);
        all.extend(body.is_some().then_some(JSON));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.house.call(method, &format!("/api/v1{path}"), &all, body.as_bytes()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &[], Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, &[], Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, &[], Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &[], None).await
    }

    /// Makes a room and gives its path.
    pub async fn makes(&self, kind: &str, members: &[&Person]) -> String {
        let members: Vec<_> = members.iter().map(|person| &person.id).collect();
        let name = (kind != "direct").then_some("a room");
        let made = self.post("/rooms", json!({"kind": kind, "name": name, "members": members})).await;
        assert_eq!(made.status, 201, "{made:?}");
        format!("/rooms/{}", made.json()["id"].as_str().unwrap())
    }

    /// Posts and gives the message.
    pub async fn says(&self, room: &str, nonce: &str, text: &str) -> Value {
        let posted = self.post(&format!("{room}/messages"), json!({"text": text, "nonce": nonce})).await;
        assert_eq!(posted.status, 201, "{posted:?}");
        posted.json()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub async fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let _reset_after_answer = tokio::time::timeout(Duration::from_secs(20), read).await.expect("an answer in time");
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The status and, when it is a problem, its code, after a look at what every problem must have.
    pub fn outcome(&self) -> (u16, String) {
        if self.status < 400 {
            return (self.status, String::new());
        }
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        let code = body["code"].as_str().unwrap().to_owned();
        assert_eq!(body["status"], self.status, "{self:?}");
        assert_eq!(body["type"], format!("/errors/{code}"), "{self:?}");
        assert_eq!(body["instance"].as_str(), self.header("x-request-id"), "{self:?}");
        assert_eq!(self.header("www-authenticate").is_some(), self.status == 401, "{self:?}");
        assert_eq!(self.header("retry-after").is_some(), [429, 503].contains(&self.status), "{self:?}");
        (self.status, code)
    }

    #[track_caller]
    pub fn is(&self, status: u16, code: &str) {
        assert_eq!(self.outcome(), (status, code.to_owned()), "{self:?}");
    }
}
