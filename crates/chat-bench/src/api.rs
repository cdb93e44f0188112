//! The chat's REST interface (protocol §2), as far as the measurements need it.
//!
//! Every call is patient: refusals that say "later" (429, 503) and connections that fail are tried again for a
//! minute, so that a server that is being killed is no error here. All calls used are safe to repeat.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    http::{Answer, Ask, Http},
    target::Target,
};

/// How long a call is tried again.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a call may take that is made only once.
const MOMENT: Duration = Duration::from_secs(2);

/// The pause before a repetition when the server names none.
const PAUSE: Duration = Duration::from_millis(200);

/// What signing in and refreshing answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    /// For `Authorization` and `auth`.
    pub(crate) access_token: String,
    /// For the next one.
    pub(crate) refresh_token: String,
    /// Seconds until the access token is refused.
    pub(crate) expires_in: u64,
}

/// One page of a room's messages.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// Oldest first.
    pub(crate) items: Vec<Message>,
    /// The log's epoch.
    pub(crate) epoch: String,
    /// The room's last number.
    pub(crate) head: u64,
    /// Whether a later page exists.
    pub(crate) more_after: bool,
}

/// The part of `message` that matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    /// Its place in the log.
    pub(crate) seq: u64,
    /// The place of its latest change.
    pub(crate) rev: u64,
    /// What was said.
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// Present in live events.
    #[serde(default)]
    pub(crate) nonce: Option<String>,
}

/// One client of the REST interface, with a connection of its own.
pub(crate) struct Api {
    http: Http,
}

impl Api {
    /// A client of `target`.
    pub(crate) fn new(target: Target) -> Self {
        Self { http: Http::new(target) }
    }

    /// Makes an account; one that exists already is fine.
    pub(crate) async fn sign_up(&mut self, username: &str, password: &str) -> anyhow::Result<()> {
        let body = json!({"username": username, "password": password});
        let answer = self.patient("POST", "/api/v1/accounts", None, Some(body)).await?;
        match answer.status {
            201 | 409 => Ok(()),
            status => bail!("sign-up of {username}: {status} {}", text(&answer)),
        }
    }

    /// Signs in.
    pub(crate) async fn sign_in(&mut self, username: &str, password: &str) -> anyhow::Result<Session> {
        let body = json!({"username": username, "password": password, "device": "chat-bench"});
        self.wanted("POST", "/api/v1/sessions", None, Some(body)).await
    }

    /// Rotates a session's tokens.
    pub(crate) async fn refresh(&mut self, refresh_token: &str) -> anyhow::Result<Session> {
        let body = json!({"refresh_token": refresh_token});
        self.wanted("POST", "/api/v1/sessions/refresh", None, Some(body)).await
    }

    /// Makes a public room and returns its id.
    pub(crate) async fn create_room(&mut self, token: &str, name: &str) -> anyhow::Result<String> {
        let body = json!({"kind": "public", "name": name, "nonce": name});
        let room: Value = self.wanted("POST", "/api/v1/rooms", Some(token), Some(body)).await?;
        room.get("id").and_then(Value::as_str).map(str::to_owned).context("a room without an id")
    }

    /// Joins a public room.
    pub(crate) async fn join(&mut self, token: &str, room: &str) -> anyhow::Result<()> {
        let path = format!("/api/v1/rooms/{room}/members/me");
        self.wanted::<Value>("PUT", &path, Some(token), None).await.map(drop)
    }

    /// The messages after `after`, at most `limit` (≤ 100).
    pub(crate) async fn page(&mut self, token: &str, room: &str, after: u64, limit: u8) -> anyhow::Result<Page> {
        let path = format!("/api/v1/rooms/{room}/messages?after={after}&limit={limit}");
        self.wanted("GET", &path, Some(token), None).await
    }

    /// Posts a message and returns its `seq`.
    pub(crate) async fn post(&mut self, token: &str, room: &str, nonce: &str, text: &str) -> anyhow::Result<u64> {
        let path = format!("/api/v1/rooms/{room}/messages");
        let body = json!({"nonce": nonce, "text": text});
        let message: Message = self.wanted("POST", &path, Some(token), Some(body)).await?;
        Ok(message.seq)
    }

    /// As [`Api::post`], but asked once, for a moment only; `None` when the server cannot be asked or says "later".
    ///
    /// # Errors
    /// When the server refuses for good.
    pub(crate) async fn try_post(
        &mut self,
        token: &str,
        room: &str,
        nonce: &str,
        text: &str,
    ) -> anyhow::Result<Option<u64>> {
        let path = format!("/api/v1/rooms/{room}/messages");
        let body = Some(json!({"nonce": nonce, "text": text}));
        let ask = Ask { method: "POST", path: &path, token: Some(token), body };
        let Ok(Ok(answer)) = timeout(MOMENT, self.http.ask(&ask)).await else { return Ok(None) };
        match answer.status {
            200..300 => Ok(Some(serde_json::from_slice::<Message>(&answer.body)?.seq)),
            429 | 503 => Ok(None),
            status => bail!("POST {path}: {status} {}", self::text(&answer)),
        }
    }

    /// The heads of the user's rooms, from the first paint.
    pub(crate) async fn heads(&mut self, token: &str) -> anyhow::Result<Vec<(String, u64)>> {
        #[derive(Deserialize)]
        struct Sync {
            rooms: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            room: Room,
            head: u64,
        }
        #[derive(Deserialize)]
        struct Room {
            id: String,
        }
        let sync: Sync = self.wanted("GET", "/api/v1/sync", Some(token), None).await?;
        Ok(sync.rooms.into_iter().map(|e| (e.room.id, e.head)).collect())
    }

    /// Whether the server says it is ready; asked once, without patience.
    pub(crate) async fn ready(&mut self) -> bool {
        let ask = Ask { method: "GET", path: "/readyz", token: None, body: None };
        self.http.ask(&ask).await.is_ok_and(|answer| answer.status == 200)
    }

    async fn wanted<T: for<'de> Deserialize<'de>>(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        let answer = self.patient(method, path, token, body).await?;
        if !(200..300).contains(&answer.status) {
            bail!("{method} {path}: {} {}", answer.status, text(&answer));
        }
        serde_json::from_slice(&answer.body)
            .with_context(|| format!("{method} {path}: unexpected shape: {}", text(&answer)))
    }

    async fn patient(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let until = Instant::now() + PATIENCE;
        let ask = Ask { method, path, token, body };
        loop {
            let pause = match self.http.ask(&ask).await {
                Ok(answer) if answer.status == 429 || answer.status == 503 => {
                    if Instant::now() >= until {
                        return Ok(answer);
                    }
                    answer.retry_after.unwrap_or(PAUSE)
                }
                Ok(answer) => return Ok(answer),
                Err(e) if Instant::now() >= until => return Err(e),
                Err(_) => PAUSE,
            };
            sleep(pause.min(PATIENCE)).await;
        }
    }
}

/// The start of an answer's body, for an error message.
fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).chars().take(300).collect()
}
