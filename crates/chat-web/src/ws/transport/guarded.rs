//! The request's payload with the guard in front: what breaks a limit never reaches the decoder.
//!
//! It hands over one frame at a time and then rests for one poll. The decoder collects whatever it can get before it decodes,
//! keeps room for all of it, and reports an error in a later frame before the messages in front of it; given one frame at a
//! time it holds one message, and everything stays in order.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{dev::Payload, error::PayloadError};
use bytes::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep};

use super::{
    guard::{Guard, Violation},
    link::Link,
};

/// A client's bytes up to its first violation.
pub(super) struct Guarded<S = Payload> {
    inner: S,
    guard: Guard,
    link: Link,
    held: Bytes,
    /// A frame was just handed over.
    rests: bool,
    is_over: bool,
    fragments_within: Duration,
    deadline: Option<Deadline>,
}

/// By when the fragments of one message must be complete.
struct Deadline {
    message: u32,
    timer: Pin<Box<Sleep>>,
}

impl<S> Guarded<S> {
    pub(super) fn new(inner: S, guard: Guard, link: Link, fragments_within: Duration) -> Self {
        Self { inner, guard, link, held: Bytes::new(), rests: false, is_over: false, fragments_within, deadline: None }
    }

    fn stop(&mut self, violation: Violation) -> PayloadError {
        self.is_over = true;
        self.held = Bytes::new();
        self.link.report(violation);
        // The decoder wants some error; what happened is in the link.
        PayloadError::EncodingCorrupted
    }

    fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.timer.as_mut().poll(context).is_ready())
    }

    /// Keeps one timer, for the message whose fragments are open now.
    fn watch_fragments(&mut self, context: &mut Context<'_>) {
        let open = self.guard.unfinished_message();
        if open != self.deadline.as_ref().map(|deadline| deadline.message) {
            self.deadline = open.map(|message| {
                let mut timer = Box::pin(sleep(self.fragments_within));
                // Polled once, so that it wakes this task. It cannot be over yet unless the limit is zero.
                let _ = timer.as_mut().poll(context);
                Deadline { message, timer }
            });
        }
    }
}

impl<S> Stream for Guarded<S>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        if this.rests {
            this.rests = false;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.is_overdue(context) {
            return Poll::Ready(Some(Err(this.stop(Violation::Unfinished))));
        }
        while this.held.is_empty() {
            match Pin::new(&mut this.inner).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => this.held = bytes,
                Poll::Ready(end @ (Some(Err(_)) | None)) => {
                    this.is_over = true;
                    return Poll::Ready(end);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        match this.guard.step(&this.held) {
            Ok(step) => {
                this.rests = step.ends_frame;
                this.watch_fragments(context);
                Poll::Ready(Some(Ok(this.held.split_to(step.len))))
            }
            Err(violation) => Poll::Ready(Some(Err(this.stop(violation)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};

    use super::*;
    use crate::ws::transport::guard::Limits;

    const LIMITS: Limits = Limits { max_message: 100, max_first_message: 100 };
    const TEN_SECONDS: Duration = Duration::from_secs(10);

    type Items = Vec<Result<Bytes, PayloadError>>;

    fn guarded<S>(inner: S) -> (Guarded<S>, Link) {
        let link = Link::default();
        (Guarded::new(inner, Guard::new(LIMITS), link.clone(), TEN_SECONDS), link)
    }

    #[tokio::test]
    async fn frames_come_one_at_a_time_and_those_before_a_violation_arrive() {
        let bytes = [&[0x81, 0x80, 1, 2, 3, 4][..], &[0x89, 0x80, 1, 2, 3, 4], &[0x83]].concat();
        let (guarded, link) = guarded(stream::iter(vec![Ok(Bytes::from(bytes))]));
        let items: Items = guarded.collect().await;
        assert_eq!(items.len(), 3);
        assert_eq!(items[0].as_ref().unwrap().len(), 6);
        assert_eq!(items[1].as_ref().unwrap().len(), 6);
        assert!(items[2].is_err());
        assert_eq!(link.violation(), Some(Violation::ReservedOpcode));
    }

    #[tokio::test(start_paused = true)]
    async fn t10_fragments_that_never_finish_end_after_ten_seconds_however_busy_the_client_is() {
        let begun = tokio::time::Instant::now();
        let fragments = stream::unfold(0x01, |first| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(Bytes::from(vec![first, 0x81, 1, 2, 3, 4, 0])), 0x00))
        });
        let (guarded, link) = guarded(Box::pin(fragments));
        let items: Items = guarded.collect().await;
        assert!(items.last().unwrap().is_err());
        assert_eq!(link.violation(), Some(Violation::Unfinished));
        assert_eq!(begun.elapsed().as_secs(), 11, "ten seconds from the first fragment, which came after one");
    }

    #[tokio::test(start_paused = true)]
    async fn t10_every_fragmented_message_has_its_own_ten_seconds() {
        let fragments = stream::unfold(0, |number| async move {
            tokio::time::sleep(Duration::from_secs(6)).await;
            let first = if number % 2 == 0 { 0x01 } else { 0x80 };
            (number < 10).then(|| (Ok(Bytes::from(vec![first, 0x80, 1, 2, 3, 4])), number + 1))
        });
        let (guarded, link) = guarded(Box::pin(fragments));
        let items: Items = guarded.collect().await;
        assert_eq!(items.len(), 10);
        assert!(items.iter().all(Result::is_ok));
        assert_eq!(link.violation(), None);
    }
}
