//! The requests of one socket that are in flight.
//!
//! Requests start in the order in which they came, and most run side by side: a write takes its place in the room's log when
//! it *starts*, so waiting for its commit keeps nobody. What must see the world as all earlier requests left it (a
//! subscription) runs alone: it waits for those before it, and those after it wait for it.

use std::{
    collections::{HashSet, VecDeque},
    future::Future,
    pin::Pin,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tracing::Instrument as _;

use super::timer::Work;

/// The rest of a request that has started; it pushes its own answer.
pub(super) type Running = Pin<Box<dyn Future<Output = ()>>>;

/// A request that is to be started.
pub(super) struct Request {
    /// Unique among those in flight; `None` for what gets no answer.
    pub(super) id: Option<i64>,
    /// Whether it runs alone.
    pub(super) alone: bool,
    /// Starts it.
    pub(super) start: Box<dyn FnOnce() -> Running>,
    /// It starts and runs as part of this.
    pub(super) work: Work,
}

/// The requests in flight.
#[derive(Default)]
pub(super) struct Flight {
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Option<i64>>>>>,
    waiting: VecDeque<Request>,
    ids: HashSet<i64>,
    runs_alone: bool,
}

impl Flight {
    /// How many are in flight.
    pub(super) fn len(&self) -> usize {
        self.running.len() + self.waiting.len()
    }

    /// Whether a request with this id is in flight.
    pub(super) fn has(&self, id: i64) -> bool {
        self.ids.contains(&id)
    }

    /// Takes a request; it starts now, or as soon as its turn comes.
    pub(super) fn add(&mut self, request: Request) {
        self.ids.extend(request.id);
        self.waiting.push_back(request);
        self.start();
    }

    fn start(&mut self) {
        while let Some(request) = self.waiting.front() {
            if self.runs_alone || (request.alone && !self.running.is_empty()) {
                return;
            }
            let Some(request) = self.waiting.pop_front() else { return };
            self.runs_alone = request.alone;
            let Request { id, start, work, .. } = request;
            let rest = work.span.in_scope(start).instrument(work.span.clone());
            self.running.push(Box::pin(async move {
                rest.await;
                work.done();
                id
            }));
        }
    }

    /// Resolves when one is done; never while none runs. Cancel safe.
    pub(super) async fn landed(&mut self) {
        match self.running.next().await {
            Some(id) => {
                if let Some(id) = id {
                    self.ids.remove(&id);
                }
                self.runs_alone = false;
                self.start();
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    type Log = Rc<RefCell<Vec<String>>>;

    fn request(id: i64, alone: bool, log: &Log) -> (Request, oneshot::Sender<()>) {
        let (done, wait) = oneshot::channel::<()>();
        let log = Rc::clone(log);
        let start = Box::new(move || {
            log.borrow_mut().push(format!("start {id}"));
            async move {
                wait.await.unwrap();
                log.borrow_mut().push(format!("done {id}"));
            }
            .boxed_local()
        });
        (Request { id: Some(id), alone, start, work: Work::none() }, done)
    }

    #[tokio::test]
    async fn requests_start_in_order_and_land_as_they_are_done() {
        let (log, mut flight) = (Log::default(), Flight::default());
        let (first, first_done) = request(1, false, &log);
        let (second, second_done) = request(2, false, &log);
        flight.add(first);
        flight.add(second);
        assert_eq!(*log.borrow(), ["start 1", "start 2"]);
        second_done.send(()).unwrap();
        flight.landed().await;
        assert!(flight.has(1) && !flight.has(2));
        first_done.send(()).unwrap();
        flight.landed().await;
        assert_eq!(flight.len(), 0);
    }

    #[tokio::test]
    async fn what_runs_alone_waits_for_those_before_and_keeps_those_after() {
        let (log, mut flight) = (Log::default(), Flight::default());
        let (write, write_done) = request(1, false, &log);
        let (subscribe, subscribe_done) = request(2, true, &log);
        let (later, later_done) = request(3, false, &log);
        flight.add(write);
        flight.add(subscribe);
        flight.add(later);
        assert_eq!(*log.borrow(), ["start 1"]);
        write_done.send(()).unwrap();
        flight.landed().await;
        assert_eq!(*log.borrow(), ["start 1", "done 1", "start 2"]);
        subscribe_done.send(()).unwrap();
        flight.landed().await;
        assert_eq!(log.borrow().last().unwrap(), "start 3");
        later_done.send(()).unwrap();
        flight.landed().await;
        assert!(flight.landed().now_or_never().is_none(), "nothing runs, so nothing lands");
    }
}
