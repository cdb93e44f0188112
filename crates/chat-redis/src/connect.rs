//! How a connection is made, and how long anything on it may take.
//!
//! Every wait is ours: redis-rs would wait for ever on a line that swallows bytes (a PING took nine seconds before the
//! kernel gave up), and its managed connection forgets that it listens. So a connection that is late once is dropped, and
//! the next is made from nothing.

use std::{fmt, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, PushInfo,
    RedisError, aio::MultiplexedConnection,
};
use tokio::time::timeout;

use crate::{Settings, names::Names};

/// Why Redis can't be used at all. Each reads as one sentence, and none shows the URL: there may be a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL can't be read.
    #[error("the URL of Redis must look like redis://user:password@host:6379 or rediss://host (TLS): {0}")]
    Url(String),
    /// Checking the server's certificate can't be turned off.
    #[error(
        "the URL of Redis asks for TLS without checking the certificate (#insecure), which this program does not do"
    )]
    Insecure,
    /// The prefix is of other characters, or too long.
    #[error("the prefix of keys in Redis must be 1 to 64 letters, digits or . _ - :")]
    Prefix,
}

/// Why a connection is no longer good; for the log.
#[derive(Clone, Debug)]
pub(crate) struct Broken(pub(crate) String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<RedisError> for Broken {
    fn from(error: RedisError) -> Self {
        Self(error.to_string())
    }
}

/// Waits for an answer of Redis, no longer than `patience`.
pub(crate) async fn within<T>(
    patience: Duration,
    what: &str,
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, Broken> {
    match timeout(patience, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Broken(format!("{what} was not answered within {patience:?}"))),
    }
}

/// Makes connections to one Redis.
#[derive(Clone)]
pub(crate) struct Connector {
    client: Client,
    patience: Duration,
}

impl Connector {
    /// Reads the URL; does not connect.
    pub(crate) fn to(url: &str, settings: &Settings) -> Result<Self, OpenError> {
        let client = Client::open(connection_info(url)?).map_err(|error| unreadable(&error))?;
        Ok(Self { client, patience: settings.connect_timeout })
    }

    /// What the pool makes its connections from.
    pub(crate) fn info(&self) -> &ConnectionInfo {
        self.client.get_connection_info()
    }

    /// A new connection; `hear` is told at once what Redis says unasked, and must not wait.
    pub(crate) async fn connect(
        &self,
        hear: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, Broken> {
        let config = config().set_push_sender(move |push| -> Result<(), ()> {
            hear(push);
            Ok(())
        });
        within(self.patience, "connecting", self.client.get_multiplexed_async_connection_with_config(&config)).await
    }
}

/// Without the waits of redis-rs: ours stand around each call.
pub(crate) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

fn connection_info(url: &str) -> Result<ConnectionInfo, OpenError> {
    let info = url.into_connection_info().map_err(|error| unreadable(&error))?;
    if let ConnectionAddr::TcpTls { insecure, .. } = info.addr() {
        if *insecure {
            return Err(OpenError::Insecure);
        }
        // rustls wants one provider for the process; whoever chose another before keeps it.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    // Pushes exist in RESP3 only, and it must be asked for.
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    // Off by default in redis-rs: a small note would wait for the answer to the one before it.
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(info.set_redis_settings(redis).set_tcp_settings(tcp))
}

/// Says what is wrong by its kind: the text of an error may hold a part of the URL.
pub(crate) fn unreadable(error: &RedisError) -> OpenError {
    OpenError::Url(error.category().to_owned())
}

/// Checks the prefix.
pub(crate) fn names(settings: &Settings) -> Result<Names, OpenError> {
    Names::under(&settings.prefix).ok_or(OpenError::Prefix)
}

/// Pauses between tries: each twice as long, up to a bound, and never in step with other nodes.
pub(crate) struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);

    pub(crate) fn up_to(most: Duration) -> Self {
        Self { next: Self::FIRST, most }
    }

    /// The next try comes soon again.
    pub(crate) fn begin_anew(&mut self) {
        self.next = Self::FIRST;
    }

    pub(crate) async fn pause(&mut self) {
        let pause = self.next.min(self.most);
        self.next = pause * 2;
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_url_is_told_without_its_password() {
        let settings = Settings::default();
        for bad in [
            "",
            "localhost",
            "http://u:s3cret@host",
            "redis://u:s3cret@host/first",
            "redis://u:s3cret@",
            "redis://:s3cret@:x",
        ] {
            let error = Connector::to(bad, &settings).err().expect(bad).to_string();
            assert!(!error.contains("s3cret") && error.starts_with("the URL of Redis"), "{error}");
        }
        assert_eq!(Connector::to("rediss://host#insecure", &settings).err(), Some(OpenError::Insecure));
        for good in ["redis://host", "redis://u:p@host:1/2", "rediss://host", "unix:///run/redis.sock"] {
            assert!(Connector::to(good, &settings).is_ok(), "{good}");
        }
    }
}
