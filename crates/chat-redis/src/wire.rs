//! Notes as bytes: a version, a kind, the node that speaks, then what it says.
//!
//! An event travels as the frame that its node encoded for sockets, verbatim: the JSON in it is the event, so nothing is
//! encoded twice. Should a frame not be that, the event goes beside it. What can't be read is an error, never a panic:
//! other versions of this program, and strangers, may write to the same channels.

mod house;
mod note;

use bytes::{Buf, BufMut};

pub(crate) use self::{
    house::{SharedRate, forgiven, forgiven_name, lost, probe, probed, rate, shared_rate},
    note::{decode, encode, status, status_code, topic},
};

/// The first byte of everything that is said in this version.
const VERSION: u8 = 1;
/// Version, kind, node.
const HEADER: usize = 1 + 1 + 8;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What is said.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($(#[$doc])* $name = $code,)*
        }

        impl Kind {
            fn of(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// An event: its frame.
    Event = 1,
    /// An event beside a frame that does not say it.
    EventBeside = 2,
    /// `Note::Closed`.
    Closed = 3,
    /// `Note::Hint`.
    Hint = 4,
    /// `Note::Ended`.
    Ended = 5,
    /// `Note::Typing`.
    Typing = 6,
    /// `Note::Presence`.
    Presence = 7,
    /// A node to itself: does this arrive?
    Probe = 8,
    /// This node had to drop notes: verify the heads.
    Lost = 9,
    /// How full a bucket is that all nodes count together.
    Rate = 10,
    /// A name whose count is forgotten.
    Forgiven = 11,
}

/// Bytes that say nothing to this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(&'static str);

impl Unreadable {
    /// The message is not made of a channel and bytes.
    pub(crate) const NOT_BYTES: Self = Self("no bytes");
}

/// Who says what kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) node: u64,
}

fn begun(node: u64, kind: Kind, room: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + room);
    bytes.put_u8(VERSION);
    bytes.put_u8(kind as u8);
    bytes.put_u64(node);
    bytes
}

fn with(node: u64, kind: Kind, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = begun(node, kind, parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| bytes.put_slice(part));
    bytes
}

/// Who speaks, and of what.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn header(mut bytes: &[u8]) -> Result<Header, Unreadable> {
    if bytes.try_get_u8() != Ok(VERSION) {
        return Err(Unreadable("another version"));
    }
    let kind = bytes.try_get_u8().ok().and_then(Kind::of).ok_or(Unreadable("an unknown kind"))?;
    let node = bytes.try_get_u64().map_err(|_| Unreadable("no node"))?;
    Ok(Header { kind, node })
}

const SHORT: Unreadable = Unreadable("too short or too long");

#[cfg(test)]
mod tests;
