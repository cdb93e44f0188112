//! The servers behind the nodes of a cluster, private to the run: one PostgreSQL, one Redis, and a line from each node to
//! Redis that can be cut.
//!
//! Everything here blocks, because `chat-testbed` does; whoever calls from a task goes through [`blocking`].

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use chat_testbed::{Postgres, PostgresOptions, Proxy, Redis, RedisOptions, free_port};

/// The database of the nodes.
pub(crate) const DATABASE: &str = "chat";

/// What the nodes of a cluster stand on.
pub(crate) struct Backing {
    /// The record.
    pub(crate) postgres: Arc<Postgres>,
    /// Between the nodes, unless the run goes without.
    pub(crate) redis: Option<Arc<Redis>>,
    /// From each node to Redis, in the order of the nodes.
    pub(crate) lines: Vec<Arc<Proxy>>,
    secret: String,
}

/// What is asked of a backing.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// How many nodes there will be.
    pub(crate) nodes: usize,
    /// Whether there is a Redis.
    pub(crate) redis: bool,
    /// Whether PostgreSQL waits for the disk. Only figures of durable writes need it: nothing here kills the machine.
    pub(crate) durable: bool,
    /// Where the servers' directories are made.
    pub(crate) parent: Option<PathBuf>,
}

impl Backing {
    /// Starts the servers.
    ///
    /// # Errors
    /// When one is not installed or does not come up.
    pub(crate) async fn start(wish: Wish) -> anyhow::Result<Self> {
        blocking(move || {
            let parent = wish.parent.as_deref().map(Path::to_path_buf);
            let options = PostgresOptions { parent: parent.clone(), durable: wish.durable, ..Default::default() };
            let postgres = Postgres::start_with(&options)?;
            postgres.create_database(DATABASE, None)?;
            let mut redis = None;
            let mut lines = Vec::new();
            if wish.redis {
                let started = Redis::start_with(&RedisOptions { parent, ..Default::default() })?;
                for _ in 0..wish.nodes {
                    lines.push(Arc::new(Proxy::start(started.address())?));
                }
                redis = Some(Arc::new(started));
            }
            Ok(Self { postgres: Arc::new(postgres), redis, lines, secret: secret() })
        })
        .await
        .context("the servers of the cluster")
    }

    /// The settings of a node, by number; each call draws the node a port that stays its own.
    ///
    /// # Errors
    /// When no port is free.
    pub(crate) fn settings(&self, node: usize) -> anyhow::Result<Vec<(String, String)>> {
        let mut settings = vec![
            ("CHAT_STORE__URL", self.postgres.url(DATABASE)),
            ("CHAT_AUTH__SECRET", format!("k1:{}", self.secret)),
            ("CHAT_NODE__NAME", format!("n{}", node + 1)),
            ("CHAT_HTTP__LISTEN", format!("127.0.0.1:{}", free_port()?)),
        ];
        if let Some(line) = self.lines.get(node) {
            settings.push(("CHAT_REDIS__URL", format!("redis://{}", line.address())));
        }
        Ok(settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Runs what blocks away from the tasks.
///
/// # Errors
/// Those of `work`.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// 32 random bytes, drawn as the base64 that they would be: 43 digits of 6 bits, of which the last has two to spare.
fn secret() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |step: usize| {
        let at = rand::random_range(0..DIGITS.len() / step) * step;
        DIGITS.get(at).copied().map_or('A', char::from)
    };
    (0..42).map(|_| digit(1)).chain([digit(4), '=']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_32_bytes_of_base64() {
        for _ in 0..100 {
            let secret = secret();
            assert_eq!(secret.len(), 44);
            assert!(secret.ends_with('='));
            let last = secret.as_bytes()[42];
            assert!(b"AEIMQUYcgkosw048".contains(&last), "bits are left over: {secret}");
            assert!(secret[..43].bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b)), "{secret}");
        }
        assert_ne!(secret(), secret());
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "starts PostgreSQL and Redis"]
    async fn every_node_has_a_line_of_its_own_to_redis() {
        let wish = Wish { nodes: 2, redis: true, durable: true, parent: None };
        let backing = Backing::start(wish).await.unwrap();
        let find = |node: usize, name: &str| {
            let settings = backing.settings(node).unwrap();
            settings.into_iter().find(|(known, _)| known == name).unwrap().1
        };
        assert_eq!(find(0, "CHAT_STORE__URL"), find(1, "CHAT_STORE__URL"));
        assert_eq!(find(0, "CHAT_AUTH__SECRET"), find(1, "CHAT_AUTH__SECRET"));
        assert_ne!(find(0, "CHAT_REDIS__URL"), find(1, "CHAT_REDIS__URL"));
        assert_eq!([find(0, "CHAT_NODE__NAME"), find(1, "CHAT_NODE__NAME")], ["n1", "n2"]);
        let postgres = Arc::clone(&backing.postgres);
        let fsync = blocking(move || postgres.run_sql(DATABASE, "SHOW fsync")).await.unwrap();
        assert_eq!(fsync.trim(), "on");
        tokio::task::spawn_blocking(move || drop(backing)).await.unwrap();
    }
}
