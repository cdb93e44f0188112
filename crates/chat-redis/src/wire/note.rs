//! What the domain says between nodes ([`Note`]), as bytes and back.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use chat_domain::{
    event::{Event, Hint},
    ids::{RoomId, SessionId, UserId},
    ports::{Note, Status, Topic},
};
use uuid::Uuid;

use super::{HEADER, Header, Kind, SHORT, Unreadable, begun, header, with};
use crate::frame;

/// What one listens to in order to hear this; `None` is heard by all.
pub(crate) fn topic(note: &Note) -> Option<Topic> {
    match note {
        Note::Event { event, .. } => Some(Topic::Room(event.room)),
        Note::Closed(room) | Note::Typing { room, .. } => Some(Topic::Room(*room)),
        Note::Hint(hint) => Some(Topic::User(hint.user)),
        Note::Presence { user, .. } => Some(Topic::User(*user)),
        Note::Ended(_) => None,
    }
}

/// The bytes of a note.
///
/// # Errors
/// When its JSON can't be written, which no value of the domain brings about.
pub(crate) fn encode(node: u64, note: &Note) -> serde_json::Result<Vec<u8>> {
    Ok(match note {
        Note::Event { event, frame } if frame::says(frame, event) => with(node, Kind::Event, &[frame]),
        Note::Event { event, frame } => {
            let json = serde_json::to_vec(event)?;
            let len = u32::try_from(json.len()).map_err(<serde_json::Error as serde::ser::Error>::custom)?;
            with(node, Kind::EventBeside, &[&len.to_be_bytes(), &json, frame])
        }
        Note::Closed(room) => with(node, Kind::Closed, &[room.as_bytes()]),
        Note::Hint(hint) => with(node, Kind::Hint, &[&serde_json::to_vec(hint)?]),
        Note::Ended(sessions) => {
            let mut bytes = begun(node, Kind::Ended, sessions.len() * 16);
            sessions.iter().for_each(|session| bytes.put_slice(session.as_bytes()));
            bytes
        }
        Note::Typing { room, user, on } => {
            with(node, Kind::Typing, &[room.as_bytes(), user.as_bytes(), &[u8::from(*on)]])
        }
        Note::Presence { user, status } => with(node, Kind::Presence, &[user.as_bytes(), &[status_code(*status)]]),
    })
}

/// The note in these bytes; what it has of a frame is a part of them, not a copy.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn decode(mut bytes: Bytes) -> Result<Note, Unreadable> {
    let Header { kind, .. } = header(&bytes)?;
    bytes.advance(HEADER);
    Ok(match kind {
        Kind::Event => Note::Event { event: json(frame::payload(&bytes).ok_or(SHORT)?)?, frame: bytes },
        Kind::EventBeside => {
            let len = bytes.try_get_u32().ok().and_then(|len| usize::try_from(len).ok()).ok_or(SHORT)?;
            if bytes.len() < len {
                return Err(SHORT);
            }
            Note::Event { event: json(&bytes.split_to(len))?, frame: bytes }
        }
        Kind::Closed => Note::Closed(RoomId(last_id(bytes)?)),
        Kind::Hint => Note::Hint(Arc::new(serde_json::from_slice::<Hint>(&bytes).map_err(|_| Unreadable("no hint"))?)),
        Kind::Ended if bytes.len().is_multiple_of(16) => {
            let mut sessions = Vec::with_capacity(bytes.len() / 16);
            while bytes.has_remaining() {
                sessions.push(SessionId(id(&mut bytes)?));
            }
            Note::Ended(sessions)
        }
        Kind::Ended => return Err(SHORT),
        Kind::Typing => {
            let (room, user) = (RoomId(id(&mut bytes)?), UserId(id(&mut bytes)?));
            let on = match last_byte(bytes)? {
                0 => false,
                1 => true,
                _ => return Err(Unreadable("neither on nor off")),
            };
            Note::Typing { room, user, on }
        }
        Kind::Presence => {
            let user = UserId(id(&mut bytes)?);
            Note::Presence { user, status: status(last_byte(bytes)?).ok_or(Unreadable("an unknown status"))? }
        }
        Kind::Probe | Kind::Lost | Kind::Rate | Kind::Forgiven => return Err(Unreadable("not a note")),
    })
}

fn json(bytes: &[u8]) -> Result<Arc<Event>, Unreadable> {
    serde_json::from_slice(bytes).map(Arc::new).map_err(|_| Unreadable("no event"))
}

fn id(bytes: &mut Bytes) -> Result<Uuid, Unreadable> {
    bytes.try_get_u128().map(Uuid::from_u128).map_err(|_| SHORT)
}

fn last_id(mut bytes: Bytes) -> Result<Uuid, Unreadable> {
    let id = id(&mut bytes)?;
    if bytes.is_empty() { Ok(id) } else { Err(SHORT) }
}

fn last_byte(bytes: Bytes) -> Result<u8, Unreadable> {
    match *bytes {
        [byte] => Ok(byte),
        _ => Err(SHORT),
    }
}

/// A status as a small number: here, and in leases.
pub(crate) fn status_code(status: Status) -> u8 {
    match status {
        Status::Offline => 0,
        Status::Away => 1,
        Status::Online => 2,
    }
}

/// The status of a small number.
pub(crate) fn status(code: u8) -> Option<Status> {
    match code {
        0 => Some(Status::Offline),
        1 => Some(Status::Away),
        2 => Some(Status::Online),
        _ => None,
    }
}
