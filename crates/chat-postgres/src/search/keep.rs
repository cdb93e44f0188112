//! What a commit leaves for the search: where the new messages are, and which old ones have other words. That is two small rows
//! at most for each room of a batch that nobody edits in, in the same round trip; the words come later (`index`).

use std::{collections::BTreeMap, sync::Arc};

use chat_domain::{
    ids::{RoomId, Seq},
    objects::Message,
};
use diesel::sql_types::{Array, BigInt, Uuid as Id};

use crate::{
    columns::int,
    statement::{Pipeline, fixed, statements},
};

/// Places of one run, at most; the table gives each run so many (`INCREMENT` in the migration).
const RUN: u64 = 1_024;

statements! {
    /// Each gets its place here.
    pub(crate) Wait: () = "
        INSERT INTO search_waiting (room, first_seq, last_seq) SELECT * FROM unnest($1, $2, $3)";
    /// More than once, if need be: a unique row would have to be waited for.
    pub(crate) Reread: () = "INSERT INTO search_edited (room, seq) SELECT * FROM unnest($1, $2)";
}

/// New messages, as runs of numbers. What else has a number in a run is no message, and is not found.
pub(crate) fn post<'m>(pipeline: &mut Pipeline<'_>, messages: impl Iterator<Item = &'m Arc<Message>>) {
    let runs = runs(messages.map(|message| (message.room, message.seq)));
    if runs.is_empty() {
        return;
    }
    let rooms: Vec<_> = runs.iter().map(|(room, ..)| room.0).collect();
    let (first, last): (Vec<_>, Vec<_>) = runs.iter().map(|(_, first, last)| (int(*first), int(*last))).unzip();
    pipeline.push(fixed::<Wait, _>(|query| {
        query.bind::<Array<Id>, _>(rooms).bind::<Array<BigInt>, _>(first).bind::<Array<BigInt>, _>(last)
    }));
}

/// In the order in which the rooms come; the numbers of a room rise.
fn runs(messages: impl Iterator<Item = (RoomId, Seq)>) -> Vec<(RoomId, Seq, Seq)> {
    let mut runs: Vec<(RoomId, Seq, Seq)> = Vec::new();
    let mut open = BTreeMap::<RoomId, usize>::new();
    for (room, seq) in messages {
        let run = open.get(&room).and_then(|at| runs.get_mut(*at));
        match run.filter(|(_, first, _)| seq - *first < RUN) {
            Some((.., last)) => *last = seq,
            None => {
                open.insert(room, runs.len());
                runs.push((room, seq, seq));
            }
        }
    }
    runs
}

/// Messages with another state; only an edit or a deletion changes words.
pub(crate) fn change<'m>(pipeline: &mut Pipeline<'_>, messages: impl Iterator<Item = &'m Arc<Message>>) {
    let reworded = messages.filter(|message| message.edited_at.is_some() || message.text.is_none());
    let (rooms, seqs): (Vec<_>, Vec<_>) = reworded.map(|message| (message.room.0, int(message.seq))).unzip();
    if !rooms.is_empty() {
        pipeline.push(fixed::<Reread, _>(|query| query.bind::<Array<Id>, _>(rooms).bind::<Array<BigInt>, _>(seqs)));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_batch_leaves_a_run_for_each_room_and_one_more_where_places_end() {
        let [one, two] = [1, 2].map(|id| RoomId(Uuid::from_u128(id)));
        let said = [(one, 7), (two, 1), (one, 8), (one, 10), (two, 2), (one, 7 + RUN - 1), (one, 7 + RUN)];
        let expected = vec![(one, 7, 7 + RUN - 1), (two, 1, 2), (one, 7 + RUN, 7 + RUN)];
        assert_eq!(runs(said.into_iter()), expected);
    }
}
