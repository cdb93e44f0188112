//! Every "may she?" of the house.

use crate::{
    objects::{Member, Role, Room, RoomKind},
    refusal::Refusal,
    timestamp::Timestamp,
};

/// May this user know and look at the room? To a stranger a private room does not exist; a banned user is a stranger who
/// may not even look at a public one.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn may_look(room: Option<&Room>, member: Option<&Member>) -> Result<(), Refusal> {
    let room = room.ok_or(Refusal::NotFound)?;
    let banned = member.is_some_and(|m| m.banned);
    match (member.is_some_and(|m| m.is_in), room.kind, banned) {
        (true, _, _) | (false, RoomKind::Public, false) => Ok(()),
        (false, RoomKind::Public, true) => Err(Refusal::Forbidden("you are banned from this room")),
        (false, RoomKind::Private | RoomKind::Direct, _) => Err(Refusal::NotFound),
    }
}

/// May this user read what is said in the room?
///
/// # Errors
/// `NotFound` where the room is hidden, `Forbidden` where it is known.
pub fn may_read<'a>(room: Option<&Room>, member: Option<&'a Member>) -> Result<&'a Member, Refusal> {
    may_look(room, member)?;
    member.filter(|m| m.is_in).ok_or(Refusal::Forbidden("you are not a member of this room"))
}

/// May this user manage the room's members, invites and settings? Direct rooms have nothing to manage.
///
/// # Errors
/// As [`may_read`]; `Conflict` in a direct room, `Forbidden` below admin.
pub fn may_manage(room: Option<&Room>, member: Option<&Member>) -> Result<(), Refusal> {
    let member = may_read(room, member)?;
    refuse_direct(room)?;
    if member.role < Role::Admin { Err(Refusal::Forbidden("only admins of this room may do this")) } else { Ok(()) }
}

/// Is this something that two people in a direct room can't have?
///
/// # Errors
/// `Conflict` in a direct room.
pub fn refuse_direct(room: Option<&Room>) -> Result<(), Refusal> {
    if room.is_some_and(Room::is_direct) {
        return Err(Refusal::Conflict("a direct room is shared by two equal members for ever"));
    }
    Ok(())
}

/// May this member act on that one? Admins act on members; only owners act on admins and owners.
///
/// # Errors
/// `Forbidden`.
pub fn may_act_on(actor: &Member, target: Option<&Member>) -> Result<(), Refusal> {
    let rank = target.filter(|m| m.is_in).map_or(Role::Member, |m| m.role);
    if rank >= Role::Admin && actor.role < Role::Owner {
        return Err(Refusal::Forbidden("only owners act on admins and owners"));
    }
    Ok(())
}

/// May this member give that role?
///
/// # Errors
/// `Forbidden`.
pub fn may_give(actor: &Member, role: Role) -> Result<(), Refusal> {
    if role >= Role::Admin && actor.role < Role::Owner {
        return Err(Refusal::Forbidden("only owners make admins and owners"));
    }
    Ok(())
}

/// May anything be written here?
///
/// # Errors
/// `Forbidden` in an archived room.
pub fn may_change(room: &Room) -> Result<(), Refusal> {
    if room.archived { Err(Refusal::Forbidden("this room is archived and read-only")) } else { Ok(()) }
}

/// May the room have one more webhook, when it has so many and may have at most `most`?
///
/// # Errors
/// `Forbidden` in an archived room, `Conflict`.
pub fn may_add_webhook(room: &Room, webhooks: usize, most: usize) -> Result<(), Refusal> {
    may_change(room)?;
    if webhooks < most { Ok(()) } else { Err(Refusal::Conflict("this room has the most webhooks there may be")) }
}

/// May this member speak: post, edit, react?
///
/// # Errors
/// `Forbidden` in an archived room, `Muted`.
pub fn may_speak(room: &Room, member: &Member, now: Timestamp) -> Result<(), Refusal> {
    may_change(room)?;
    match member.muted_until {
        Some(until) if until > now => Err(Refusal::Muted { retry_ms: until.millis_since(now) }),
        Some(_) | None => Ok(()),
    }
}

/// May this member post now, having posted last at `posted_at`? Slow mode is for plain members.
///
/// # Errors
/// `SlowMode`.
pub fn may_post_again(
    room: &Room,
    member: &Member,
    posted_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(last) = posted_at.filter(|_| room.slow_mode_s > 0 && member.role < Role::Admin) else {
        return Ok(());
    };
    let wait = u64::from(room.slow_mode_s) * 1_000;
    let passed = now.millis_since(last);
    if passed < wait { Err(Refusal::SlowMode { retry_ms: wait - passed }) } else { Ok(()) }
}

/// May this member pin? Admins, and both in a direct room.
///
/// # Errors
/// `Forbidden`.
pub fn may_pin(room: &Room, member: &Member) -> Result<(), Refusal> {
    may_change(room)?;
    if room.is_direct() || member.role >= Role::Admin {
        return Ok(());
    }
    Err(Refusal::Forbidden("only admins of this room may pin"))
}
