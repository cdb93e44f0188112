//! The way out: the body of the 101 response, which hands the outbox's frames to the connection.
//!
//! The connection asks for more until its write buffer is full, so everything queued by then leaves in one write.
//! How it ends matters, because actix-http only closes a connection by itself after it has lingered for the client's bytes
//! (`HttpServer::client_disconnect_timeout`):
//!
//! - the client's close frame came: nothing more can follow, so the body fails, which closes the connection at once;
//! - the client broke the protocol, or is not waited for: the body ends, and the linger swallows what is under way, so that
//!   no reset overtakes our close frame;
//! - aborted: the body fails at once.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use chat_hub::outbox::{CHUNK, Outbox};

use super::link::{Link, Peer};

/// The socket is over; not a failure, but the only way to tell the connection to close now.
#[derive(Debug, thiserror::Error)]
#[error("the socket is closed")]
pub(super) struct Over;

/// Streams an outbox.
pub(super) struct OutBody {
    outbox: Outbox,
    link: Link,
    /// The body that actix-ws made. Never polled, but its end would end the way in.
    _inner: BoxBody,
    /// Bytes handed out since the queue was last seen empty.
    run: usize,
    was_flushed: bool,
}

impl OutBody {
    pub(super) fn new(outbox: Outbox, link: Link, inner: BoxBody) -> Self {
        Self { outbox, link, _inner: inner, run: 0, was_flushed: false }
    }

    /// Everything was handed out and no more will come.
    fn end(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Over>>> {
        if self.outbox.is_aborted() {
            return Poll::Ready(Some(Err(Over)));
        }
        match self.link.peer() {
            Peer::Talking => {
                self.link.register_body(context);
                Poll::Pending
            }
            // What was just handed out is written when we return; a failure before that would lose it. After a long run
            // the client may be slow to take it all: then better linger than cut.
            Peer::Closed if self.run <= CHUNK && !self.was_flushed => {
                self.was_flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Peer::Closed if self.run <= CHUNK => Poll::Ready(Some(Err(Over))),
            Peer::Closed | Peer::Unheard => Poll::Ready(None),
        }
    }
}

impl MessageBody for OutBody {
    type Error = Over;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Over>>> {
        let this = self.get_mut();
        match this.outbox.poll_next(context) {
            Poll::Ready(Some(chunk)) => {
                this.run += chunk.len();
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(None) => this.end(context),
            Poll::Pending => {
                this.run = 0;
                Poll::Pending
            }
        }
    }
}

impl Drop for OutBody {
    fn drop(&mut self) {
        self.outbox.consumer_gone();
    }
}
