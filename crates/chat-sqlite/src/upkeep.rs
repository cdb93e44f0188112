//! What happens to the record as a whole, at the hand of operators and tests, never of a user.

use std::sync::atomic::Ordering;

use chat_domain::{
    ids::{RoomId, Seq},
    objects::Epoch,
    refusal::Unavailable,
};
use diesel::prelude::*;

use crate::{
    Sqlite,
    columns::{Key, int},
    connection::random_epoch,
    schema::{meta, rooms},
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
