//! What happens to the record as a whole, at the hand of operators and tests, never of a user.

use std::{path::Path, sync::atomic::Ordering, thread, time::Duration};

use chat_domain::{
    ids::{RoomId, Seq},
    objects::Epoch,
    refusal::Unavailable,
};
use diesel::{connection::SimpleConnection, prelude::*};
use tokio::sync::oneshot;

use crate::{
    OpenError, Sqlite,
    columns::{Key, int},
    connection::{Opener, random_epoch},
    schema::{meta, rooms},
    search,
};

impl Sqlite {
    /// Begins another history: every cursor that clients hold is answered with `reset` from now on. To be called when the
    /// log may have been rewound, such as after a restore from a backup.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn new_epoch(&self) -> Result<Epoch, Unavailable> {
        self.write("upkeep.new_epoch", |conn| {
            let epoch = random_epoch();
            diesel::update(meta::table).set(meta::epoch.eq(&epoch)).execute(conn)?;
            Ok(Epoch(epoch.into()))
        })
        .await
    }

    /// Whether some process has this file open, this one included: a server that runs on it, most likely. Blocks for a
    /// moment. A file that is not there is in nobody's use.
    ///
    /// # Errors
    /// [`OpenError`]: it is no database.
    pub fn is_in_use(path: &Path) -> Result<bool, OpenError> {
        if !path.exists() {
            return Ok(false);
        }
        Opener::create(path, Duration::ZERO)?.is_in_use()
    }

    /// Has what a copy brought put in order for the search, however long it takes.
    pub(crate) async fn settled(&self) -> Result<(), Unavailable> {
        let (reply, answer) = oneshot::channel();
        let shared = self.clone();
        let settle = move || drop(reply.send(search::settle(shared.opener()).map_err(Unavailable::because)));
        thread::Builder::new().name("sqlite-settle".to_owned()).spawn(settle).map_err(Unavailable::because)?;
        answer.await.unwrap_or_else(|_| Err(Unavailable::because("the thread ended")))
    }

    /// A connection that has begun to write, and will write nothing.
    pub(crate) async fn held(&self) -> Result<SqliteConnection, Unavailable> {
        let (reply, answer) = oneshot::channel();
        let shared = self.clone();
        let hold = move || {
            let conn = shared.opener().writer().map_err(Unavailable::because);
            let begun = conn.and_then(|mut conn| {
                conn.batch_execute("BEGIN IMMEDIATE").map_err(Unavailable::because)?;
                Ok(conn)
            });
            drop(reply.send(begun));
        };
        thread::Builder::new().name("sqlite-hold".to_owned()).spawn(hold).map_err(Unavailable::because)?;
        answer.await.unwrap_or_else(|_| Err(Unavailable::because("the thread ended")))
    }

    /// Lets retention pass: from now on no cursor below `floor` can be served. Lower than before changes nothing, and
    /// nothing above the head counts.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn raise_floor(&self, room: RoomId, floor: Seq) -> Result<(), Unavailable> {
        self.write("upkeep.raise_floor", move |conn| {
            let row = rooms::table.find(Key::from(room));
            let Some(head) = row.select(rooms::head).get_result::<i64>(conn).optional()? else {
                return Ok(());
            };
            let floor = int(floor).min(head);
            diesel::update(row.filter(rooms::floor.lt(floor))).set(rooms::floor.eq(floor)).execute(conn).map(drop)
        })
        .await
    }

    /// Lets the file grow to so many pages and no further; 0: as many as SQLite allows. This is how tests fill a disk
    /// (security F1).
    ///
    /// # Errors
    /// [`Unavailable`].
    #[doc(hidden)]
    pub async fn cap_pages(&self, pages: u32) -> Result<(), Unavailable> {
        self.opener().max_pages.store(pages, Ordering::Relaxed);
        self.reopen().await
    }
}
