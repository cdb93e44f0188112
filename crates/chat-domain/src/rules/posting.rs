//! Messages: post, edit, delete, react.

use std::sync::Arc;

use super::{
    RoomFacts, Write, access,
    decide::{Decision, Draw, unchanged},
};
use crate::{
    command::{Command, Draft, Reply},
    ids::{Seq, UserId, WebhookId},
    objects::{Member, Message, Reaction, Role, Room},
    refusal::Refusal,
    words::{Emoji, Text, Username},
};

pub(super) fn post(facts: &mut RoomFacts, command: &Command, draft: &Draft) -> Result<Decision, Refusal> {
    let room = facts.room.as_ref().ok_or(Refusal::NotFound)?;
    if let Some(replay) = replay(facts, command.by, draft)? {
        return Ok(replay);
    }
    let member = access::may_read(Some(room), facts.member(command.by))?;
    access::may_speak(room, member, command.at)?;
    let posted_at = facts.members.get(&command.by).and_then(|m| m.posted_at);
    access::may_post_again(room, member, posted_at, command.at)?;
    let (slow, for_all) = (room.slow_mode_s > 0, mentions_room(member, &draft.text));
    let (mut draw, message) = publish(facts, command, draft, for_all)?;
    if slow {
        draw.write(Write::PostedAt { user: command.by, at: command.at });
        if let Some(author) = draw.facts.members.get_mut(&command.by) {
            author.posted_at = Some(command.at);
        }
    }
    Ok(draw.reply(Reply::Posted { message, duplicate: false }))
}

/// A webhook was let in by an admin, so no mute and no slow mode holds it back; but its bot is none, so `@room` is a word.
/// Whether there is (still) such a webhook is told before anything else, as with a secret that is wrong.
pub(super) fn post_as_webhook(
    facts: &mut RoomFacts,
    command: &Command,
    webhook: WebhookId,
    draft: &Draft,
) -> Result<Decision, Refusal> {
    let room = facts.room.as_ref().ok_or(Refusal::NotFound)?;
    facts.webhooks.get(&webhook).filter(|bot| **bot == command.by).ok_or(Refusal::NotFound)?;
    if let Some(replay) = replay(facts, command.by, draft)? {
        return Ok(replay);
    }
    access::may_change(room)?;
    let (draw, message) = publish(facts, command, draft, false)?;
    Ok(draw.reply(Reply::Posted { message, duplicate: false }))
}

/// The draft of somebody who may post becomes a message.
fn publish<'a>(
    facts: &'a mut RoomFacts,
    command: &Command,
    draft: &Draft,
    mentions_room: bool,
) -> Result<(Draw<'a>, Arc<Message>), Refusal> {
    if draft.reply_to.is_some_and(|seq| !facts.messages.contains_key(&seq)) {
        return Err(Refusal::NotFound);
    }
    let message = Message {
        room: command.room,
        seq: 0,
        rev: 0,
        author: command.by,
        at: command.at,
        mentions: mentions(facts, &draft.text),
        mentions_room,
        text: Some(draft.text.clone()),
        reply_to: draft.reply_to,
        reactions: Vec::new(),
        edited_at: None,
        deleted: false,
        nonce: draft.nonce.clone(),
    };
    let fingerprint = draft.fingerprint();
    let mut draw = Draw::new(facts, command.by);
    let message = draw.post(message, fingerprint);
    if let Some(nonce) = draft.nonce.clone() {
        draw.facts.nonces.insert((command.by, nonce), super::Posted { seq: message.seq, fingerprint });
    }
    Ok((draw, message))
}

/// The first result of a nonce that was used, whatever became of message and author since.
fn replay(facts: &RoomFacts, by: UserId, draft: &Draft) -> Result<Option<Decision>, Refusal> {
    let Some(nonce) = draft.nonce.clone() else {
        return Ok(None);
    };
    let Some(posted) = facts.nonces.get(&(by, nonce)) else {
        return Ok(None);
    };
    if posted.fingerprint != draft.fingerprint() {
        return Err(Refusal::NonceConflict);
    }
    let message = facts.messages.get(&posted.seq).ok_or(Refusal::NotFound)?;
    Ok(Some(unchanged(Reply::Posted { message: Arc::clone(message), duplicate: true })))
}

pub(super) fn edit(
    facts: &mut RoomFacts,
    command: &Command,
    seq: Seq,
    text: &Text,
    if_match: Option<Seq>,
) -> Result<Decision, Refusal> {
    let (room, member, message) = find(facts, command.by, seq)?;
    if message.deleted {
        return Err(Refusal::Gone("this message was deleted"));
    }
    if message.author != command.by {
        return Err(Refusal::Forbidden("only its author edits a message"));
    }
    access::may_speak(room, member, command.at)?;
    require(message.rev, if_match)?;
    if message.text.as_ref() == Some(text) {
        return Ok(unchanged(Reply::Message { message: Arc::clone(message), changed: false }));
    }
    let mut edited = Message::clone(message);
    edited.mentions = mentions(facts, text);
    edited.mentions_room = mentions_room(member, text);
    edited.text = Some(text.clone());
    edited.edited_at = Some(command.at);
    let mut draw = Draw::new(facts, command.by);
    let message = draw.message(edited);
    Ok(draw.reply(Reply::Message { message, changed: true }))
}

