//! Reads the ready-made frames that travel in notes: unmasked WebSocket text frames (RFC 6455 §5.2) around the JSON of an
//! event, as protocol §3 writes it. It never makes one.

use bytes::Buf;
use chat_domain::event::Event;
use uuid::fmt::Hyphenated;

/// FIN and the opcode of text.
const TEXT: u8 = 0x81;

/// What the frame carries; `None` unless it is exactly one whole, unmasked text frame.
pub(crate) fn payload(mut frame: &[u8]) -> Option<&[u8]> {
    if frame.try_get_u8().ok()? != TEXT {
        return None;
    }
    let len = match frame.try_get_u8().ok()? {
        126 => u64::from(frame.try_get_u16().ok()?),
        127 => frame.try_get_u64().ok()?,
        short @ 0..126 => u64::from(short),
        128.. => return None, // masked
    };
    (u64::try_from(frame.len()) == Ok(len)).then_some(frame)
}

/// Whether the frame's JSON begins as that of this very event: who can read it need not be told the event beside it.
pub(crate) fn says(frame: &[u8], event: &Event) -> bool {
    begins(frame, event).is_some()
}

fn begins(frame: &[u8], event: &Event) -> Option<()> {
    let mut id = [0; Hyphenated::LENGTH];
    let id = event.room.0.hyphenated().encode_lower(&mut id);
    let rest = payload(frame)?.strip_prefix(br#"{"type":"event","room":""#)?.strip_prefix(id.as_bytes())?;
    let rest = rest.strip_prefix(br#"","seq":"#)?;
    let digits = rest.get(..rest.iter().position(|byte| *byte == b',')?)?;
    (std::str::from_utf8(digits).ok()?.parse() == Ok(event.seq)).then_some(())
}
