//! A fresh record in a database of its own on a server that all tests share; the database goes when the fixture does.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chat_contract::{Fixture, Stores, World};
use chat_domain::ids::{RoomId, Seq};
use chat_postgres::{Postgres, Settings};

/// A database with tables and nothing in them, but for the epoch that all its copies share.
const TEMPLATE: &str = "template_record";

pub(crate) struct Fresh {
    pub(crate) store: Postgres,
    database: Database,
}

/// A database that goes with this value.
pub(crate) struct Database {
    name: String,
}

/// The server of this process; it ends with it.
pub(crate) fn server() -> &'static chat_testbed::Postgres {
    static SERVER: OnceLock<chat_testbed::Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = chat_testbed::Postgres::start().unwrap();
        server.create_database(TEMPLATE, None).unwrap();
        let url = server.url(TEMPLATE);
        // Nobody may be connected to a template, so this handle has a runtime that ends with it.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Postgres::open(&url, &settings())).unwrap();
        })
        .join()
        .unwrap();
        server
    })
}

/// Few connections, because many tests share one server.
pub(crate) fn settings() -> Settings {
    Settings { readers: 2, writers: 2, ..Settings::default() }
}

impl Database {
    /// With tables.
    pub(crate) fn migrated() -> Self {
        Self::copy_of(Some(TEMPLATE))
    }

    /// With nothing.
    pub(crate) fn empty() -> Self {
        Self::copy_of(None)
    }

    fn copy_of(template: Option<&str>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        server().create_database(&name, template).unwrap();
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        server().url(&self.name)
    }

    /// What `psql` answers.
    pub(crate) fn sql(&self, statements: &str) -> String {
        server().run_sql(&self.name, statements).unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A paused or stopped server keeps its databases; it goes with all of them anyway.
        drop(server().drop_database(&self.name));
    }
}

pub(crate) async fn fresh() -> Fresh {
    fresh_with(&settings()).await
}

pub(crate) async fn fresh_with(settings: &Settings) -> Fresh {
    let database = Database::migrated();
    let store = Postgres::open(&database.url(), settings).await.unwrap();
    Fresh { store, database }
}

impl Fresh {
    /// People and rooms in this record.
    pub(crate) fn world(&self) -> World {
        World::new(self.stores())
    }

    /// The record as another node sees it.
    pub(crate) async fn other_node(&self) -> Postgres {
        Postgres::open(&self.database.url(), &settings()).await.unwrap()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

#[async_trait]
impl Fixture for Fresh {
    fn stores(&self) -> Stores {
        Stores::of(self.store.clone())
    }

    async fn raise_floor(&self, room: RoomId, floor: Seq) {
        self.store.raise_floor(room, floor).await.unwrap();
    }

    async fn new_epoch(&self) {
        self.store.new_epoch().await.unwrap();
    }
}
