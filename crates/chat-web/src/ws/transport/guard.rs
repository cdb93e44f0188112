//! A walk over the headers of inbound frames that stops at the first byte that breaks the protocol or a limit.
//!
//! The decoder behind it judges a frame when all of it has arrived, so a header that announces 2^40 bytes would make the server
//! buffer for ever. This one judges announcements. It is a pure state machine over bytes, the same for any split of them, that
//! stores no payload; it knows neither sockets nor time.

/// What one client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in bytes of payload, whole or after reassembly.
    pub max_message: u64,
    /// The longest first message: before it, nobody knows who is talking.
    pub max_first_message: u64,
}

/// Why a client's bytes cannot be accepted. Every violation ends the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A frame announced, or fragments added up to, more than the limit.
    #[error("a message is longer than the limit")]
    TooLarge,
    /// A reserved bit was set although no extension was negotiated (RFC 6455 §5.2).
    #[error("a reserved bit is set")]
    ReservedBit,
    /// An opcode without a meaning (RFC 6455 §5.2).
    #[error("the opcode is reserved")]
    ReservedOpcode,
    /// A frame from a client without a mask (RFC 6455 §5.1).
    #[error("a frame is not masked")]
    Unmasked,
    /// A control frame that is not final (RFC 6455 §5.5).
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame longer than 125 bytes (RFC 6455 §5.5).
    #[error("a control frame is longer than 125 bytes")]
    LongControl,
    /// A new message inside the fragments of another (RFC 6455 §5.4).
    #[error("a message starts inside another")]
    Interleaved,
    /// A continuation of nothing (RFC 6455 §5.4).
    #[error("a continuation continues nothing")]
    StrayContinuation,
    /// A 64-bit length with its highest bit set (RFC 6455 §5.2).
    #[error("the length of a frame has its highest bit set")]
    LengthOverflow,
    /// The fragments of a message were not complete in time.
    #[error("fragments were not complete in time")]
    Unfinished,
    /// A text message that is not UTF-8 (RFC 6455 §8.1).
    #[error("a text message is not UTF-8")]
    NotUtf8,
    /// Anything else the decoder refuses: a close frame with a payload of one byte, an impossible code or a reason that is
    /// not UTF-8.
    #[error("a frame is malformed")]
    Malformed,
}

impl Violation {
    /// The close code that tells the client (RFC 6455 §7.4.1).
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::TooLarge => 1009,
            Self::NotUtf8 => 1007,
            Self::ReservedBit
            | Self::ReservedOpcode
            | Self::Unmasked
            | Self::FragmentedControl
            | Self::LongControl
            | Self::Interleaved
            | Self::StrayContinuation
            | Self::LengthOverflow
            | Self::Unfinished
            | Self::Malformed => 1002,
        }
    }
}

/// How far one step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Bytes walked over.
    pub len: usize,
    /// Whether they end a frame.
    pub ends_frame: bool,
}

/// The place in a client's byte stream.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    place: Place,
    /// The first byte of the current frame.
    head: Head,
    is_fragmented: bool,
    /// Payload bytes announced so far for the current data message.
    message: u64,
    /// Data messages begun, modulo 2^32.
    messages: u32,
    is_first: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Head {
    is_final: bool,
    is_control: bool,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    First,
    Second,
    Length { left: u8, value: u64 },
    Mask { left: u8, payload: u64 },
    Payload { left: u64 },
}

const MASK_BYTES: u8 = 4;

