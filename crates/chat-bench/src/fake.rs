//! A chat server of a page, in memory, for the tests of this program: it keeps the protocol, except for one flaw on
//! demand, which the run must then find (or repair).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedSender, unbounded_channel},
};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
    },
};

/// What this server does wrong, now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing.
    None,
    /// It forgets to deliver an event; the next one shows the gap, and the client repairs it.
    SkipsEvents,
    /// It hangs up after some events; clients come back with their cursors.
    HangsUp,
    /// It answers every other catch-up with `reset`.
    Resets,
    /// It acknowledges what it does not keep.
    Loses,
    /// It posts a repeated nonce again.
    Doubles,
    /// It leaves a message out of its batches.
    ShortBatches,
}

struct Room {
    posts: Vec<Post>,
    head: u64,
    listeners: HashMap<u64, UnboundedSender<Message>>,
}

struct Post {
    seq: u64,
    nonce: String,
    text: String,
}

/// The server.
pub(crate) struct Fake {
    flaw: Flaw,
    rooms: Mutex<HashMap<String, Room>>,
    count: Mutex<u64>,
}

impl Fake {
    /// Starts as this many nodes on free ports; returns their addresses, with commas.
    pub(crate) async fn start(flaw: Flaw, nodes: usize) -> String {
        let fake = Arc::new(Self { flaw, rooms: Mutex::default(), count: Mutex::new(0) });
        let mut urls = Vec::new();
        for _ in 0..nodes {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.push(format!("http://{}", listener.local_addr().unwrap()));
            let node = Arc::clone(&fake);
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(Arc::clone(&node).serve(stream));
                }
            });
        }
        urls.join(",")
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut start = [0; 14];
        while stream.peek(&mut start).await.unwrap_or(14) < 14 {}
        if &start == b"GET /api/v1/ws" { self.socket(stream).await } else { self.rest(stream).await }
    }

    /// Every `n`th time.
    fn every(&self, n: u64) -> bool {
        let mut count = self.count.lock().unwrap();
        *count += 1;
        count.is_multiple_of(n)
    }

    async fn rest(self: Arc<Self>, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        loop {
            let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    return;
                }
                continue;
            };
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length =
                head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
            while bytes.len() < end + 4 + length {
                assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
            }
            let body = serde_json::from_slice(&bytes[end + 4..end + 4 + length]).unwrap_or(Value::Null);
            bytes.drain(..end + 4 + length);
            let mut words = head.split(' ');
            let (status, answer) = self.answer(words.next().unwrap(), words.next().unwrap(), &body);
            let answer = answer.to_string();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
        }
    }

    fn answer(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let mut rooms = self.rooms.lock().unwrap();
        match (method, parts.as_slice()) {
            ("POST", ["accounts"]) => (201, json!({"id": body["username"]})),
            ("POST", ["sessions"]) => {
                (201, json!({"access_token": "a", "refresh_token": "r", "expires_in": 900, "user": {"id": "u"}}))
            }
            ("POST", ["rooms"]) => {
                let id = format!("room-{}", rooms.len());
                // Two numbers are taken by the room and its owner.
                rooms.insert(id.clone(), Room { posts: Vec::new(), head: 2, listeners: HashMap::new() });
                (201, json!({"id": id}))
            }
            ("PUT", ["rooms", _, "members", "me"]) => (200, json!({})),
            ("GET", ["sync"]) => {
                let list: Vec<_> = rooms.iter().map(|(id, r)| json!({"room": {"id": id}, "head": r.head})).collect();
                (200, json!({"rooms": list}))
            }
            ("GET", ["rooms", id, "messages"]) => {
                let ask = |name: &str| -> u64 {
                    query.split('&').find_map(|q| q.strip_prefix(name)?.strip_prefix('=')).unwrap().parse().unwrap()
                };
                let room = &rooms[*id];
                let limit = usize::try_from(ask("limit")).unwrap();
                let rest: Vec<&Post> = room.posts.iter().filter(|p| p.seq > ask("after")).collect();
                let items: Vec<_> = rest.iter().take(limit).map(|p| message(p, false)).collect();
                (
                    200,
                    json!({"items": items, "epoch": "e", "head": room.head, "floor": 0, "more_after": rest.len() > limit}),
                )
            }
            ("POST", ["rooms", id, "messages"]) => {
                let seq = self.post(&mut rooms, id, &body["nonce"], &body["text"]);
                (201, json!({"seq": seq, "rev": seq}))
            }
            other => panic!("the fake server knows no {other:?}"),
        }
    }

    fn post(&self, rooms: &mut HashMap<String, Room>, id: &str, nonce: &Value, text: &Value) -> u64 {
        let (nonce, text) = (nonce.as_str().unwrap().to_owned(), text.as_str().unwrap().to_owned());
        let room = rooms.get_mut(id).unwrap();
        if let Some(post) = room.posts.iter().find(|post| post.nonce == nonce)
            && self.flaw != Flaw::Doubles
        {
            return post.seq;
        }
        if self.flaw == Flaw::Loses && self.every(20) {
            return room.head + 1;
        }
        room.head += 1;
        let post = Post { seq: room.head, nonce, text };
        let event = json!({"type": "event", "room": id, "seq": post.seq, "kind": "message", "by": "u", "data": message(&post, true)});
        // The order of members that the real server uses is the one the quick look knows.
        let event = format!(
            r#"{{"type":"event","room":"{id}","seq":{},"kind":"message","by":"u","data":{}}}"#,
            post.seq, event["data"]
        );
        let mut gone = Vec::new();
        for (socket, listener) in &room.listeners {
            if self.flaw == Flaw::SkipsEvents && self.every(20) {
                continue;
            }
            if self.flaw == Flaw::HangsUp && self.every(20) {
                gone.push(*socket);
                continue;
            }
            drop(listener.send(Message::text(event.clone())));
        }
        for socket in gone {
            if let Some(listener) = room.listeners.remove(&socket) {
                drop(listener.send(Message::Close(None)));
            }
        }
        room.posts.push(post);
        room.head
    }

    #[expect(clippy::result_large_err, reason = "the shape of the library's callback")]
    async fn socket(self: Arc<Self>, stream: TcpStream) {
        let choose = |_: &Request, mut response: Response| {
            response.headers_mut().insert("Sec-WebSocket-Protocol", "chat.v1".parse().unwrap());
            Ok(response)
        };
        let Ok(socket) = accept_hdr_async(stream, choose).await else { return };
        let number = rand::random::<u64>();
        let (mut write, mut read) = socket.split();
        let (out, mut outgoing) = unbounded_channel::<Message>();
        let writer = tokio::spawn(async move {
            while let Some(message) = outgoing.recv().await {
                let last = message.is_close();
                if write.send(message).await.is_err() || last {
                    return;
                }
            }
        });
        let mut beat = tokio::time::interval(Duration::from_millis(300));
        loop {
            tokio::select! {
                frame = read.next() => {
                    let Some(Ok(Message::Text(text))) = frame else { break };
                    self.frame(&serde_json::from_str(&text).unwrap(), number, &out);
                }
                _ = beat.tick() => {
                    let rooms = self.rooms.lock().unwrap();
                    let heads: HashMap<_, _> = rooms.iter().map(|(id, room)| (id, room.head)).collect();
                    drop(out.send(Message::text(json!({"type": "heartbeat", "heads": heads}).to_string())));
                }
            }
        }
        for room in self.rooms.lock().unwrap().values_mut() {
            room.listeners.remove(&number);
        }
        writer.abort();
    }

    fn frame(&self, frame: &Value, socket: u64, out: &UnboundedSender<Message>) {
        let say = |value: Value| drop(out.send(Message::text(value.to_string())));
        let id = &frame["id"];
        let mut rooms = self.rooms.lock().unwrap();
        match frame["type"].as_str().unwrap() {
            "auth" => say(json!({"type": "ready", "id": id, "user": {}, "session": "s", "limits": {}})),
            "send" => {
                let seq = self.post(&mut rooms, frame["room"].as_str().unwrap(), &frame["nonce"], &frame["text"]);
                let ok = format!(r#"{{"type":"ok","id":{id},"seq":{seq},"rev":{seq},"at":"","duplicate":false}}"#);
                drop(out.send(Message::text(ok)));
            }
            "subscribe" => {
                let (mut answers, mut batches) = (Vec::new(), Vec::new());
                for ask in frame["rooms"].as_array().unwrap() {
                    let name = ask["room"].as_str().unwrap();
                    let room = rooms.get_mut(name).unwrap();
                    let after = ask["after"].as_u64().unwrap_or(room.head);
                    let status = match after < room.head {
                        true if self.flaw == Flaw::Resets && self.every(2) => "reset",
                        true => "catchup",
                        false => "live",
                    };
                    answers.push(json!({"room": name, "status": status, "epoch": "e", "head": room.head, "floor": 0}));
                    if status == "reset" {
                        continue;
                    }
                    room.listeners.insert(socket, out.clone());
                    if status == "catchup" {
                        let short = self.flaw == Flaw::ShortBatches && room.head > after + 1;
                        let posts = room.posts.iter().filter(|p| p.seq > after).skip(usize::from(short));
                        let messages: Vec<_> = posts.map(|p| message(p, false)).collect();
                        batches
                            .push(json!({"type": "batch", "room": name, "epoch": "e", "from": after, "to": room.head,
                            "head": room.head, "more": false, "messages": messages, "members": []}));
                    }
                }
                say(json!({"type": "ok", "id": id, "rooms": answers}));
                batches.into_iter().for_each(say);
            }
            other => panic!("the fake server knows no {other}"),
        }
    }
}

fn message(post: &Post, live: bool) -> Value {
    let mut message = json!({"seq": post.seq, "rev": post.seq, "author": "u", "text": post.text});
    if live {
        message["nonce"] = json!(post.nonce);
    }
    message
}
