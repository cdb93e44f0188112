//! One WebSocket: asks, hears, is closed. Every wait has an end; what was not asked for waits in the backlog.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{PATIENCE, Reply, nonce, read_head, within};

/// How a handshake is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Upgrade {
    to: SocketAddr,
    from: [u8; 4],
    path: String,
    headers: Vec<(String, String)>,
}

impl Upgrade {
    pub(crate) fn new(to: SocketAddr) -> Self {
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { to, from: [127, 0, 0, 1], path: "/api/v1/ws".to_owned(), headers }
    }

    /// Adds a header, or replaces the one of that name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    pub(crate) fn from(mut self, n: u8) -> Self {
        self.from[3] = n;
        self
    }

    /// The connection after a 101, with the answer's head; or the refusal.
    pub(crate) async fn shake(self) -> Result<(TcpStream, String), Reply> {
        self.shake_with(None).await
    }

    /// The same, with a receive buffer of this size: a reader that can be full.
    pub(crate) async fn shake_with(self, receive_buffer: Option<u32>) -> Result<(TcpStream, String), Reply> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        socket.bind(SocketAddr::from((self.from, 0))).unwrap();
        let mut request = format!("GET {} HTTP/1.1\r\n", self.path);
        if !self.headers.iter().any(|(name, _)| name == "Host") {
            request += &format!("Host: {}\r\n", self.to);
        }
        for (name, value) in &self.headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        within(PATIENCE, "the handshake", async {
            let mut stream = socket.connect(self.to).await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let head = read_head(&mut stream).await;
            if head.starts_with("HTTP/1.1 101 ") {
                return Ok((stream, head.to_ascii_lowercase()));
            }
            let mut answer = head.clone().into_bytes();
            let length = head.to_ascii_lowercase();
            let length = length.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body).await.unwrap();
            answer.extend(body);
            Err(Reply::parse(&answer, format!("GET {} (upgrade)", self.path), false))
        })
        .await
    }
}

/// One socket.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    backlog: VecDeque<Value>,
    bye: Option<Value>,
    close: Option<(u16, String)>,
    closing: bool,
    last_id: i64,
    /// How many pings the server sent.
    pub(crate) pings: usize,
    /// What `auth` was answered.
    pub(crate) ready: Value,
}

impl Socket {
    /// Connected, and not yet anybody's.
    pub(crate) async fn open(to: SocketAddr) -> Self {
        let (stream, _) = Upgrade::new(to).header("Sec-WebSocket-Protocol", "chat.v1").shake().await.unwrap();
        Self::over(stream).await
    }

    /// Over a connection that has been upgraded.
    pub(crate) async fn over(stream: TcpStream) -> Self {
        // The largest frame that a client must bear: a batch of 64 KiB, and its frame's head.
        let config = WebSocketConfig::default().max_frame_size(Some(1 << 20));
        let stream = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        Self {
            stream,
            backlog: VecDeque::new(),
            bye: None,
            close: None,
            closing: false,
            last_id: 0,
            pings: 0,
            ready: Value::Null,
        }
    }

    /// Says who it is, and hears `ready`.
    pub(crate) async fn auth(&mut self, token: &str) -> Value {
        self.ready = self.ask(json!({"type": "auth", "token": token, "client": "test/1"})).await;
        assert_eq!(self.ready["type"], "ready", "{}", self.ready);
        self.ready.clone()
    }

    /// A fresh id.
    pub(crate) fn id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Sends text as it is.
    pub(crate) async fn says(&mut self, text: impl Into<String>) {
        let message = Message::text(text.into());
        let _ = within(PATIENCE, "sending a frame", self.stream.send(message)).await;
    }

    /// Sends any message.
    pub(crate) async fn sends_message(&mut self, message: Message) {
        let _ = within(PATIENCE, "sending a message", self.stream.send(message)).await;
    }

    /// Sends a frame and tells its id; the answer comes later.
    pub(crate) async fn begins(&mut self, mut frame: Value) -> i64 {
        let id = self.id();
        frame["id"] = id.into();
        self.says(frame.to_string()).await;
        id
    }

    /// Several frames in one write.
    pub(crate) async fn begins_all(&mut self, frames: impl IntoIterator<Item = Value>) -> Vec<i64> {
        let mut ids = Vec::new();
        for mut frame in frames {
            let id = self.id();
            frame["id"] = id.into();
            ids.push(id);
            self.stream.feed(Message::text(frame.to_string())).await.unwrap();
        }
        within(PATIENCE, "sending frames", self.stream.flush()).await.unwrap();
        ids
    }

    /// Sends a frame and hears its answer.
    pub(crate) async fn ask(&mut self, frame: Value) -> Value {
        let what = frame.to_string();
        let id = self.begins(frame).await;
        self.answer(id, &what).await
    }

    pub(crate) async fn answer(&mut self, id: i64, what: &str) -> Value {
        self.wait(PATIENCE, &format!("an answer to {what}"), |frame| frame["id"] == id).await
    }

