//! Several servers that are one chat.

use chat_testbed::{Postgres, Redis};

use crate::{
    harness::{App, Options, User},
    record,
};

/// Nodes on one record, with what they stand on when that is theirs alone.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<App>,
    pub(crate) postgres: Option<Postgres>,
    pub(crate) redis: Option<Redis>,
    /// Of the record.
    pub(crate) url: String,
}

/// How the nodes are wired.
pub(crate) struct Plan {
    nodes: usize,
    options: Options,
    own_postgres: bool,
    redis: Wire,
}

enum Wire {
    Shared,
    Own,
    None,
}

/// So many nodes with the suite's servers.
pub(crate) fn nodes(nodes: usize) -> Plan {
    Plan { nodes, options: App::usual(), own_postgres: false, redis: Wire::Shared }
}

impl Plan {
    pub(crate) fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.options = self.options.set(key, value);
        self
    }

    /// With a PostgreSQL that may be stopped.
    pub(crate) fn with_own_postgres(mut self) -> Self {
        self.own_postgres = true;
        self
    }

    /// With a Redis that may be stopped.
    pub(crate) fn with_own_redis(mut self) -> Self {
        self.redis = Wire::Own;
        self
    }

    /// On PostgreSQL alone.
    pub(crate) fn without_redis(mut self) -> Self {
        self.redis = Wire::None;
        self
    }

    pub(crate) async fn start(self) -> Cluster {
        let postgres = self.own_postgres.then(|| Postgres::start().unwrap());
        let url = postgres.as_ref().map_or_else(record::database, record::database_on);
        let redis = matches!(self.redis, Wire::Own).then(|| Redis::start().unwrap());
        let between = match (&self.redis, &redis) {
            (Wire::None, _) => String::new(),
            (Wire::Own, Some(own)) => own.url(),
            (Wire::Own | Wire::Shared, _) => record::redis().url(),
        };
        let options = self.options.set("STORE__URL", &url).set("REDIS__URL", between);
        let mut nodes = Vec::new();
        for number in 1..=self.nodes {
            nodes.push(options.clone().set("NODE__NAME", format!("n{number}")).spawn().await);
        }
        Cluster { nodes, postgres, redis, url }
    }
}

impl Cluster {
    pub(crate) fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().expect("a PostgreSQL of its own")
    }

    pub(crate) fn redis(&self) -> &Redis {
        self.redis.as_ref().expect("a Redis of its own")
    }
}

impl User {
    /// The same session at another node.
    pub(crate) fn at(&self, node: &App) -> Self {
        Self { to: node.address(), ..self.clone() }
    }
}
