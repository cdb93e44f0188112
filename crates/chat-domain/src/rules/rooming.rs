//! Rooms: create, change, delete, pin.

use std::sync::Arc;

use super::{
    RoomFacts, Write, access,
    decide::{Decision, Draw, unchanged},
    facts::pair,
    membership::newcomer,
    posting::require,
};
use crate::{
    command::{Command, NewRoom, Reply, RoomPatch},
    event::HintAbout,
    ids::{Seq, UserId},
    objects::{Role, Room, RoomKind},
    refusal::Refusal,
    words::Invalid,
};

pub(super) fn create(facts: &mut RoomFacts, command: &Command, new: &NewRoom) -> Result<Decision, Refusal> {
    let others = others(facts, command.by, new)?;
    if let Some((room, made_of)) = &facts.existing {
        if made_of.is_some_and(|made_of| made_of != new.fingerprint()) {
            return Err(Refusal::NonceConflict);
        }
        return Ok(unchanged(Reply::Room { room: Arc::new(room.clone()), changed: false }));
    }
    if others.iter().any(|user| !facts.users.contains(user)) {
        return Err(Refusal::invalid("/members", Invalid::Malformed));
    }
    let direct = new.kind == RoomKind::Direct;
    let room = Room {
        id: command.room,
        rev: 0,
        kind: new.kind,
        name: new.name.clone(),
        topic: new.topic.clone(),
        slow_mode_s: 0,
        created_at: command.at,
        pins: Vec::new(),
        archived: false,
    };
    let open = Write::OpenRoom {
        room: room.clone(),
        pair: others.first().filter(|_| direct).map(|other| pair(command.by, *other)),
        nonce: new.nonce.clone().map(|nonce| (command.by, nonce, new.fingerprint())),
    };
    let mut draw = Draw::new(facts, command.by);
    let room = draw.room(room, Some(open));
    let mut first = newcomer(None, command.room, command.by, command.at);
    first.role = if direct { Role::Member } else { Role::Owner };
    draw.member(first, true);
    for user in &others {
        draw.member(newcomer(None, command.room, *user, command.at), true);
    }
    let head = draw.facts.log.head;
    for user in others.iter().chain([&command.by]) {
        draw.marker(*user, head);
    }
    Ok(draw.reply(Reply::Room { room, changed: true }))
}

/// Who else is in from the start: each once, never the creator.
fn others(facts: &RoomFacts, by: UserId, new: &NewRoom) -> Result<Vec<UserId>, Refusal> {
    if !facts.users.contains(&by) {
        return Err(Refusal::Unauthenticated);
    }
    let mut others = new.members.clone();
    others.sort();
    others.dedup();
    if new.kind == RoomKind::Direct {
        if others.len() != 1 || others.contains(&by) {
            return Err(Refusal::invalid("/members", Invalid::OutOfRange));
        }
        if new.name.is_some() || new.topic.is_some() {
            return Err(Refusal::Conflict("a direct room has no name and no topic"));
        }
    }
    others.retain(|user| *user != by);
    Ok(others)
}

pub(super) fn update(facts: &mut RoomFacts, command: &Command, patch: &RoomPatch) -> Result<Decision, Refusal> {
    access::may_manage(facts.room.as_ref(), facts.member(command.by))?;
    let room = facts.room.as_ref().ok_or(Refusal::NotFound)?;
    require(room.rev, patch.if_match)?;
    if patch.slow_mode_s.is_some_and(|s| s > Room::MAX_SLOW_MODE_S) {
        return Err(Refusal::invalid("/slow_mode_s", Invalid::OutOfRange));
    }
    let mut changed = room.clone();
    changed.name = patch.name.clone().unwrap_or(changed.name);
    changed.topic = patch.topic.clone().unwrap_or(changed.topic);
    changed.slow_mode_s = patch.slow_mode_s.unwrap_or(changed.slow_mode_s);
    changed.archived = patch.archived.unwrap_or(changed.archived);
    if changed == *room {
        return Ok(unchanged(Reply::Room { room: Arc::new(changed), changed: false }));
    }
    if changed.archived {
        access::may_change(room)?; // archived stays as it is, but for being opened again
    }
    let mut draw = Draw::new(facts, command.by);
    let room = draw.room(changed, None);
    Ok(draw.reply(Reply::Room { room, changed: true }))
}

pub(super) fn close(facts: &mut RoomFacts, command: &Command, if_match: Option<Seq>) -> Result<Decision, Refusal> {
    let room = facts.room.clone();
    let member = access::may_read(room.as_ref(), facts.member(command.by))?;
    if member.role < Role::Owner {
        return Err(Refusal::Forbidden("only owners delete a room"));
    }
    let room = Arc::new(room.ok_or(Refusal::NotFound)?);
    require(room.rev, if_match)?;
    let present: Vec<_> = facts.members.values().map(|m| m.member.clone()).filter(|m| m.is_in).collect();
    let mut draw = Draw::new(facts, command.by);
    for mut member in present {
        member.is_in = false;
        member.role = Role::Member;
        draw.hint(member.user, HintAbout::Rooms { room: command.room, member: Arc::new(member) });
    }
    draw.close();
    Ok(draw.reply(Reply::Room { room, changed: true }))
}

pub(super) fn pin(facts: &mut RoomFacts, command: &Command, seq: Seq, on: bool) -> Result<Decision, Refusal> {
    let member = access::may_read(facts.room.as_ref(), facts.member(command.by))?;
    let room = facts.room.as_ref().ok_or(Refusal::NotFound)?;
    access::may_pin(room, member)?;
    let message = facts.messages.get(&seq).ok_or(Refusal::NotFound)?;
    if on && message.deleted {
        return Err(Refusal::Gone("this message was deleted"));
    }
    let mut changed = room.clone();
    if room.pins.contains(&seq) == on {
        return Ok(unchanged(Reply::Room { room: Arc::new(changed), changed: false }));
    }
    if on && room.pins.len() >= Room::MAX_PINS {
        return Err(Refusal::Conflict("this room has the most pins there may be"));
    }
    if on {
        changed.pins.push(seq);
    } else {
        changed.pins.retain(|pin| *pin != seq);
    }
    let mut draw = Draw::new(facts, command.by);
    let room = draw.room(changed, None);
    Ok(draw.reply(Reply::Room { room, changed: true }))
}
