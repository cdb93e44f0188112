//! Composing batch frames: what a listener missed, cut into frames of bounded size.
//!
//! Written by hand so that an object that many readers miss is encoded once and then only copied; a test holds it against
//! [`crate::frames::BatchFrame`].

use std::{io::Write, sync::Arc};

use bytes::Bytes;
use chat_domain::{
    event::Object,
    ids::{RoomId, Seq, UserId},
    objects::Epoch,
};

use crate::{ring::Entry, wsframe};

/// What a frame needs beside its objects, at most, in bytes.
const ENVELOPE: usize = 512;

/// An object that can be put into a batch for one reader.
pub(crate) trait Piece {
    fn object(&self) -> &Object;
    fn write_json(&self, reader: UserId, out: &mut Vec<u8>);
}

impl Piece for Arc<Entry> {
    fn object(&self) -> &Object {
        &self.object
    }

    fn write_json(&self, reader: UserId, out: &mut Vec<u8>) {
        Entry::write_json(self, reader, out);
    }
}

/// Read from the record for this very reader.
impl Piece for Object {
    fn object(&self) -> &Object {
        self
    }

    fn write_json(&self, _reader: UserId, out: &mut Vec<u8>) {
        let written = match self {
            Self::Message(message) => serde_json::to_writer(out, message),
            Self::Member(member) => serde_json::to_writer(out, member),
            Self::Room(room) => serde_json::to_writer(out, room),
        };
        if let Err(error) = written {
            tracing::error!(%error, "an object could not be encoded");
        }
    }
}

/// The stretch of a log whose objects are at hand.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) room: RoomId,
    pub(crate) epoch: Epoch,
    /// Inclusive.
    pub(crate) to: Seq,
    pub(crate) head: Seq,
    /// There is more behind `to`.
    pub(crate) more: bool,
}

/// One frame.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) frame: Bytes,
    /// Where the cursor is after it.
    pub(crate) to: Seq,
    /// Whether it tells the client that another follows.
    pub(crate) more: bool,
    /// How many of the objects are in it.
    pub(crate) used: usize,
    /// How many of these are messages.
    pub(crate) messages: u64,
}

/// The first frame of at most `limit` bytes from `pieces`, which are all that changed in (`from`, `stretch.to`], by `rev`. An
/// object that is larger than that goes alone.
pub(crate) fn compose<P: Piece>(stretch: &Stretch, from: Seq, reader: UserId, pieces: &[P], limit: usize) -> Batch {
    let room_left = limit.saturating_sub(ENVELOPE);
    let mut lists = Lists::default();
    let mut used = 0;
    for piece in pieces {
        if !lists.add(piece, reader, room_left, used == 0) {
            break;
        }
        used += 1;
    }
    let is_last = used == pieces.len();
    let last_rev = pieces.get(used.saturating_sub(1)).map_or(stretch.to, |piece| piece.object().rev());
    let to = if is_last { stretch.to } else { last_rev };
    let more = stretch.more || !is_last;
    let frame = wsframe::text_with(|out| lists.write(stretch, from, to, more, out));
    let frame = frame.unwrap_or_else(|error| {
        tracing::error!(%error, "a batch could not be encoded");
        Bytes::new()
    });
    Batch { frame, to, more, used, messages: lists.count }
}

/// The objects of a frame, encoded, by kind.
#[derive(Default)]
struct Lists {
    messages: Vec<u8>,
    members: Vec<u8>,
    state: Vec<u8>,
    count: u64,
}

impl Lists {
    /// `false` when the object does not fit any more.
    fn add<P: Piece>(&mut self, piece: &P, reader: UserId, limit: usize, is_first: bool) -> bool {
        let taken = self.messages.len() + self.members.len() + self.state.len();
        let list = match piece.object() {
            Object::Message(_) => &mut self.messages,
            Object::Member(_) => &mut self.members,
            Object::Room(_) => &mut self.state,
        };
        let before = list.len();
        if before > 0 {
            list.push(b',');
        }
        piece.write_json(reader, list);
        if !is_first && taken + list.len() - before > limit {
            list.truncate(before);
            return false;
        }
        self.count += u64::from(matches!(piece.object(), Object::Message(_)));
        true
    }

    fn write(&self, stretch: &Stretch, from: Seq, to: Seq, more: bool, out: &mut Vec<u8>) -> std::io::Result<()> {
        let Stretch { room, epoch, head, .. } = stretch;
        write!(out, r#"{{"type":"batch","room":"{room}","epoch":"#)?;
        serde_json::to_writer(&mut *out, epoch)?;
        write!(out, r#","from":{from},"to":{to},"head":{head},"more":{more},"messages":["#)?;
        out.write_all(&self.messages)?;
        out.write_all(br#"],"members":["#)?;
        out.write_all(&self.members)?;
        out.push(b']');
        if !self.state.is_empty() {
            out.write_all(br#","state":"#)?;
            out.write_all(&self.state)?;
        }
        out.push(b'}');
        Ok(())
    }
}

#[cfg(test)]
mod tests;
