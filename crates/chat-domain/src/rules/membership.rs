//! Members: come in, go out, be put out, be promoted, be muted; and how far they have read.

use std::sync::Arc;

use super::{
    RoomFacts, Write, access,
    decide::{Decision, Draw, unchanged},
};
use crate::{
    command::{Command, MemberPatch, Reply},
    event::HintAbout,
    ids::{RoomId, Seq, UserId},
    objects::{Member, Role, Room},
    ports::Digest,
    refusal::Refusal,
    timestamp::Timestamp,
};

/// Somebody who comes in, or comes back: a plain member, still muted if muted.
pub(super) fn newcomer(before: Option<&Member>, room: RoomId, user: UserId, at: Timestamp) -> Member {
    Member {
        room,
        user,
        rev: 0,
        role: Role::Member,
        is_in: true,
        muted_until: before.and_then(|m| m.muted_until),
        banned: false,
        joined_at: Some(at),
    }
}

pub(super) fn join(facts: &mut RoomFacts, command: &Command) -> Result<Decision, Refusal> {
    let before = facts.member(command.by);
    access::may_look(facts.room.as_ref(), before)?;
    let room = facts.room.as_ref().ok_or(Refusal::NotFound)?;
    if let Some(member) = before.filter(|m| m.is_in) {
        return Ok(unchanged(Reply::Member { member: Arc::new(member.clone()), came_in: false }));
    }
    refuse_the_dead(facts, command.by)?;
    access::may_change(room)?;
    let member = newcomer(before, command.room, command.by, command.at);
    let mut draw = Draw::new(facts, command.by);
    let member = enter(&mut draw, member);
    Ok(draw.reply(Reply::Member { member, came_in: true }))
}

/// An access token may outlive its account by minutes; nobody comes in by one.
fn refuse_the_dead(facts: &RoomFacts, user: UserId) -> Result<(), Refusal> {
    if facts.users.contains(&user) { Ok(()) } else { Err(Refusal::Unauthenticated) }
}

/// Coming in sets the marker to the head: what was said before is not unread.
fn enter(draw: &mut Draw<'_>, member: Member) -> Arc<Member> {
    let member = draw.member(member, true);
    draw.marker(member.user, member.rev);
    member
}

pub(super) fn redeem(facts: &mut RoomFacts, command: &Command, code: Digest) -> Result<Decision, Refusal> {
    let room = facts.room.clone().ok_or(Refusal::NotFound)?;
    let invite = facts.invites.get(&code).cloned().ok_or(Refusal::NotFound)?;
    let before = facts.member(command.by).cloned();
    if before.as_ref().is_some_and(|m| m.banned) {
        access::may_look(Some(&room), before.as_ref())?;
    }
    let shown = Arc::new(room);
    if let Some(member) = before.clone().filter(|m| m.is_in) {
        return Ok(unchanged(Reply::Redeemed { room: shown, member: Arc::new(member) }));
    }
    refuse_the_dead(facts, command.by)?;
    if !invite.is_good(command.at) {
        return Err(Refusal::Gone("this invite is spent or has expired"));
    }
    access::may_change(&shown)?;
    let member = newcomer(before.as_ref(), command.room, command.by, command.at);
    let mut draw = Draw::new(facts, command.by);
    draw.write(Write::InviteUsed(invite.id));
    if let Some(invite) = draw.facts.invites.get_mut(&code) {
        invite.uses += 1;
    }
    let member = enter(&mut draw, member);
    Ok(draw.reply(Reply::Redeemed { room: shown, member }))
}

pub(super) fn set(facts: &mut RoomFacts, command: &Command, patch: &MemberPatch) -> Result<Decision, Refusal> {
    access::may_manage(facts.room.as_ref(), facts.member(command.by))?;
    let room = facts.room.as_ref().ok_or(Refusal::NotFound)?;
    let actor = facts.member(command.by).ok_or(Refusal::NotFound)?;
    if !facts.users.contains(&patch.user) {
        return Err(Refusal::NotFound);
    }
    let before = facts.member(patch.user);
    if before.is_some_and(|m| m.banned) {
        return Err(Refusal::Conflict("this user is banned; lift the ban first"));
    }
    let present = before.filter(|m| m.is_in);
    let came_in = present.is_none();
    let mut after = present.cloned().unwrap_or_else(|| newcomer(before, command.room, patch.user, command.at));
    after.role = patch.role.unwrap_or(after.role);
    after.muted_until = patch.muted_until.unwrap_or(after.muted_until);
    if present == Some(&after) {
        return Ok(unchanged(Reply::Member { member: Arc::new(after), came_in: false }));
    }
    access::may_act_on(actor, present)?;
    access::may_give(actor, after.role)?;
    access::may_change(room)?;
    let role_changed = present.is_none_or(|m| m.role != after.role);
    if present.is_some_and(|m| m.role == Role::Owner) && after.role < Role::Owner && owners(facts) == 1 {
        return Err(Refusal::Conflict("the last owner must make another owner first"));
    }
    let mut draw = Draw::new(facts, command.by);
    let member = if came_in { enter(&mut draw, after) } else { draw.member(after, role_changed) };
    Ok(draw.reply(Reply::Member { member, came_in }))
}

