//! A fresh record in a directory of its own, which goes when the fixture does.

use std::path::PathBuf;

use async_trait::async_trait;
use chat_contract::{Fixture, Stores, World};
use chat_domain::ids::{RoomId, Seq};
use chat_sqlite::{Settings, Sqlite};
use tempfile::TempDir;

pub(crate) struct Fresh {
    pub(crate) store: Sqlite,
    pub(crate) directory: TempDir,
}

pub(crate) async fn fresh() -> Fresh {
    fresh_with(&Settings::default())
}

pub(crate) fn fresh_with(settings: &Settings) -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(path_in(&directory), settings).unwrap();
    Fresh { store, directory }
}

pub(crate) fn path_in(directory: &TempDir) -> PathBuf {
    directory.path().join("chat.db")
}

impl Fresh {
    /// People and rooms in this record.
    pub(crate) fn world(&self) -> World {
        World::new(self.stores())
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
