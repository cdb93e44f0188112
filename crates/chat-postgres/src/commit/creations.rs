//! Rooms that were made before, by the nonce of their creator or by their pair: those in the tables, and those that the same
//! batch has made.

use std::collections::HashMap;

use chat_domain::{
    command::{Action, Command, Fingerprint},
    ids::{RoomId, UserId},
    objects::Room,
    rules::{Existing, Needs},
    words::Nonce,
};

use super::batch::Loaded;

type Name = (UserId, Nonce);
type Pair = [UserId; 2];

/// A room, and what it was made of where its nonce tells.
type Made = (Room, Option<Fingerprint>);

/// See the page's head.
#[derive(Default)]
pub(super) struct Creations {
    pub(super) by_nonce: HashMap<Name, Made>,
    pub(super) by_pair: HashMap<Pair, Room>,
}

/// What has to be looked up.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) nonces: Vec<Name>,
    pub(super) pairs: Vec<Pair>,
}

impl Creations {
    /// What these commands might only repeat.
    pub(super) fn wanted(commands: &[Command]) -> Wanted {
        let mut wanted = Wanted::default();
        for command in commands {
            match existing(command) {
                None => {}
                Some(Existing::Nonce(user, nonce)) => wanted.nonces.push((user, nonce)),
                Some(Existing::Pair(pair, nonce)) => {
                    wanted.pairs.push(pair);
                    wanted.nonces.extend(nonce);
                }
            }
        }
        wanted
    }

    /// The living room that this creation would only repeat, as the batch left it.
    pub(super) fn find(&self, command: &Command, rooms: &HashMap<RoomId, Loaded>) -> Option<Made> {
        match existing(command)? {
            Existing::Nonce(user, nonce) => self.by_nonce(&(user, nonce), rooms),
            Existing::Pair(pair, nonce) => {
                nonce.and_then(|name| self.by_nonce(&name, rooms)).or_else(|| self.by_pair(pair, rooms))
            }
        }
    }

    fn by_nonce(&self, name: &Name, rooms: &HashMap<RoomId, Loaded>) -> Option<Made> {
        let (room, of) = self.by_nonce.get(name)?;
        Some((as_it_is(room, rooms)?, *of))
    }

    fn by_pair(&self, pair: Pair, rooms: &HashMap<RoomId, Loaded>) -> Option<Made> {
        Some((as_it_is(self.by_pair.get(&pair)?, rooms)?, None))
    }

    /// A room was made.
    pub(super) fn add(&mut self, room: &Room, pair: Option<Pair>, nonce: Option<&(UserId, Nonce, Fingerprint)>) {
        if let Some(pair) = pair {
            self.by_pair.insert(pair, room.clone());
        }
        if let Some((user, nonce, of)) = nonce {
            self.by_nonce.insert((*user, nonce.clone()), (room.clone(), Some(*of)));
        }
    }
}

/// What commands of the same batch did to it; nothing, if they closed it.
fn as_it_is(room: &Room, rooms: &HashMap<RoomId, Loaded>) -> Option<Room> {
    match rooms.get(&room.id) {
        Some(loaded) => loaded.facts.room.clone(),
        None => Some(room.clone()),
    }
}

fn existing(command: &Command) -> Option<Existing> {
    if !matches!(command.action, Action::Create(_)) {
        return None;
    }
    let mut needs = Needs::default();
    needs.add(command);
    needs.existing
}