    /// Asks for something that is done.
    #[track_caller]
    pub(crate) fn done(&mut self, frame: Value) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        async move {
            let answer = self.ask(frame.clone()).await;
            assert!(answer["type"] == "ok" || answer["type"] == "pong", "{frame} → {answer} ({at})");
            answer
        }
    }

    /// Asks for something that is refused so.
    #[track_caller]
    pub(crate) fn refused(&mut self, frame: Value, code: &str) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        async move {
            let answer = self.ask(frame.clone()).await;
            assert_eq!(
                (&answer["type"], &answer["code"]),
                (&json!("error"), &json!(code)),
                "{frame} → {answer} ({at})"
            );
            assert!(answer["message"].is_string() && answer["retry"].is_boolean(), "{answer}");
            answer
        }
    }

    /// Subscribes from the head; the room's answer.
    pub(crate) async fn subscribes(&mut self, room: &str) -> Value {
        let answer = self.done(json!({"type": "subscribe", "rooms": [{"room": room}]})).await["rooms"][0].clone();
        assert_eq!((&answer["room"], &answer["status"]), (&json!(room), &json!("live")), "{answer}");
        answer
    }

    /// Subscribes from a cursor; the room's answer.
    pub(crate) async fn resumes(&mut self, room: &str, epoch: &Value, after: u64) -> Value {
        let frame = json!({"type": "subscribe", "rooms": [{"room": room, "epoch": epoch, "after": after}]});
        self.done(frame).await["rooms"][0].clone()
    }

    /// Posts; the `ok`.
    pub(crate) async fn posts(&mut self, room: &str, text: &str) -> Value {
        self.done(json!({"type": "send", "room": room, "nonce": nonce(), "text": text})).await
    }

    /// The next frame, from the backlog first.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        match self.backlog.pop_front() {
            Some(frame) => Some(frame),
            None => within(PATIENCE, "a frame", self.read()).await,
        }
    }

    /// The next frame from the wire; `None` once closed.
    async fn read(&mut self) -> Option<Value> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    assert!(self.close.is_none(), "a frame after the close: {text}");
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    assert!(frame["type"].is_string(), "{frame}");
                    if frame["type"] == "bye" {
                        self.bye = Some(frame);
                        continue;
                    }
                    assert!(self.bye.is_none(), "a frame after bye: {frame}");
                    return Some(frame);
                }
                Some(Ok(Message::Close(frame))) => {
                    let frame =
                        frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    self.close = Some(frame);
                }
                Some(Ok(Message::Ping(_))) => self.pings += 1,
                Some(Ok(Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("the server sent {other:?}"),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The first frame like this; others wait in the backlog.
    pub(crate) async fn wait(&mut self, wait: Duration, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.backlog.iter().position(&is) {
            return self.backlog.remove(index).unwrap();
        }
        let deadline = Instant::now() + wait;
        loop {
            match tokio::time::timeout_at(deadline, self.read()).await {
                Ok(Some(frame)) if is(&frame) => return frame,
                Ok(Some(frame)) => self.backlog.push_back(frame),
                Ok(None) => panic!("{what}: closed with {:?} after {:?}, {:?}", self.close, self.bye, self.backlog),
                Err(_) => panic!("{what}: nothing within {wait:?}, but {:?}", self.backlog),
            }
        }
    }

    /// A push of this type.
    pub(crate) async fn hears(&mut self, kind: &str) -> Value {
        self.wait(PATIENCE, kind, |frame| frame["type"] == kind && frame.get("id").is_none()).await
    }

    /// The event of a message with this text.
    pub(crate) async fn sees(&mut self, text: &str) -> Value {
        self.wait(PATIENCE, text, |frame| frame["type"] == "event" && frame["data"]["text"] == text).await
    }

    /// The next event of this kind in this room (or `@me`).
    pub(crate) async fn event(&mut self, room: &str, kind: &str) -> Value {
        let what = format!("an event {kind} of {room}");
        self.wait(PATIENCE, &what, |frame| frame["type"] == "event" && frame["room"] == room && frame["kind"] == kind)
            .await
    }

    /// Nothing like this comes for a while.
    pub(crate) async fn never(&mut self, wait: Duration, what: &str, is: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + wait;
        while let Ok(frame) = tokio::time::timeout_at(deadline, self.read()).await {
            let Some(frame) = frame else { break };
            self.backlog.push_back(frame);
        }
        if let Some(frame) = self.backlog.iter().find(|frame| is(frame)) {
            panic!("{what}, but {frame}");
        }
    }

    /// Everything that comes before the answer to a ping, so that what was pushed before is known.
    pub(crate) async fn drain(&mut self) -> Vec<Value> {
        self.done(json!({"type": "ping"})).await;
        std::mem::take(&mut self.backlog).into()
    }

    /// The code of the server's close, after the `bye` that is due.
    pub(crate) async fn closed(&mut self) -> u16 {
        self.closed_within(PATIENCE).await
    }

    pub(crate) async fn closed_within(&mut self, wait: Duration) -> u16 {
        let deadline = Instant::now() + wait;
        loop {
            match tokio::time::timeout_at(deadline, self.read()).await {
                Ok(Some(frame)) => self.backlog.push_back(frame),
                Ok(None) => break,
                Err(_) => panic!("not closed within {wait:?}; {:?}", self.backlog),
            }
        }
        let Some((code, _)) = self.close.clone() else { panic!("gone without a close; {:?}", self.backlog) };
        let without_bye = self.closing || [1002, 1003, 1007, 1009].contains(&code);
        match &self.bye {
            Some(bye) => {
                assert_eq!(bye["code"], code, "{bye}");
                assert!(bye["reason"].is_string() && bye["reconnect"].is_boolean(), "{bye}");
            }
            None => assert!(without_bye, "no bye before {code}"),
        }
        code
    }

    /// The code of the close that was heard.
    pub(crate) fn close_code(&self) -> Option<u16> {
        self.close.as_ref().map(|(code, _)| *code)
    }

    /// The `bye` that was heard.
    pub(crate) fn bye(&self) -> &Value {
        self.bye.as_ref().expect("a bye")
    }

    /// Closes with 1000 and waits until the server has.
    pub(crate) async fn leaves(mut self) {
        self.closing = true;
        let _ = self.stream.close(None).await;
        within(PATIENCE, "the end of a socket", async { while self.read().await.is_some() {} }).await;
    }

    /// The bare connection.
    pub(crate) fn tcp(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }
}
