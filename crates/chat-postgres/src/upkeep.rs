//! What happens to the record as a whole, at the hand of operators and tests, never of a user.

use chat_domain::{
    ids::{RoomId, Seq},
    objects::Epoch,
    refusal::Unavailable,
};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use crate::{
    Postgres,
    columns::int,
    fault::Fault,
    handle::only_unavailable,
    migrate::random_epoch,
    schema::meta,
    statement::{fixed, statements},
};

statements! {
    RaiseFloor: () = "UPDATE rooms SET floor = least($2, head) WHERE id = $1 AND floor < least($2, head)";
}

impl Postgres {
    /// Begins another history: every cursor that clients hold is answered with `reset` from now on. To be called when the
    /// log may have been rewound, such as after a restore from a backup.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn new_epoch(&self) -> Result<Epoch, Unavailable> {
        self.write("upkeep.new_epoch", |conn| new_epoch(conn).boxed()).await.map_err(only_unavailable)
    }

    /// Lets retention pass: from now on no cursor below `floor` can be served. Lower than before changes nothing, and
    /// nothing above the head counts.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn raise_floor(&self, room: RoomId, floor: Seq) -> Result<(), Unavailable> {
        let raised = self.write("upkeep.raise_floor", move |conn| raise_floor(conn, room, floor).boxed());
        raised.await.map_err(only_unavailable)
    }
}

async fn new_epoch(mut conn: &AsyncPgConnection) -> Result<Epoch, Fault> {
    let epoch = random_epoch();
    diesel::update(meta::table).set(meta::epoch.eq(&epoch)).execute(&mut conn).await?;
    Ok(Epoch(epoch.into()))
}

async fn raise_floor(mut conn: &AsyncPgConnection, room: RoomId, floor: Seq) -> Result<(), Fault> {
    let raise = fixed::<RaiseFloor, _>(|query| query.bind::<Uuid, _>(room.0).bind::<BigInt, _>(int(floor)));
    raise.execute(&mut conn).await?;
    Ok(())
}
