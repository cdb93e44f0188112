//! Somebody with an account and a session, who speaks chat.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::{Reply, Request, Socket, nonce};

/// Somebody.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) to: SocketAddr,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) id: String,
    pub(crate) session: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl User {
    /// Registers somebody whose username begins so, and signs in.
    pub(crate) async fn registers(to: SocketAddr, name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let username = format!("{name}{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let password = format!("correct horse {username}");
        let body = json!({"username": username, "password": password});
        Request::new("POST", "/api/v1/accounts").json(&body).send(to).await.is(201);
        Self::signs_in(to, &username, &password).await
    }

    /// A session of an account.
    pub(crate) async fn signs_in(to: SocketAddr, username: &str, password: &str) -> Self {
        let body = json!({"username": username, "password": password});
        let signed = Request::new("POST", "/api/v1/sessions").json(&body).send(to).await.is(201);
        Self::of(to, username, password, &signed)
    }

    /// What a sign-in or a refresh answered.
    pub(crate) fn of(to: SocketAddr, username: &str, password: &str, signed: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{signed}")).to_owned();
        Self {
            to,
            username: username.to_owned(),
            password: password.to_owned(),
            id: text(&signed["user"]["id"]),
            session: text(&signed["session"]),
            access: text(&signed["access_token"]),
            refresh: text(&signed["refresh_token"]),
        }
    }

    /// The same person with another session.
    pub(crate) async fn again(&self) -> Self {
        Self::signs_in(self.to, &self.username, &self.password).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("/api/v1{path}")).bearer(&self.access)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let reply = self.request("GET", path).send(self.to).await;
        if reply.status == 200 {
            assert_eq!(reply.header("cache-control"), Some("private, no-cache"), "GET {path}");
        }
        reply
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.request("POST", path).json(&body).send(self.to).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.request("PUT", path).json(&body).send(self.to).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.request("PATCH", path).json(&body).send(self.to).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", path).send(self.to).await
    }

    /// PUT without a body.
    pub(crate) async fn puts(&self, path: &str) -> Reply {
        self.request("PUT", path).send(self.to).await
    }

    /// POST without a body.
    pub(crate) async fn posts_nothing(&self, path: &str) -> Reply {
        self.request("POST", path).send(self.to).await
    }

    /// A public room, by its id.
    pub(crate) async fn creates_room(&self, name: &str) -> String {
        self.creates(json!({"kind": "public", "name": name})).await
    }

    /// A private room with these people, by its id.
    pub(crate) async fn creates_private_room(&self, name: &str, with: &[&User]) -> String {
        let members: Vec<&str> = with.iter().map(|user| user.id.as_str()).collect();
        self.creates(json!({"kind": "private", "name": name, "members": members})).await
    }

    async fn creates(&self, body: Value) -> String {
        let room = self.post("/rooms", body).await.is(201);
        room["id"].as_str().unwrap_or_else(|| panic!("{room}")).to_owned()
    }

    pub(crate) async fn joins(&self, room: &str) -> Value {
        self.puts(&format!("/rooms/{room}/members/me")).await.is(201)
    }

    pub(crate) async fn leaves(&self, room: &str) {
        self.delete(&format!("/rooms/{room}/members/me")).await.is(204);
    }

    /// Adds somebody.
    pub(crate) async fn adds(&self, room: &str, user: &User) -> Value {
        self.put(&format!("/rooms/{room}/members/{}", user.id), json!({})).await.is(201)
    }

    pub(crate) async fn makes(&self, room: &str, user: &User, role: &str) -> Value {
        self.put(&format!("/rooms/{room}/members/{}", user.id), json!({"role": role})).await.is(200)
    }

    pub(crate) async fn mutes(&self, room: &str, user: &User, until: &str) -> Value {
        self.put(&format!("/rooms/{room}/members/{}", user.id), json!({"muted_until": until})).await.is(200)
    }

    pub(crate) async fn kicks(&self, room: &str, user: &User) {
        self.delete(&format!("/rooms/{room}/members/{}", user.id)).await.is(204);
    }

    pub(crate) async fn bans(&self, room: &str, user: &User) {
        self.puts(&format!("/rooms/{room}/bans/{}", user.id)).await.is(204);
    }

    /// Posts over REST.
    pub(crate) async fn posts(&self, room: &str, text: &str) -> Value {
        self.tries_to_post(room, text).await.is(201)
    }

    pub(crate) async fn tries_to_post(&self, room: &str, text: &str) -> Reply {
        self.post(&format!("/rooms/{room}/messages"), json!({"text": text, "nonce": nonce()})).await
    }

    pub(crate) async fn reads(&self, room: &str, seq: u64) {
        self.put(&format!("/rooms/{room}/read"), json!({"seq": seq})).await.is(204);
    }

    /// The room in this user's `GET /sync`.
    pub(crate) async fn syncs(&self, room: &str) -> Option<Value> {
        let sync = self.get("/sync").await.is(200);
        sync["rooms"].as_array().unwrap().iter().find(|entry| entry["room"]["id"] == room).cloned()
    }

    /// The head of a room.
    pub(crate) async fn head(&self, room: &str) -> u64 {
        self.get(&format!("/rooms/{room}/messages?limit=1")).await.is(200)["head"].as_u64().unwrap()
    }

    /// The newest hundred messages.
    pub(crate) async fn history(&self, room: &str) -> Vec<Value> {
        let page = self.get(&format!("/rooms/{room}/messages?limit=100")).await.is(200);
        page["items"].as_array().unwrap().clone()
    }

    /// A socket of this user, past `ready`.
    pub(crate) async fn connects(&self) -> Socket {
        let mut socket = Socket::open(self.to).await;
        socket.auth(&self.access).await;
        socket
    }
}
