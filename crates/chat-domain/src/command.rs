//! Commands: everything that may change a room's log, and what comes of it. All of them go down the same road
//! (validate → [`crate::ports::Journal`] → one transaction → ack and publish), whichever door they came in by.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::{
    event::{Event, Hint},
    ids::{RoomId, Seq, UserId, WebhookId},
    objects::{Member, Message, Role, Room, RoomKind},
    ports::Digest,
    timestamp::Timestamp,
    words::{Emoji, Nonce, RoomName, Text, Topic},
};

/// Somebody wants something done in a room, at a moment that their node's clock gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
}

/// What somebody wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make the room; its id is fresh.
    Create(NewRoom),
    /// Change name, topic, slow mode, archiving.
    Update(RoomPatch),
    /// Delete the room.
    Close {
        /// Only while the room has this revision.
        if_match: Option<Seq>,
    },
    /// Come into a public room.
    Join,
    /// Come in by an invite's code.
    Redeem(Digest),
    /// Add somebody, change a role, mute.
    SetMember(MemberPatch),
    /// Kick somebody; leave, when it is oneself.
    Remove(UserId),
    /// Put out and keep out.
    Ban(UserId),
    /// Let in again.
    Unban(UserId),
    /// Post a message.
    Post(Draft),
    /// Post a message as a webhook's bot.
    PostAsWebhook {
        /// Which webhook; the command is given by its bot.
        webhook: WebhookId,
        /// What it says.
        draft: Draft,
    },
    /// Give a message another text.
    Edit {
        /// Which.
        seq: Seq,
        /// The new text.
        text: Text,
        /// Only while the message has this revision.
        if_match: Option<Seq>,
    },
    /// Leave a tombstone.
    Delete {
        /// Which.
        seq: Seq,
        /// Only while the message has this revision.
        if_match: Option<Seq>,
    },
    /// React, or take it back.
    React {
        /// To which.
        seq: Seq,
        /// With what.
        emoji: Emoji,
        /// On or off.
        on: bool,
    },
    /// Pin, or unpin.
    Pin {
        /// Which.
        seq: Seq,
        /// On or off.
        on: bool,
    },
    /// Move one's read marker forward.
    Read(Seq),
    /// Leave because the account is deleted.
    Depart,
}

/// A room that somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRoom {
    /// Who can see and enter it.
    pub kind: RoomKind,
    /// Not for direct rooms.
    pub name: Option<RoomName>,
    /// Not for direct rooms.
    pub topic: Option<Topic>,
    /// Who else is in from the start.
    pub members: Vec<UserId>,
    /// So that asking again makes no second room.
    pub nonce: Option<Nonce>,
}

/// What changes of a room: outer `None` = unchanged, inner `None` = cleared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomPatch {
    /// Another name.
    pub name: Option<Option<RoomName>>,
    /// Another topic.
    pub topic: Option<Option<Topic>>,
    /// Another slow mode, in seconds.
    pub slow_mode_s: Option<u32>,
    /// Read-only or not.
    pub archived: Option<bool>,
    /// Only while the room has this revision.
    pub if_match: Option<Seq>,
}

/// What changes of a member: outer `None` = unchanged, inner `None` = cleared.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberPatch {
    /// Whose.
    pub user: UserId,
    /// Another role.
    pub role: Option<Role>,
    /// Muted until.
    pub muted_until: Option<Option<Timestamp>>,
}

/// A message that is ready to be posted.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What it says.
    pub text: Text,
    /// So that sending again posts nothing twice; webhooks may do without.
    pub nonce: Option<Nonce>,
    /// Which message of the same room it answers.
    pub reply_to: Option<Seq>,
}

/// A hash of what was sent, to tell a retry from another message under the same nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Draft {
    /// Of the original text and `reply_to`.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&[self.text.as_str(), &self.reply_to.unwrap_or(0).to_string()])
    }
}

impl NewRoom {
    /// Of everything but the nonce.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let kind = format!("{:?}", self.kind);
        let name = self.name.as_ref().map_or("", RoomName::as_str);
        let topic = self.topic.as_ref().map_or("", Topic::as_str);
        let mut members: Vec<String> = self.members.iter().map(ToString::to_string).collect();
        members.sort();
        fingerprint(&[&kind, name, topic, &members.join(",")])
    }
}

/// The first half of a SHA-256; U+0000 separates, because no word of the house contains it.
fn fingerprint(parts: &[&str]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    Fingerprint(half)
}

/// What came of a command that was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// For the one who gave it.
    pub reply: Reply,
    /// For the room's log, in `seq` order; empty when nothing changed.
    pub events: Vec<Event>,
    /// For the people whose own world it changed; numbered by the store.
    pub hints: Vec<Hint>,
    /// The room is gone.
    pub closed: bool,
}

/// The answer to the one who gave the command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The message; `duplicate` when the nonce had been used for it before.
    Posted {
        /// As it is now.
        message: Arc<Message>,
        /// A retry.
        duplicate: bool,
    },
    /// Edited, deleted, reacted to; `changed` is false when it was so already.
    Message {
        /// As it is now.
        message: Arc<Message>,
        /// Whether it took a number.
        changed: bool,
    },
    /// Created, changed, pinned in, closed.
    Room {
        /// As it is now.
        room: Arc<Room>,
        /// Whether it took a number; for a creation, whether the room is new.
        changed: bool,
    },
    /// Joined, added, changed, removed, banned.
    Member {
        /// As it is now.
        member: Arc<Member>,
        /// Came in just now.
        came_in: bool,
    },
    /// Came in by an invite (or was in already).
    Redeemed {
        /// The room.
        room: Arc<Room>,
        /// One's place in it.
        member: Arc<Member>,
    },
    /// The marker stands here now.
    Read {
        /// Read up to here.
        seq: Seq,
    },
}