pub(super) fn delete(
    facts: &mut RoomFacts,
    command: &Command,
    seq: Seq,
    if_match: Option<Seq>,
) -> Result<Decision, Refusal> {
    let (room, member, message) = find(facts, command.by, seq)?;
    if message.author != command.by && member.role < Role::Admin {
        return Err(Refusal::Forbidden("only its author or an admin deletes a message"));
    }
    access::may_change(room)?;
    if message.deleted {
        return Ok(unchanged(Reply::Message { message: Arc::clone(message), changed: false }));
    }
    require(message.rev, if_match)?;
    let mut tombstone = Message::clone(message);
    tombstone.text = None;
    tombstone.mentions = Vec::new();
    tombstone.mentions_room = false;
    tombstone.reactions = Vec::new();
    tombstone.deleted = true;
    let pinned = room.pins.contains(&seq).then(|| room.clone());
    facts.reactions.retain(|(on, _, _)| *on != seq);
    let mut draw = Draw::new(facts, command.by);
    let message = draw.message(tombstone);
    if let Some(mut room) = pinned {
        room.pins.retain(|pin| *pin != seq);
        draw.room(room, None);
    }
    Ok(draw.reply(Reply::Message { message, changed: true }))
}

pub(super) fn react(
    facts: &mut RoomFacts,
    command: &Command,
    seq: Seq,
    emoji: &Emoji,
    on: bool,
) -> Result<Decision, Refusal> {
    let (room, member, message) = find(facts, command.by, seq)?;
    if message.deleted {
        return Err(Refusal::Gone("this message was deleted"));
    }
    if on {
        access::may_speak(room, member, command.at)?;
    } else {
        access::may_change(room)?;
    }
    let key = (seq, emoji.clone(), command.by);
    if facts.reactions.contains(&key) == on {
        return Ok(unchanged(Reply::Message { message: Arc::clone(message), changed: false }));
    }
    let mut reacted = Message::clone(message);
    count(&mut reacted.reactions, emoji, on)?;
    if on {
        facts.reactions.insert(key);
    } else {
        facts.reactions.remove(&key);
    }
    let mut draw = Draw::new(facts, command.by);
    draw.write(Write::Reaction { seq, emoji: emoji.clone(), user: command.by, on });
    let message = draw.message(reacted);
    Ok(draw.reply(Reply::Message { message, changed: true }))
}

fn count(reactions: &mut Vec<Reaction>, emoji: &Emoji, on: bool) -> Result<(), Refusal> {
    let kinds = reactions.len();
    match (reactions.iter_mut().find(|r| r.emoji == *emoji), on) {
        (Some(reaction), true) => reaction.count = reaction.count.saturating_add(1),
        (Some(reaction), false) => reaction.count = reaction.count.saturating_sub(1),
        (None, true) if kinds >= Message::MAX_EMOJI => {
            return Err(Refusal::Conflict("this message has the most different reactions there may be"));
        }
        (None, true) => reactions.push(Reaction { emoji: emoji.clone(), count: 1, me: false }),
        (None, false) => {}
    }
    reactions.retain(|r| r.count > 0);
    Ok(())
}

fn find(facts: &RoomFacts, user: UserId, seq: Seq) -> Result<(&Room, &Member, &Arc<Message>), Refusal> {
    let room = facts.room.as_ref().ok_or(Refusal::NotFound)?;
    let member = access::may_read(Some(room), facts.member(user))?;
    let message = facts.messages.get(&seq).ok_or(Refusal::NotFound)?;
    Ok((room, member, message))
}

/// `If-Match` (RFC 9110 §13.1.1).
pub(super) fn require(rev: Seq, if_match: Option<Seq>) -> Result<(), Refusal> {
    match if_match {
        Some(wanted) if wanted != rev => Err(Refusal::PreconditionFailed { rev }),
        Some(_) | None => Ok(()),
    }
}

fn mentions(facts: &RoomFacts, text: &Text) -> Vec<UserId> {
    let named = Username::mentioned_in(text.as_str());
    let users = named.iter().filter_map(|name| facts.names.get(name).copied());
    users.filter(|user| facts.member(*user).is_some_and(|member| member.is_in)).collect()
}

fn mentions_room(author: &Member, text: &Text) -> bool {
    author.role >= Role::Admin && crate::words::mentions_room(text.as_str())
}
