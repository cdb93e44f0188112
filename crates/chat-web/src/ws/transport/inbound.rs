//! The way in: whole messages from one client, in order, until something final.
//!
//! Fragments are put together here, into one buffer no longer than the message. Every error is final: after it, after the
//! client's close frame, and after the connection is gone there is nothing more. What a message says is not known here.

use std::{io::ErrorKind, time::Duration};

use actix_ws::{Item, Message, MessageStream, ProtocolError};
use bytes::Bytes;
use bytestring::ByteString;
use chat_hub::outbox::Outbox;
use tokio::time::timeout;

use super::{
    guard::Violation,
    link::{Link, Peer},
};

/// How long a client is given to answer our close frame with its own.
pub const CLOSE_WAIT: Duration = Duration::from_millis(250);

/// Something that a client sent, or the end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A text message, valid UTF-8, reassembled.
    Text(ByteString),
    /// A binary message, reassembled.
    Binary(Bytes),
    /// A ping; the session answers with `wsframe::pong` and this payload.
    Ping(Bytes),
    /// A pong.
    Pong,
    /// The client's close frame and its code. Final.
    Close(Option<u16>),
    /// The client broke the protocol or a limit. Final; the session sends the close code.
    Violation(Violation),
    /// The connection ended without a close frame. Final.
    Gone,
}

/// The messages of one client.
///
/// Dropping it before the client's close frame came tells the way out not to wait for one.
pub struct Inbound {
    stream: MessageStream,
    link: Link,
    /// The message whose fragments are arriving.
    partial: Vec<u8>,
    is_text: bool,
    is_over: bool,
}

impl Inbound {
    pub(super) fn new(stream: MessageStream, link: Link) -> Self {
        Self { stream, link, partial: Vec::new(), is_text: false, is_over: false }
    }

    /// The next message; `None` after a final one. Cancel safe: dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Incoming> {
        if self.is_over {
            return None;
        }
        let incoming = loop {
            match self.stream.recv().await {
                Some(Ok(message)) => {
                    if let Some(incoming) = self.understand(message) {
                        break incoming;
                    }
                }
                Some(Err(error)) => break self.judge(&error),
                None => break Incoming::Gone,
            }
        };
        match incoming {
            Incoming::Close(_) => self.end(Peer::Closed),
            Incoming::Violation(_) | Incoming::Gone => self.end(Peer::Unheard),
            Incoming::Text(_) | Incoming::Binary(_) | Incoming::Ping(_) | Incoming::Pong => {}
        }
        Some(incoming)
    }

    /// Finishes the outbox, whose last frame should be a close frame, and waits up to [`CLOSE_WAIT`] for the client's own:
    /// who answers in time sees the connection closed at once.
    pub async fn finish(mut self, outbox: &Outbox) {
        outbox.finish();
        let over = async { while self.next().await.is_some() {} };
        // Who does not answer in time is not waited for: the drop says so.
        let _ = timeout(CLOSE_WAIT, over).await;
    }

    fn understand(&mut self, message: Message) -> Option<Incoming> {
        match message {
            Message::Text(text) => Some(Incoming::Text(text)),
            Message::Binary(bytes) => Some(Incoming::Binary(bytes)),
            Message::Ping(payload) => Some(Incoming::Ping(payload)),
            Message::Pong(_) => Some(Incoming::Pong),
            Message::Close(reason) => Some(Incoming::Close(reason.map(|reason| reason.code.into()))),
            Message::Continuation(item) => self.assemble(item),
            Message::Nop => None,
        }
    }

    /// Adds a fragment. The guard has checked their order and their sum.
    fn assemble(&mut self, item: Item) -> Option<Incoming> {
        match item {
            Item::FirstText(bytes) => {
                self.is_text = true;
                self.partial = bytes.to_vec();
                None
            }
            Item::FirstBinary(bytes) => {
                self.is_text = false;
                self.partial = bytes.to_vec();
                None
            }
            Item::Continue(bytes) => {
                self.partial.extend_from_slice(&bytes);
                None
            }
            Item::Last(bytes) => {
                self.partial.extend_from_slice(&bytes);
                let whole = Bytes::from(std::mem::take(&mut self.partial));
                Some(if self.is_text {
                    ByteString::try_from(whole).map_or(Incoming::Violation(Violation::NotUtf8), Incoming::Text)
                } else {
                    Incoming::Binary(whole)
                })
            }
        }
    }

    fn judge(&self, error: &ProtocolError) -> Incoming {
        if let Some(violation) = self.link.violation() {
            return Incoming::Violation(violation);
        }
        match error {
            // The decoder reports bad text as invalid data, and a broken connection as any other I/O error.
            ProtocolError::Io(io) if io.kind() == ErrorKind::InvalidData => Incoming::Violation(Violation::NotUtf8),
            ProtocolError::Io(_) => Incoming::Gone,
            ProtocolError::Overflow => Incoming::Violation(Violation::TooLarge),
            ProtocolError::UnmaskedFrame
            | ProtocolError::MaskedFrame
            | ProtocolError::InvalidOpcode(_)
            | ProtocolError::InvalidLength(_)
            | ProtocolError::BadOpCode
            | ProtocolError::ContinuationNotStarted
            | ProtocolError::ContinuationStarted
            | ProtocolError::ContinuationFragment(_) => Incoming::Violation(Violation::Malformed),
        }
    }

    fn end(&mut self, peer: Peer) {
        self.is_over = true;
        self.partial = Vec::new();
        self.link.end(peer);
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        self.link.end(Peer::Unheard);
    }
}
