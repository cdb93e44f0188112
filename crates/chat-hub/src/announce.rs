//! Telling the world what was committed: rooms and people of this node, and the other nodes.

use std::{collections::HashMap, sync::Arc};

use chat_domain::{
    command::{Outcome, Reply},
    event::{Hint, HintAbout},
    ids::RoomId,
    ports::Note,
    refusal::Refusal,
};

use crate::{core::Core, recent::Recent};

impl Core {
    /// Events in the order of the commit, then what became of rooms, then hints.
    pub(crate) fn announce<'a>(self: &Arc<Self>, outcomes: impl Iterator<Item = &'a Outcome> + Clone) {
        for (room, events) in events_by_room(outcomes.clone()) {
            for recent in &events {
                let (event, frame) = (Arc::clone(&recent.event), recent.frame.clone());
                self.ports.bus.publish(Note::Event { event, frame });
            }
            self.keep_tail(&events);
            self.apply(room, events);
        }
        for outcome in outcomes {
            if let Some(room) = room_of(outcome).filter(|_| outcome.closed) {
                self.room_was_closed(room);
                self.ports.bus.publish(Note::Closed(room));
            }
            self.announce_hints(outcome.hints.iter().cloned());
        }
    }

    pub(crate) fn announce_hints(&self, hints: impl Iterator<Item = Hint>) {
        for hint in hints {
            let hint = Arc::new(hint);
            self.people.hint(&hint);
            self.ports.bus.publish(Note::Hint(hint));
        }
    }

    /// A room was deleted, here or on another node.
    pub(crate) fn room_was_closed(&self, room: RoomId) {
        if let Some(room) = self.rooms.get(room) {
            self.close_room(&room, Refusal::NotFound);
        }
    }
}

/// Rooms in the order of their first event, so that each is locked once for a whole batch.
fn events_by_room<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Vec<(RoomId, Vec<Arc<Recent>>)> {
    let mut places = HashMap::new();
    let mut rooms: Vec<(RoomId, Vec<Arc<Recent>>)> = Vec::new();
    for event in outcomes.flat_map(|outcome| &outcome.events) {
        let place = *places.entry(event.room).or_insert(rooms.len());
        let recent = Arc::new(Recent::of(event.clone()));
        match rooms.get_mut(place) {
            Some((_, events)) => events.push(recent),
            None => rooms.push((event.room, vec![recent])),
        }
    }
    rooms
}

/// The room that an outcome is about.
fn room_of(outcome: &Outcome) -> Option<RoomId> {
    let by_event = outcome.events.first().map(|event| event.room);
    by_event.or_else(|| match &outcome.reply {
        Reply::Posted { message, .. } | Reply::Message { message, .. } => Some(message.room),
        Reply::Room { room, .. } | Reply::Redeemed { room, .. } => Some(room.id),
        Reply::Member { member, .. } => Some(member.room),
        Reply::Read { .. } => outcome.hints.iter().find_map(|hint| match &hint.about {
            HintAbout::Rooms { room, .. } | HintAbout::Read { room, .. } => Some(*room),
            HintAbout::Profile(_) => None,
        }),
    })
}
