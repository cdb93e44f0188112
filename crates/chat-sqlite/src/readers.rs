//! The threads that read: a bounded queue that all of them take from, each with a connection that can't write.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use crate::{OpenError, connection::Opener, slot::Slot};

/// A question with everything it needs to be answered.
pub(crate) type Question = Box<dyn FnOnce(&mut Slot) + Send>;

/// Starts the threads; they end when the sender is dropped.
pub(crate) fn start(opener: &Arc<Opener>, threads: usize, queue: usize) -> Result<SyncSender<Question>, OpenError> {
    let (sender, receiver) = sync_channel(queue);
    let receiver = Arc::new(Mutex::new(receiver));
    for number in 0..threads.max(1) {
        let again = Arc::clone(opener);
        let slot = Slot::new(opener.reader()?, move || again.reader());
        spawn(number, slot, Arc::clone(&receiver)).map_err(OpenError::Thread)?;
    }
    Ok(sender)
}

fn spawn(number: usize, mut slot: Slot, questions: Arc<Mutex<Receiver<Question>>>) -> io::Result<()> {
    let serve = move || {
        while let Some(question) = next(&questions) {
            question(&mut slot);
        }
    };
    thread::Builder::new().name(format!("sqlite-read-{number}")).spawn(serve).map(drop)
}

/// One thread waits in the queue, the others for its lock; no question is asked under it.
fn next(questions: &Mutex<Receiver<Question>>) -> Option<Question> {
    questions.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
