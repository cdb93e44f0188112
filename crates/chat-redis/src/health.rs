//! Whether the bus carries: both of its connections work, everything listened to is subscribed, and what is said on the one is
//! heard on the other. A change is logged once, and a loss is told at once to whoever hears: from then on nodes learn of each
//! other by polling, and that had better begin now than at the end of a long pause.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{connect::Broken, inbox::Inbox};

/// One of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Publishing,
    Hearing,
}

/// The state of both connections.
#[derive(Debug)]
pub(crate) struct Health {
    state: Mutex<State>,
    carries: watch::Sender<bool>,
    inbox: Arc<Inbox>,
}

#[derive(Debug, Default)]
struct State {
    publishes: bool,
    hears: bool,
    /// A probe went all the way since both connections are what they are.
    echoes: bool,
    /// What the log said last; nothing at first.
    told: Option<bool>,
}

impl Health {
    /// Nothing works yet.
    pub(crate) fn new(inbox: Arc<Inbox>) -> Self {
        metrics::gauge!("chat_bus_healthy").set(0.0);
        Self { state: Mutex::default(), carries: watch::Sender::new(false), inbox }
    }

    pub(crate) fn carries(&self) -> bool {
        *self.carries.borrow()
    }

    /// Comes back when the bus carries.
    pub(crate) async fn until_it_carries(&self) {
        // The sender is a field of self, so waiting can't fail.
        drop(self.carries.subscribe().wait_for(|carries| *carries).await);
    }

    pub(crate) fn works(&self, line: Line) {
        let mut state = self.lock();
        match line {
            Line::Publishing => state.publishes = true,
            Line::Hearing => state.hears = true,
        }
        self.improved(&mut state);
    }

    /// What was published was heard.
    pub(crate) fn echoes(&self) {
        let mut state = self.lock();
        state.echoes = true;
        self.improved(&mut state);
    }

    pub(crate) fn broke(&self, line: Line, why: &Broken) {
        let mut state = self.lock();
        match line {
            Line::Publishing => state.publishes = false,
            Line::Hearing => state.hears = false,
        }
        state.echoes = false;
        if self.show(false) {
            self.inbox.interrupt(); // who hears it sees already that nothing is carried
        }
        if state.told.replace(false) != Some(false) {
            tracing::warn!(?line, %why, "Redis is lost: until it is back, nodes learn of each other by polling");
        }
    }

    fn improved(&self, state: &mut State) {
        let carries = state.publishes && state.hears && state.echoes;
        self.show(carries);
        if carries && state.told.replace(true) == Some(false) {
            tracing::info!("Redis is back");
        }
    }

    /// Tells whether it carried before.
    fn show(&self, carries: bool) -> bool {
        metrics::gauge!("chat_bus_healthy").set(if carries { 1.0 } else { 0.0 });
        self.carries.send_replace(carries)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chat_domain::ports::Heard;
    use tokio::time::timeout;

    use super::*;
    use crate::Settings;

    fn health() -> Health {
        Health::new(Arc::new(Inbox::new(&Settings { interruptions_every: Duration::ZERO, ..Settings::default() })))
    }

    async fn heard(health: &Health) -> Option<Heard> {
        timeout(Duration::from_millis(10), health.inbox.heard()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_is_told_once_and_never_before_it_carried() {
        let health = health();
        let why = Broken("on purpose".into());
        health.broke(Line::Hearing, &why);
        assert_eq!(heard(&health).await, None, "nobody ever thought that it carries");
        for _ in 0..2 {
            health.works(Line::Publishing);
            health.works(Line::Hearing);
            health.echoes();
            assert_eq!(heard(&health).await, None);
            health.broke(Line::Publishing, &why);
            health.broke(Line::Hearing, &why);
            health.broke(Line::Hearing, &why);
            assert_eq!(heard(&health).await, Some(Heard::Interrupted));
            assert_eq!(heard(&health).await, None, "once");
        }
    }

    #[test]
    fn it_takes_both_connections_and_an_echo() {
        let health = health();
        let why = Broken("on purpose".into());
        health.works(Line::Publishing);
        health.works(Line::Hearing);
        assert!(!health.carries());
        health.echoes();
        assert!(health.carries());
        for line in [Line::Publishing, Line::Hearing] {
            health.broke(line, &why);
            assert!(!health.carries());
            health.works(line);
            assert!(!health.carries(), "nobody knows yet whether the one hears the other");
            health.echoes();
            assert!(health.carries());
        }
    }
}
