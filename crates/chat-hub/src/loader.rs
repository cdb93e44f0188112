//! Reads users for those who sign in: the first is asked for at once, and whoever comes within the next
//! [`crate::HubSettings::users_pause`] gathers for the next question, so that ten thousand who come back at once cost a few dozen.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use chat_domain::{
    ids::{Seq, UserId},
    objects::User,
    refusal::{Refusal, Unavailable},
};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until},
};

use crate::core::{Core, lock};

/// A user and the number of their newest hint; `None` when there is no such user.
pub(crate) type Loaded = Option<(Arc<User>, Seq)>;

type Answer = oneshot::Sender<Result<Loaded, Refusal>>;

/// Who waits for which user.
#[derive(Default)]
pub(crate) struct Loader {
    waiting: Mutex<Vec<(UserId, Answer)>>,
    arrived: Notify,
}

impl Core {
    /// The user, as the record has them at the time of this call or later.
    pub(crate) async fn load_user(&self, user: UserId) -> Result<Loaded, Refusal> {
        let (answer, loaded) = oneshot::channel();
        lock(&self.loader.waiting).push((user, answer));
        self.loader.arrived.notify_one();
        loaded.await.unwrap_or_else(|_| Err(Unavailable::because("the node stops").into()))
    }

    /// Answers those who wait, batch after batch.
    pub(crate) async fn load_users(self: Arc<Self>) {
        loop {
            let batch = self.loader.take(self.settings.users_batch);
            if batch.is_empty() {
                self.loader.arrived.notified().await;
                continue;
            }
            let next = Instant::now() + self.settings.users_pause;
            let mut asked = HashSet::new();
            let ids: Vec<_> = batch.iter().map(|(user, _)| *user).filter(|user| asked.insert(*user)).collect();
            let accounts = Arc::clone(&self.ports.accounts);
            let answer = self.ask(async move { accounts.users(&ids).await }).await;
            let found: Result<HashMap<_, _>, _> =
                answer.map(|users| users.into_iter().map(|(user, seq)| (user.id, (Arc::new(user), seq))).collect());
            for (user, waiting) in batch {
                // Whoever gave up waiting needs no answer.
                let _ = waiting.send(found.as_ref().map(|found| found.get(&user).cloned()).map_err(Clone::clone));
            }
            sleep_until(next).await;
        }
    }
}

impl Loader {
    fn take(&self, most: usize) -> Vec<(UserId, Answer)> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.len().min(most);
        waiting.drain(..count).collect()
    }
}
