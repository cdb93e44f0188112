//! A batch of commands in one transaction: load facts, ask the rules, carry out what they decided.

mod facts;
mod write;

use std::collections::{BTreeMap, HashMap};

pub(crate) use write::{put_mentions, words_of};

use chat_domain::{
    command::{Action, Command, Outcome},
    ids::{RoomId, Seq, UserId},
    objects::Epoch,
    refusal::Refusal,
    rules::{self, Needs, RoomFacts},
};
use diesel::{QueryResult, SqliteConnection, prelude::*};

use crate::{
    columns::{Key, count, int},
    rows::epoch,
    schema::{rooms, users},
    search::Places,
    slot::{Fault, immediate},
};

/// Commits a batch and answers each command in its place. Any error undoes all of it.
pub(crate) fn transaction(
    conn: &mut SqliteConnection,
    commands: &[Command],
) -> Result<Vec<Result<Outcome, Refusal>>, Fault> {
    immediate(conn, |conn| Ok(carry_out(conn, commands)?))
}

/// The same inside a transaction that has begun.
pub(crate) fn carry_out(
    conn: &mut SqliteConnection,
    commands: &[Command],
) -> QueryResult<Vec<Result<Outcome, Refusal>>> {
    let mut batch = Batch::load(conn, commands)?;
    let answers = commands.iter().map(|command| batch.command(command)).collect::<QueryResult<_>>()?;
    batch.finish()?;
    Ok(answers)
}

/// What a batch knows and has done so far. The numbers of rooms and users move here and are written once, at the end.
struct Batch<'c> {
    conn: &'c mut SqliteConnection,
    rooms: HashMap<RoomId, Loaded>,
    hints: HashMap<UserId, Seq>,
    places: Places,
}

struct Loaded {
    facts: RoomFacts,
    /// The head that the row has.
    written: Seq,
}

impl<'c> Batch<'c> {
    fn load(conn: &'c mut SqliteConnection, commands: &[Command]) -> QueryResult<Self> {
        let mut needs = BTreeMap::<RoomId, Needs>::new();
        for command in commands {
            needs.entry(command.room).or_default().add(command);
        }
        let epoch: Epoch = epoch(conn)?;
        let mut rooms = HashMap::with_capacity(needs.len());
        for (room, needs) in &needs {
            let facts = facts::load(conn, &epoch, *room, needs)?;
            rooms.insert(*room, Loaded { written: facts.log.head, facts });
        }
        Ok(Self { conn, rooms, hints: HashMap::new(), places: Places::default() })
    }

    fn command(&mut self, command: &Command) -> QueryResult<Result<Outcome, Refusal>> {
        let Some(Loaded { facts, .. }) = self.rooms.get_mut(&command.room) else {
            return Ok(Err(Refusal::NotFound)); // never: every command's room was loaded
        };
        if let Action::Create(_) = command.action {
            // As late as this, so that two creations under one nonce in one batch make one room.
            facts.existing = facts::existing(self.conn, command)?;
        }
        let decision = match rules::decide(facts, command) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut outcome = decision.outcome;
        for hint in &mut outcome.hints {
            hint.seq = number(self.conn, &mut self.hints, hint.user)?;
        }
        for change in decision.writes {
            write::carry_out(self.conn, command.room, command.at, change, &mut self.places)?;
        }
        Ok(Ok(outcome))
    }

    fn finish(self) -> QueryResult<()> {
        for (room, Loaded { facts, written }) in &self.rooms {
            if facts.log.head != *written {
                let row = rooms::table.find(Key::from(*room));
                diesel::update(row).set(rooms::head.eq(int(facts.log.head))).execute(self.conn)?;
            }
        }
        for (user, seq) in &self.hints {
            let row = users::table.find(Key::from(*user));
            diesel::update(row).set(users::me_seq.eq(int(*seq))).execute(self.conn)?;
        }
        Ok(())
    }
}

/// The user's next number.
fn number(conn: &mut SqliteConnection, hints: &mut HashMap<UserId, Seq>, user: UserId) -> QueryResult<Seq> {
    let newest = match hints.get(&user) {
        Some(newest) => *newest,
        None => count(users::table.find(Key::from(user)).select(users::me_seq).get_result(conn)?)?,
    };
    hints.insert(user, newest + 1);
    Ok(newest + 1)
}
