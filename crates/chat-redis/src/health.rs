//! Whether the bus carries: both of its connections work, everything listened to is subscribed, and what is said on the one is
//! heard on the other. A change is logged once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::connect::Broken;

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
    pub(crate) fn new() -> Self {
        metrics::gauge!("chat_bus_healthy").set(0.0);
        Self { state: Mutex::default(), carries: watch::Sender::new(false) }
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
        self.show(false);
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

    fn show(&self, carries: bool) {
        self.carries.send_replace(carries);
        metrics::gauge!("chat_bus_healthy").set(if carries { 1.0 } else { 0.0 });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_both_connections_and_an_echo() {
        let health = Health::new();
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
