//! WebSocket frames as bytes (RFC 6455 §5), seen from the client.
//!
//! A reader of its own instead of a library's, because the generator shares its cores with the server it measures: a
//! delivery costs one header walk here and no allocation. It is strict where the RFC is, so that a server's slip is
//! found. It knows no sockets and no JSON.

/// A text message.
pub(crate) const TEXT: u8 = 0x1;
/// The continuation of a fragmented message.
pub(crate) const CONTINUATION: u8 = 0x0;
/// The last frame of a side.
pub(crate) const CLOSE: u8 = 0x8;
/// Are you there?
pub(crate) const PING: u8 = 0x9;
/// Yes.
pub(crate) const PONG: u8 = 0xA;

/// The longest server message that is accepted: far above the 64 KiB of a `batch`.
pub(crate) const LONGEST: usize = 4 << 20;

/// What a server must never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A reserved bit or opcode.
    Reserved,
    /// Masked; only clients mask.
    Masked,
    /// A control frame in fragments or above 125 bytes.
    Control,
    /// Longer than [`LONGEST`].
    TooLong,
    /// A continuation of nothing, or a new message inside another.
    Fragments,
    /// Text that is no UTF-8.
    Utf8,
    /// A binary message; the protocol has none.
    Binary,
}

/// One frame's header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Last frame of its message.
    pub(crate) fin: bool,
    /// What it is.
    pub(crate) opcode: u8,
    /// Where the payload starts.
    pub(crate) at: usize,
    /// Where the next frame starts.
    pub(crate) end: usize,
}

/// Reads the header at the start of `bytes`; `None` while it is incomplete. The payload may still be missing.
///
/// # Errors
/// [`Violation`] when no server may send this.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, Violation> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(Violation::Reserved);
    }
    if second & 0x80 != 0 {
        return Err(Violation::Masked);
    }
    let (length, at) = match second & 0x7F {
        126 => match rest.first_chunk::<2>() {
            Some(n) => (u64::from(u16::from_be_bytes(*n)), 4),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(n) => (u64::from_be_bytes(*n), 10),
            None => return Ok(None),
        },
        n => (u64::from(n), 2),
    };
    let fin = first & 0x80 != 0;
    let opcode = first & 0x0F;
    match opcode {
        CONTINUATION | TEXT => {}
        2 => return Err(Violation::Binary),
        CLOSE | PING | PONG if fin && length <= 125 => {}
        CLOSE | PING | PONG => return Err(Violation::Control),
        _ => return Err(Violation::Reserved),
    }
    match usize::try_from(length) {
        Ok(length) if length <= LONGEST => Ok(Some(Head { fin, opcode, at, end: at + length })),
        Ok(_) | Err(_) => Err(Violation::TooLong),
    }
}

/// Appends one masked frame, as every client frame must be.
pub(crate) fn encode(opcode: u8, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(n), _) if n < 126 => out.push(0x80 | n),
        (_, Ok(n)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&n.to_be_bytes());
        }
        (_, Err(_)) => {
            out.push(0x80 | 127);
            out.extend_from_slice(&crate::figures::count(payload.len()).to_be_bytes());
        }
    }
    out.extend_from_slice(&key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// The status code of a Close payload.
pub(crate) fn close_code(payload: &[u8]) -> Option<u16> {
    payload.first_chunk::<2>().map(|code| u16::from_be_bytes(*code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_three_lengths_are_read() {
        assert_eq!(head(&[0x81, 5]), Ok(Some(Head { fin: true, opcode: TEXT, at: 2, end: 7 })));
        assert_eq!(head(&[0x81, 126, 1, 0]), Ok(Some(Head { fin: true, opcode: TEXT, at: 4, end: 260 })));
        let long = [0x01, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        assert_eq!(head(&long), Ok(Some(Head { fin: false, opcode: TEXT, at: 10, end: 65_546 })));
        for cut in 0..long.len() {
            assert_eq!(head(&long[..cut]), Ok(None));
        }
    }

    #[test]
    fn what_no_server_may_send_is_a_violation() {
        assert_eq!(head(&[0xC1, 0]), Err(Violation::Reserved));
        assert_eq!(head(&[0x83, 0]), Err(Violation::Reserved));
        assert_eq!(head(&[0x81, 0x80]), Err(Violation::Masked));
        assert_eq!(head(&[0x09, 0]), Err(Violation::Control));
        assert_eq!(head(&[0x88, 126, 0, 126]), Err(Violation::Control));
        assert_eq!(head(&[0x82, 0]), Err(Violation::Binary));
        assert_eq!(head(&[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]), Err(Violation::TooLong));
    }

    #[test]
    fn client_frames_are_masked_with_the_key() {
        let mut out = Vec::new();
        // The masked "Hello" of RFC 6455 §5.7.
        encode(TEXT, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut out);
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        for n in [125, 126, 65_535, 65_536] {
            out.clear();
            encode(TEXT, &vec![b'x'; n], [0; 4], &mut out);
            let unmasked: Vec<u8> = out.iter().enumerate().map(|(i, b)| if i == 1 { b & 0x7F } else { *b }).collect();
            let head = head(&unmasked).unwrap().unwrap();
            assert_eq!(head.end - head.at, n);
        }
    }
}
