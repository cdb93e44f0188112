//! A signed-in user whose tokens stay fresh, shared by any number of sockets.

use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};

use crate::{
    api::{Api, Session},
    target::Target,
};

/// A token is renewed when it has less than this left: the server asks 60 s before the end.
const LEFT: Duration = Duration::from_secs(90);

/// A renewed token is not renewed again within this time, however many sockets ask.
const PAUSE: Duration = Duration::from_secs(5);

/// One user.
pub(crate) struct Account {
    target: Target,
    tokens: Mutex<Tokens>,
}

struct Tokens {
    access: String,
    refresh: String,
    expires: Instant,
    since: Instant,
}

impl Tokens {
    fn of(session: Session) -> Self {
        let since = Instant::now();
        let expires = since + Duration::from_secs(session.expires_in);
        Self { access: session.access_token, refresh: session.refresh_token, expires, since }
    }
}

impl Account {
    /// Signs up (an existing account is fine) and in.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn open(target: Target, username: &str, password: &str) -> anyhow::Result<Self> {
        let mut api = Api::new(target.clone());
        api.sign_up(username, password).await?;
        let session = api.sign_in(username, password).await?;
        Ok(Self { target, tokens: Mutex::new(Tokens::of(session)) })
    }

    /// An access token with time left.
    ///
    /// # Errors
    /// When it had to be renewed and the server refused.
    pub(crate) async fn access(&self) -> anyhow::Result<String> {
        let mut tokens = self.tokens.lock().await;
        let now = Instant::now();
        // A server with short-lived tokens must not make this renew at every call.
        if tokens.expires < now + LEFT && tokens.since + PAUSE < now {
            let session = Api::new(self.target.clone()).refresh(&tokens.refresh).await?;
            *tokens = Tokens::of(session);
        }
        Ok(tokens.access.clone())
    }
}
