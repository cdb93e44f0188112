//! Loading what the rules want to know, for all rooms of a batch at once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chat_domain::{
    command::Fingerprint,
    ids::{RoomId, UserId, WebhookId},
    objects::{Epoch, Invite, LogHead},
    ports::Digest,
    rules::{Needs, Posted, RoomFacts},
    words::{Emoji, Nonce, Username},
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures_util::future::{try_join, try_join3, try_join4};

use super::{
    batch::{Batch, Loaded},
    creations::{Creations, Wanted},
    queries::{self, People, Things},
};
use crate::{
    columns::count,
    rows::{RoomRow, epoch},
};

type Rooms = HashMap<RoomId, Loaded>;

/// Everything that `needs` names and what `wanted` may repeat. What is polled first is sent first: the locks.
pub(super) async fn load(
    conn: &AsyncPgConnection,
    needs: &BTreeMap<RoomId, Needs>,
    wanted: &Wanted,
) -> QueryResult<Batch> {
    let locks = try_join3(queries::lock_rooms(conn, needs), queries::lock_users(conn, needs), epoch(conn));
    let people = queries::people(conn, needs);
    let things = queries::things(conn, needs);
    let made = try_join(queries::by_nonce(conn, &wanted.nonces), queries::by_pair(conn, &wanted.pairs));
    let ((locked, living, epoch), people, things, made) = try_join4(locks, people, things, made).await?;
    let mut rooms = bare(needs, locked, &epoch)?;
    for (room, needs) in needs {
        let Some(Loaded { facts, .. }) = rooms.get_mut(room) else { continue };
        facts.users.extend(needs.users.iter().copied().filter(|user| living.contains(&user.0)));
    }
    add_people(&mut rooms, people)?;
    add_things(&mut rooms, things)?;
    let mut creations = Creations::default();
    for (room, creator, nonce, of) in made.0 {
        let name = (UserId(creator), Nonce::from_stored(nonce));
        creations.by_nonce.insert(name, (room.room()?, of.map(|of| Fingerprint(of.0))));
    }
    for (room, a, b) in made.1 {
        creations.by_pair.insert([UserId(a), UserId(b)], room.room()?);
    }
    Ok(Batch { rooms, creations })
}

/// The rooms themselves; one that does not exist, or not any more, has facts too.
fn bare(needs: &BTreeMap<RoomId, Needs>, locked: Vec<RoomRow>, epoch: &Epoch) -> QueryResult<Rooms> {
    let nowhere = |room: &RoomId| {
        let log = LogHead { epoch: epoch.clone(), head: 0, floor: 0 };
        (*room, Loaded { written: 0, facts: RoomFacts::bare(log) })
    };
    let mut rooms: Rooms = needs.keys().map(nowhere).collect();
    for row in locked {
        let log = row.log(epoch.clone())?;
        let (id, written, mut facts) = (row.id(), log.head, RoomFacts::bare(log));
        facts.room = Some(row.room()?);
        rooms.insert(id, Loaded { written, facts });
    }
    Ok(rooms)
}

/// The facts of a room that exists.
fn facts_of(rooms: &mut Rooms, room: RoomId) -> Option<&mut RoomFacts> {
    rooms.get_mut(&room).map(|loaded| &mut loaded.facts).filter(|facts| facts.room.is_some())
}

fn add_people(rooms: &mut Rooms, (members, names): People) -> QueryResult<()> {
    let mut members = members;
    for (room, name, user, member) in names {
        if let Some(Loaded { facts, .. }) = rooms.get_mut(&RoomId(room)) {
            facts.names.insert(Username::from_stored(name), UserId(user));
        }
        members.extend(member);
    }
    for row in members {
        if let Some(facts) = facts_of(rooms, row.room()) {
            let member = row.facts()?;
            facts.members.insert(member.member.user, member);
        }
    }
    Ok(())
}

fn add_things(rooms: &mut Rooms, things: Things) -> QueryResult<()> {
    for (row, of) in things.nonces {
        let Some(facts) = facts_of(rooms, row.room()) else { continue };
        let message = row.message()?;
        let posted = Posted { seq: message.seq, fingerprint: Fingerprint(of.0) };
        if let Some(nonce) = message.nonce.clone() {
            facts.nonces.insert((message.author, nonce), posted);
        }
        facts.messages.insert(message.seq, Arc::new(message));
    }
    for row in things.messages {
        let Some(facts) = facts_of(rooms, row.room()) else { continue };
        let message = row.message()?;
        facts.messages.insert(message.seq, Arc::new(message));
    }
    for (room, seq, emoji, user) in things.reactions {
        let Some(facts) = facts_of(rooms, RoomId(room)) else { continue };
        facts.reactions.insert((count(seq)?, Emoji::from_stored(emoji), UserId(user)));
    }
    for (row, code) in things.invites {
        let invite = Invite::try_from(row)?;
        let Some(facts) = facts_of(rooms, invite.room) else { continue };
        facts.invites.insert(Digest(code.0), invite);
    }
    for (webhook, room, bot) in things.webhooks {
        let Some(facts) = facts_of(rooms, RoomId(room)) else { continue };
        facts.webhooks.insert(WebhookId(webhook), UserId(bot));
    }
    Ok(())
}
