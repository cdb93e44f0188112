//! A batch that met a locked row, room by room: who is locked out is told so, the others are served.

use std::{collections::BTreeMap, time::Duration};

use chat_domain::{
    command::{Command, Outcome},
    ids::RoomId,
    refusal::{Refusal, Unavailable},
};
use diesel::{QueryResult, sql_types::Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Answers, settled, tried};
use crate::{
    fault::Fault,
    statement::{Rollback, fixed, plain, statements},
};

statements! {
    /// For the session, which ends with any failure; so what is set is set back, or gone.
    LockTimeout: Text = "SELECT set_config('lock_timeout', $1, false)";
}

/// Tries a batch again in a transaction per room, after it failed because of a lock; one that is about one room just failed.
///
/// The rooms share the patience of one lock, so that this takes about as long as the wait before it, however many are
/// locked, and the whole ends before its caller's patience does.
pub(super) async fn room_by_room(
    conn: &AsyncPgConnection,
    commands: &[Command],
    attempts: usize,
    lock_timeout: Duration,
    why: Fault,
) -> Result<Answers, Fault> {
    let mut rooms = BTreeMap::<RoomId, (Vec<usize>, Vec<Command>)>::new();
    for (place, command) in commands.iter().enumerate() {
        let (places, of_room) = rooms.entry(command.room).or_default();
        places.push(place);
        of_room.push(command.clone());
    }
    let count = u32::try_from(rooms.len()).unwrap_or(u32::MAX);
    if count < 2 {
        return Err(why);
    }
    tracing::warn!(%why, rooms = count, "a batch met a lock; its rooms are served one by one");
    plain::<Rollback>(conn).await?;
    wait_for_locks(conn, lock_timeout / count).await?;
    let mut answers = Vec::with_capacity(commands.len());
    for (places, of_room) in rooms.into_values() {
        answers.extend(places.into_iter().zip(one_room(conn, &of_room, attempts).await?));
    }
    wait_for_locks(conn, lock_timeout).await?;
    answers.sort_unstable_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

async fn one_room(conn: &AsyncPgConnection, commands: &[Command], attempts: usize) -> Result<Answers, Fault> {
    let tried = tried(conn, commands, attempts).await;
    match settled(conn, commands, attempts, tried).await {
        Err(why) if why.met_a_lock() => {
            plain::<Rollback>(conn).await?;
            tracing::error!(%why, "a room is locked");
            let locked = |_: &Command| -> Result<Outcome, Refusal> { Err(Unavailable::because(&why).into()) };
            Ok(commands.iter().map(locked).collect())
        }
        other => other,
    }
}

/// A patience of zero would have no end.
async fn wait_for_locks(mut conn: &AsyncPgConnection, patience: Duration) -> QueryResult<()> {
    let patience = format!("{}ms", patience.as_millis().max(1));
    let set = fixed::<LockTimeout, _>(|query| query.bind::<Text, _>(patience));
    set.execute(&mut conn).await.map(drop)
}
