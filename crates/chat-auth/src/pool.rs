//! The threads that hash: few, of low priority, behind a bounded queue.
//!
//! Own threads and not a runtime's blocking pool: the callers sit on current-thread runtimes, the blocking pool is
//! shared and its queue unbounded, and a bcrypt of 240 ms must never stand between a socket and its CPU (security A6).
//! Knows nothing of passwords.

use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use chat_domain::ports::Busy;
use metrics::{counter, gauge, histogram};
use tokio::sync::oneshot;

/// Seconds that one job took on its thread.
pub(crate) const SECONDS: &str = "chat_password_hash_seconds";
/// Jobs that wait for a thread.
pub(crate) const QUEUE: &str = "chat_password_queue";
/// Jobs that were refused or gave up.
pub(crate) const REFUSED: &str = "chat_password_refused_total";

/// Never tell anybody to come back sooner: a person's retry, not a spin.
const MIN_RETRY_MS: u64 = 1_000;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads and a queue of fixed length. The threads end when this is dropped and the queue is empty.
pub(crate) struct Pool {
    queue: SyncSender<Job>,
    load: Arc<Load>,
    threads: NonZeroUsize,
    wait: Duration,
}

#[derive(Default)]
struct Load {
    waiting: AtomicUsize,
    last_job_ms: AtomicU64,
}

impl Pool {
    /// Starts `threads` threads; at most `queue` further jobs wait; nobody waits longer than `wait` for an answer.
    pub(crate) fn start(threads: NonZeroUsize, queue: usize, wait: Duration) -> io::Result<Self> {
        let (sender, receiver) = sync_channel::<Job>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.get() {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new().name(format!("password-{number}")).spawn(move || {
                yield_to_sockets();
                work_off(&receiver);
            })?;
        }
        Ok(Self { queue: sender, load: Arc::default(), threads, wait })
    }

    /// Runs `job` on one of the threads.
    ///
    /// # Errors
    /// [`Busy`] at once when the queue is full, or after the longest wait; a job nobody waits for is not begun.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let load = Arc::clone(&self.load);
        self.load.enter();
        let boxed: Job = Box::new(move || {
            load.leave();
            if answer.is_closed() {
                return;
            }
            let begun = Instant::now();
            let result = job();
            load.note(begun.elapsed());
            // The asker may have given up meanwhile; then nobody wants the result.
            let _ = answer.send(result);
        });
        if self.queue.try_send(boxed).is_err() {
            self.load.leave();
            return Err(self.refuse());
        }
        match tokio::time::timeout(self.wait, answered).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) | Err(_) => Err(self.refuse()),
        }
    }

    /// Counts a refusal and guesses when the present queue will be worked off.
    fn refuse(&self) -> Busy {
        counter!(REFUSED).increment(1);
        let waiting = u64::try_from(self.load.waiting.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let threads = u64::try_from(self.threads.get()).unwrap_or(1);
        let drained = waiting.saturating_mul(self.load.last_job_ms.load(Ordering::Relaxed)) / threads;
        let most = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX).max(MIN_RETRY_MS);
        Busy { retry_ms: drained.clamp(MIN_RETRY_MS, most) }
    }
}

impl Load {
    fn enter(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        gauge!(QUEUE).increment(1.0);
    }

    fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        gauge!(QUEUE).decrement(1.0);
    }

    fn note(&self, took: Duration) {
        histogram!(SECONDS).record(took.as_secs_f64());
        self.last_job_ms.store(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// One thread's life: the lock is held while waiting for a job, never while doing one.
fn work_off(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

/// Nice 10 for this thread: the scheduler gives the threads that serve sockets nine times the share and wakes them at
/// once. Elsewhere than on Linux the call would touch the whole process. Refused (a seccomp profile): no harm.
fn yield_to_sockets() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!(%error, "password threads keep the normal priority");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn threads(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).unwrap()
    }

    #[tokio::test]
    async fn a6_two_hundred_at_once_run_two_at_a_time_and_what_does_not_fit_is_refused_at_once() {
        let pool = Arc::new(Pool::start(threads(2), 64, Duration::from_secs(30)).unwrap());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let asked: Vec<_> = (0..200)
            .map(|_| {
                let (pool, running, most, gate) = (pool.clone(), running.clone(), most.clone(), gate.clone());
                tokio::spawn(async move {
                    pool.run(move || {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let _ = gate.lock().unwrap().recv();
                        running.fetch_sub(1, Ordering::SeqCst);
                    })
                    .await
                })
            })
            .collect();
        // Until the gate opens nothing ends, so 2 run, 64 wait, and the refused ones have their answer already.
        let mut refused = 0;
        let mut admitted = Vec::new();
        for _ in 0..500 {
            refused = asked.iter().filter(|task| task.is_finished()).count();
            if refused >= 134 {
                break;
            }
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!((134..=136).contains(&refused), "{refused} of 200 were refused at once");
        drop(release);
        for task in asked {
            match task.await.unwrap() {
                Ok(()) => admitted.push(()),
                Err(busy) => assert!((1_000..=30_000).contains(&busy.retry_ms)),
            }
        }
        assert_eq!(admitted.len(), 200 - refused);
        assert!(most.load(Ordering::SeqCst) <= 2);
        assert_eq!(pool.load.waiting.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_too_long_ends_and_its_job_is_never_begun() {
        let pool = Pool::start(threads(1), 4, Duration::from_secs(5)).unwrap();
        let (release, gate) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<&str>();
        let began_too = began.clone();
        let pool = Arc::new(pool);
        let (slow, other) = (Arc::clone(&pool), Arc::clone(&pool));
        let first = tokio::spawn(async move {
            let held = slow.run(move || {
                began.send("first").unwrap();
                let _ = gate.recv();
            });
            held.await
        });
        tokio::task::yield_now().await;
        assert_eq!(begun.recv_timeout(Duration::from_secs(30)), Ok("first"));
        // The clock is paused, so both time-outs pass at once while the only thread is held.
        let second = other.run(move || began_too.send("second").unwrap()).await;
        assert!(second.is_err() && first.await.unwrap().is_err());
        tokio::time::resume();
        drop(release);
        assert_eq!(pool.run(|| 7).await, Ok(7));
        assert_eq!(begun.try_iter().count(), 0, "the second was never begun");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a6_the_hashing_threads_yield_to_others_and_the_caller_keeps_its_priority() {
        let pool = Pool::start(threads(1), 1, Duration::from_secs(5)).unwrap();
        let here = rustix::process::getpriority_process(None).unwrap();
        let there = pool.run(|| rustix::process::getpriority_process(None).unwrap()).await.unwrap();
        assert_eq!(there, 10.max(here));
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), here);
    }
}