impl Guard {
    /// The start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            place: Place::First,
            head: Head::default(),
            is_fragmented: false,
            message: 0,
            messages: 0,
            is_first: true,
        }
    }

    /// Walks over all of `bytes`.
    ///
    /// # Errors
    /// The first violation. The guard must not be used after one.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        while !bytes.is_empty() {
            let step = self.step(bytes)?;
            bytes = bytes.get(step.len..).unwrap_or_default();
        }
        Ok(())
    }

    /// Walks to the end of the current frame, or of `bytes`.
    ///
    /// # Errors
    /// The first violation. The guard must not be used after one.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        let mut len = 0;
        while let Some(&byte) = bytes.get(len) {
            if let Place::Payload { left } = self.place {
                let here = left.min((bytes.len() - len) as u64);
                // `here` is at most the length of a slice.
                len += usize::try_from(here).unwrap_or(usize::MAX);
                self.place = Place::Payload { left: left - here };
                if left == here {
                    self.end_frame();
                    return Ok(Step { len, ends_frame: true });
                }
            } else {
                len += 1;
                if self.header_byte(byte)? {
                    self.end_frame();
                    return Ok(Step { len, ends_frame: true });
                }
            }
        }
        Ok(Step { len, ends_frame: false })
    }

    /// The message whose fragments are not complete yet, numbered so that two of them differ.
    #[must_use]
    pub fn unfinished_message(&self) -> Option<u32> {
        self.is_fragmented.then_some(self.messages)
    }

    /// Whether this byte of a header ends a frame, because nothing follows it.
    fn header_byte(&mut self, byte: u8) -> Result<bool, Violation> {
        self.place = match self.place {
            Place::First => self.first(byte)?,
            Place::Second => self.second(byte)?,
            Place::Length { left, value } => self.length(left - 1, value << 8 | u64::from(byte))?,
            Place::Mask { left: 1, payload: 0 } => return Ok(true),
            Place::Mask { left: 1, payload } => Place::Payload { left: payload },
            Place::Mask { left, payload } => Place::Mask { left: left - 1, payload },
            Place::Payload { left } => Place::Payload { left },
        };
        Ok(false)
    }

    fn first(&mut self, byte: u8) -> Result<Place, Violation> {
        let head = Head { is_final: byte & 0x80 != 0, is_control: byte & 0x08 != 0 };
        if byte & 0x70 != 0 {
            return Err(Violation::ReservedBit);
        }
        match byte & 0x0F {
            0x0 if !self.is_fragmented => return Err(Violation::StrayContinuation),
            0x0 => {}
            0x1 | 0x2 if self.is_fragmented => return Err(Violation::Interleaved),
            0x1 | 0x2 => {
                self.message = 0;
                self.messages = self.messages.wrapping_add(1);
                self.is_fragmented = !head.is_final;
            }
            0x8..=0xA if !head.is_final => return Err(Violation::FragmentedControl),
            0x8..=0xA => {}
            _ => return Err(Violation::ReservedOpcode),
        }
        self.head = head;
        Ok(Place::Second)
    }

    fn second(&mut self, byte: u8) -> Result<Place, Violation> {
        if byte & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        match byte & 0x7F {
            126.. if self.head.is_control => Err(Violation::LongControl),
            126 => Ok(Place::Length { left: 2, value: 0 }),
            127 => Ok(Place::Length { left: 8, value: 0 }),
            len => self.announced(u64::from(len)),
        }
    }

    fn length(&mut self, left: u8, value: u64) -> Result<Place, Violation> {
        if left > 0 {
            return Ok(Place::Length { left, value });
        }
        if value >> 63 != 0 {
            return Err(Violation::LengthOverflow);
        }
        self.announced(value)
    }

    /// The length of the payload is known: this is where a frame that is too long is stopped, before its payload is read.
    fn announced(&mut self, payload: u64) -> Result<Place, Violation> {
        if !self.head.is_control {
            let limit = if self.is_first { self.limits.max_first_message } else { self.limits.max_message };
            self.message = self.message.saturating_add(payload);
            if self.message > limit {
                return Err(Violation::TooLarge);
            }
        }
        Ok(Place::Mask { left: MASK_BYTES, payload })
    }

    fn end_frame(&mut self) {
        self.place = Place::First;
        if self.head.is_final && !self.head.is_control {
            self.is_fragmented = false;
            self.is_first = false;
        }
    }
}

#[cfg(test)]
mod tests;
