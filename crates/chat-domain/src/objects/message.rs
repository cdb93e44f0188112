//! A message as its readers see it.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{RoomId, Seq, UserId},
    timestamp::Timestamp,
    words::{Emoji, Nonce, Text},
};

/// How many reacted with one emoji, and whether the reader did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reaction {
    /// The picture.
    pub emoji: Emoji,
    /// How many users.
    pub count: u32,
    /// The asking user is one of them; absent in live events, whose bytes are the same for everybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub me: bool,
}

/// A message: `(room, seq)` is its identity, `rev` the place of its latest change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Message {
    /// The room.
    pub room: RoomId,
    /// Where in the log it was posted.
    pub seq: Seq,
    /// The place of its latest change; equals `seq` while it is new.
    pub rev: Seq,
    /// Who posted it.
    pub author: UserId,
    /// When it was posted.
    pub at: Timestamp,
    /// `null` once deleted.
    pub text: Option<Text>,
    /// The message it answers.
    pub reply_to: Option<Seq>,
    /// Members named by `@username`.
    pub mentions: Vec<UserId>,
    /// An admin said `@room`.
    pub mentions_room: bool,
    /// In the order of each emoji's first use.
    pub reactions: Vec<Reaction>,
    /// The time of the latest edit.
    pub edited_at: Option<Timestamp>,
    /// A tombstone: text, mentions and reactions are gone, the number stays.
    pub deleted: bool,
    /// The author's name for the send; absent for other readers outside live events, and for webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
}

impl Message {
    /// Most different emoji on one message, so that a message always fits a batch of 64 KiB.
    pub const MAX_EMOJI: usize = 50;

    /// The message as `reader` gets it outside live events: the nonce is for its author only.
    #[must_use]
    pub fn seen_by(mut self, reader: UserId) -> Self {
        if self.author != reader {
            self.nonce = None;
        }
        self
    }
}
