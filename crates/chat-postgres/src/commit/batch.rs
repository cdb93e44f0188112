//! What a batch knows, and what comes of its commands: no statement is sent here.

use std::collections::{BTreeMap, HashMap};

use chat_domain::{
    command::{Action, Command, Outcome},
    ids::{RoomId, Seq},
    refusal::Refusal,
    rules::{self, Needs, RoomFacts, Write},
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

use super::{Answers, creations::Creations, facts, writes::Writes};

/// Facts of the rooms of a batch, as they move on from command to command.
pub(super) struct Batch {
    pub(super) rooms: HashMap<RoomId, Loaded>,
    pub(super) creations: Creations,
}

/// A room's facts.
pub(super) struct Loaded {
    pub(super) facts: RoomFacts,
    /// The head that the row has.
    pub(super) written: Seq,
}

impl Batch {
    /// Locks the rooms and the users that must live, and loads what the commands need; all in one round trip.
    pub(super) async fn load(conn: &AsyncPgConnection, commands: &[Command]) -> QueryResult<Self> {
        let mut needs = BTreeMap::<RoomId, Needs>::new();
        for command in commands {
            needs.entry(command.room).or_default().add(command);
        }
        facts::load(conn, &needs, &Creations::wanted(commands)).await
    }

    /// Decides the commands in order.
    pub(super) fn decide(mut self, commands: &[Command]) -> (Answers, Writes) {
        let mut writes = Writes::default();
        let answers = commands.iter().map(|command| self.command(command, &mut writes)).collect();
        for (room, Loaded { facts, written }) in &self.rooms {
            if facts.log.head != *written {
                writes.head(*room, facts.log.head);
            }
        }
        (answers, writes)
    }

    fn command(&mut self, command: &Command, writes: &mut Writes) -> Result<Outcome, Refusal> {
        let is_creation = matches!(command.action, Action::Create(_));
        let existing = if is_creation { self.creations.find(command, &self.rooms) } else { None };
        // Every command's room was loaded.
        let Loaded { facts, .. } = self.rooms.get_mut(&command.room).ok_or(Refusal::NotFound)?;
        facts.existing = existing;
        let decision = rules::decide(facts, command)?;
        for write in decision.writes {
            if let Write::OpenRoom { room, pair, nonce } = &write {
                self.creations.add(room, *pair, nonce.as_ref());
            }
            writes.add(command.room, command.at, write);
        }
        Ok(decision.outcome)
    }
}
