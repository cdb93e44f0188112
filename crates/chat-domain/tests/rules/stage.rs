//! A room on paper: facts that hold everything, so that any command can be decided on them.

use std::{collections::HashMap, sync::Arc};

use chat_domain::{
    command::{Action, Command, Draft},
    ids::{InviteId, RoomId, UserId},
    objects::{Epoch, Invite, LogHead, Member, Message, Role, Room, RoomKind},
    ports::Digest,
    rules::{MemberFacts, RoomFacts},
    timestamp::Timestamp,
    words::{Emoji, Text, Username},
};
use uuid::Uuid;

pub(crate) const ROOM: RoomId = RoomId(Uuid::from_u128(1));
pub(crate) const CODE: Digest = Digest([7; 32]);

pub(crate) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(100 + number))
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_770_000_000_000 + seconds * 1_000)
}

pub(crate) fn text(words: &str) -> Text {
    Text::parse(words, 100).unwrap()
}

pub(crate) fn thumb() -> Emoji {
    Emoji::parse("👍").unwrap()
}

pub(crate) fn draft(words: &str) -> Draft {
    Draft { text: text(words), nonce: None, reply_to: None }
}

pub(crate) fn command(by: UserId, seconds: i64, action: Action) -> Command {
    Command { room: ROOM, by, at: at(seconds), action }
}

pub(crate) fn member(user: UserId, role: Role, is_in: bool) -> Member {
    let joined_at = Some(at(0));
    Member { room: ROOM, user, rev: 1, role, is_in, muted_until: None, banned: false, joined_at }
}

pub(crate) fn put(facts: &mut RoomFacts, member: Member) {
    facts.members.insert(member.user, MemberFacts { member, read: 0, posted_at: None });
}

pub(crate) fn say(facts: &mut RoomFacts, seq: u64, author: UserId) {
    let message = Message {
        room: ROOM,
        seq,
        rev: seq,
        author,
        at: at(0),
        text: Some(text("words")),
        reply_to: None,
        mentions: Vec::new(),
        mentions_room: false,
        reactions: Vec::new(),
        edited_at: None,
        deleted: false,
        nonce: None,
    };
    facts.messages.insert(seq, Arc::new(message));
}

/// A room of that kind with nobody in it, at 20; users 0 … 9 live and are called `user0` … `user9`.
pub(crate) fn stage(kind: RoomKind) -> RoomFacts {
    let mut facts = RoomFacts::bare(LogHead { epoch: Epoch("e".into()), head: 20, floor: 0 });
    facts.room = Some(Room {
        id: ROOM,
        rev: 1,
        kind,
        name: None,
        topic: None,
        slow_mode_s: 0,
        created_at: at(0),
        pins: Vec::new(),
        archived: false,
    });
    facts.users = (0..10).map(user).collect();
    let named = |number| (Username::parse(&format!("user{number}")).unwrap(), user(number));
    facts.names = (0..10).map(named).collect::<HashMap<_, _>>();
    let invite = Invite {
        id: InviteId(Uuid::from_u128(2)),
        room: ROOM,
        by: user(0),
        created_at: at(0),
        expires_at: None,
        max_uses: None,
        uses: 0,
    };
    facts.invites.insert(CODE, invite);
    facts
}