pub(super) fn remove(facts: &mut RoomFacts, command: &Command, user: UserId) -> Result<Decision, Refusal> {
    let leaves = user == command.by;
    let actor = facts.member(command.by);
    if leaves && !actor.is_some_and(|m| m.is_in) {
        access::may_look(facts.room.as_ref(), actor)?;
        return Err(Refusal::NotFound); // who is not there cannot leave, in a public room that they may see, too
    }
    let actor = access::may_read(facts.room.as_ref(), actor)?;
    access::refuse_direct(facts.room.as_ref())?;
    if !leaves {
        access::may_manage(facts.room.as_ref(), Some(actor))?;
    }
    let target = facts.member(user).filter(|m| m.is_in).ok_or(Refusal::NotFound)?;
    if leaves && target.role == Role::Owner && owners(facts) == 1 && present(facts) > 1 {
        return Err(Refusal::Conflict("the last owner must make another owner first"));
    }
    if !leaves {
        access::may_act_on(actor, Some(target))?;
    }
    let gone = outsider(target.clone(), false);
    let mut draw = Draw::new(facts, command.by);
    let member = draw.member(gone, true);
    Ok(draw.reply(Reply::Member { member, came_in: false }))
}

fn outsider(mut member: Member, banned: bool) -> Member {
    member.is_in = false;
    member.role = Role::Member;
    member.banned = banned;
    member
}

pub(super) fn ban(facts: &mut RoomFacts, command: &Command, user: UserId) -> Result<Decision, Refusal> {
    access::may_manage(facts.room.as_ref(), facts.member(command.by))?;
    let actor = facts.member(command.by).ok_or(Refusal::NotFound)?;
    if user == command.by {
        return Err(Refusal::Conflict("nobody bans themselves"));
    }
    if !facts.users.contains(&user) {
        return Err(Refusal::NotFound);
    }
    let before = facts.member(user);
    if let Some(banned) = before.filter(|m| m.banned) {
        return Ok(unchanged(Reply::Member { member: Arc::new(banned.clone()), came_in: false }));
    }
    access::may_act_on(actor, before)?;
    let was_in = before.is_some_and(|m| m.is_in);
    let joined_at = before.and_then(|m| m.joined_at);
    let mut after = before.cloned().unwrap_or_else(|| newcomer(None, command.room, user, command.at));
    after.joined_at = joined_at;
    let mut draw = Draw::new(facts, command.by);
    let member = draw.member(outsider(after, true), was_in);
    Ok(draw.reply(Reply::Member { member, came_in: false }))
}

pub(super) fn unban(facts: &mut RoomFacts, command: &Command, user: UserId) -> Result<Decision, Refusal> {
    access::may_manage(facts.room.as_ref(), facts.member(command.by))?;
    let before = facts.member(user).ok_or(Refusal::NotFound)?.clone();
    if !before.banned {
        return Ok(unchanged(Reply::Member { member: Arc::new(before), came_in: false }));
    }
    let mut draw = Draw::new(facts, command.by);
    let member = draw.member(outsider(before, false), false);
    Ok(draw.reply(Reply::Member { member, came_in: false }))
}

/// The account is gone: leave, and hand the room on to the senior admin, else the senior member.
pub(super) fn depart(facts: &mut RoomFacts, command: &Command) -> Result<Decision, Refusal> {
    let member = access::may_read(facts.room.as_ref(), facts.member(command.by))?.clone();
    let direct = facts.room.as_ref().is_some_and(Room::is_direct);
    let ownerless = member.role == Role::Owner && owners(facts) == 1;
    let heir = heir(facts, command.by).filter(|_| ownerless && !direct);
    let mut draw = Draw::new(facts, command.by);
    let gone = draw.member(outsider(member, false), false);
    if let Some(mut heir) = heir {
        heir.role = Role::Owner;
        draw.member(heir, true);
    }
    Ok(draw.reply(Reply::Member { member: gone, came_in: false }))
}

fn heir(facts: &RoomFacts, but: UserId) -> Option<Member> {
    let present = facts.members.values().map(|m| &m.member).filter(|m| m.is_in && m.user != but);
    present.min_by_key(|m| (std::cmp::Reverse(m.role), m.joined_at, m.user)).cloned()
}

fn present(facts: &RoomFacts) -> usize {
    facts.members.values().filter(|m| m.member.is_in).count()
}

fn owners(facts: &RoomFacts) -> usize {
    facts.members.values().filter(|m| m.member.is_in && m.member.role == Role::Owner).count()
}

pub(super) fn read(facts: &mut RoomFacts, command: &Command, seq: Seq) -> Result<Decision, Refusal> {
    access::may_read(facts.room.as_ref(), facts.member(command.by))?;
    let at = facts.members.get(&command.by).map_or(0, |m| m.read);
    let seq = seq.min(facts.log.head);
    if seq <= at {
        return Ok(unchanged(Reply::Read { seq: at }));
    }
    let mut draw = Draw::new(facts, command.by);
    draw.marker(command.by, seq);
    draw.hint(command.by, HintAbout::Read { room: command.room, seq });
    Ok(draw.reply(Reply::Read { seq }))
}
