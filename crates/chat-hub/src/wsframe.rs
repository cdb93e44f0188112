//! Ready-made WebSocket frames as a server sends them (RFC 6455 §5.2): final, unmasked, header and payload in one allocation.
//!
//! Server frames carry no mask, so the bytes of an event are the same for every receiver: they are built once, here, and then
//! only counted references travel. This module knows the wire layout and nothing else: no sockets, no JSON, no chat.

use bytes::Bytes;

/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The longest header of an unmasked frame: two bytes and a 64-bit length.
const MAX_HEADER: usize = 10;

/// First guess at the size of an encoded event; a longer one makes the buffer grow.
const TYPICAL_FRAME: usize = 512;

const FIN: u8 = 0x80;
const TEXT: u8 = FIN | 0x1;
const CLOSE: u8 = FIN | 0x8;
const PING: u8 = FIN | 0x9;
const PONG: u8 = FIN | 0xA;

/// A text frame around `json`, which must be UTF-8.
#[must_use]
pub fn text(json: &[u8]) -> Bytes {
    frame(TEXT, json)
}

/// A text frame whose payload `write` appends to the buffer it is given: an encoder writes straight behind the room
/// kept for the header, so the payload is never copied.
///
/// `write` must only append, and only UTF-8. Anything it removed or changed before its own bytes is room for the header.
///
/// # Errors
/// Whatever `write` returns.
pub fn text_with<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
    let mut buffer = Vec::with_capacity(TYPICAL_FRAME);
    buffer.extend_from_slice(&[0; MAX_HEADER]);
    write(&mut buffer)?;
    let (header, header_len) = header(TEXT, buffer.len().saturating_sub(MAX_HEADER));
    let start = MAX_HEADER - header_len;
    for (place, byte) in buffer.iter_mut().skip(start).zip(header.iter().take(header_len)) {
        *place = *byte;
    }
    // Events stay in rings and queues for a while: give the spare room back once, here.
    buffer.shrink_to_fit();
    Ok(Bytes::from(buffer).slice(start..))
}

/// A close frame with `code` and `reason`, the latter cut at a character so that both fit in a control frame.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let mut payload = Vec::with_capacity(MAX_CONTROL_PAYLOAD);
    payload.extend_from_slice(&code.to_be_bytes());
    let room = MAX_CONTROL_PAYLOAD - payload.len();
    let cut = (0..=room.min(reason.len())).rev().find(|&at| reason.is_char_boundary(at));
    payload.extend_from_slice(cut.and_then(|at| reason.as_bytes().get(..at)).unwrap_or_default());
    frame(CLOSE, &payload)
}

/// A close frame without a code: the answer to a close frame that had none.
#[must_use]
pub fn close_without_code() -> Bytes {
    Bytes::from_static(&[CLOSE, 0])
}

/// A ping with at most [`MAX_CONTROL_PAYLOAD`] bytes of `payload`.
#[must_use]
pub fn ping(payload: &[u8]) -> Bytes {
    frame(PING, control(payload))
}

/// The answer to a ping: the same payload, at most [`MAX_CONTROL_PAYLOAD`] bytes of it.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, control(payload))
}

fn control(payload: &[u8]) -> &[u8] {
    payload.get(..MAX_CONTROL_PAYLOAD).unwrap_or(payload)
}

fn frame(first: u8, payload: &[u8]) -> Bytes {
    let (header, header_len) = header(first, payload.len());
    let mut buffer = Vec::with_capacity(header_len + payload.len());
    buffer.extend(header.iter().take(header_len));
    buffer.extend_from_slice(payload);
    Bytes::from(buffer)
}

/// The header and how many of its bytes count: the length in the shortest of its three forms, as §5.2 demands.
fn header(first: u8, payload_len: usize) -> ([u8; MAX_HEADER], usize) {
    let mut header = [0; MAX_HEADER];
    let [opcode, short, long @ ..] = &mut header;
    *opcode = first;
    if let Some(len) = u8::try_from(payload_len).ok().filter(|len| *len < 126) {
        *short = len;
        (header, 2)
    } else if let Ok(len) = u16::try_from(payload_len) {
        *short = 126;
        let [high, low, ..] = long;
        [*high, *low] = len.to_be_bytes();
        (header, 4)
    } else {
        *short = 127;
        *long = (payload_len as u64).to_be_bytes();
        (header, MAX_HEADER)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one unmasked frame by the letter of RFC 6455 §5.2: first byte, payload.
    fn read(frame: &[u8]) -> (u8, &[u8]) {
        let (len, at) = match frame[1] {
            126 => (usize::from(u16::from_be_bytes([frame[2], frame[3]])), 4),
            127 => (usize::try_from(u64::from_be_bytes(frame[2..10].try_into().unwrap())).unwrap(), 10),
            short => (usize::from(short), 2),
        };
        assert_eq!(frame.len(), at + len, "the declared length is the length sent");
        (frame[0], &frame[at..])
    }

    #[test]
    fn the_length_takes_the_shortest_form_at_every_border() {
        for (payload, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let bytes = vec![b'x'; payload];
            let frame = text(&bytes);
            assert_eq!(frame.len(), payload + header);
            assert_eq!(read(&frame), (0x81, &bytes[..]));
        }
    }

    #[test]
    fn a_close_reason_is_cut_at_a_character() {
        let frame = close(4401, &"ж".repeat(100));
        let (first, payload) = read(&frame);
        assert_eq!(first, 0x88);
        assert_eq!(payload[..2], 4401_u16.to_be_bytes());
        assert_eq!(std::str::from_utf8(&payload[2..]).unwrap(), "ж".repeat(61));
    }

    #[test]
    fn control_frames_never_exceed_their_limit() {
        assert_eq!(read(&pong(&[7; 300])), (0x8A, &[7; 125][..]));
        assert_eq!(read(&ping(b"hi")), (0x89, &b"hi"[..]));
        assert_eq!(read(&close_without_code()), (0x88, &b""[..]));
    }

    #[test]
    fn an_encoder_that_fails_makes_no_frame() {
        assert_eq!(text_with(|_| Err("no")), Err("no"));
    }

    proptest! {
        #[test]
        fn writing_behind_the_header_gives_the_same_frame_as_copying(len in prop_oneof![0..300_usize, 65_000..66_000_usize]) {
            let payload = vec![b'a'; len];
            let written = text_with(|buffer| { buffer.extend_from_slice(&payload); Ok::<(), ()>(()) }).unwrap();
            prop_assert_eq!(written, text(&payload));
        }
    }
}
