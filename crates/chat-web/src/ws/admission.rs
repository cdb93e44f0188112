//! How many sockets one address may have: a count shared by all workers, given back when the socket ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::transport::Refused;

/// When a refused address may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The caps per address; `None` = no cap (`limits.enabled = false`).
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Sockets that have not said `auth` yet (`limits.unauthenticated_per_address`).
    pub unauthenticated: Option<usize>,
    /// Sockets in all (`limits.sockets_per_address`).
    pub total: Option<usize>,
}

#[derive(Debug, Default)]
struct Count {
    unauthenticated: usize,
    total: usize,
}

/// Counts the sockets of each address.
#[derive(Clone, Debug)]
pub struct Admission {
    caps: Caps,
    counts: Arc<Mutex<HashMap<String, Count>>>,
}

impl Admission {
    /// Nobody is here yet.
    #[must_use]
    pub fn new(caps: Caps) -> Self {
        Self { caps, counts: Arc::default() }
    }

    /// Lets a socket of this address in, not authenticated so far.
    ///
    /// # Errors
    /// [`Refused::TooMany`].
    pub fn admit(&self, address: String) -> Result<Permit, Refused> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address.clone()).or_default();
        let over = |cap: Option<usize>, have: usize| cap.is_some_and(|cap| have >= cap);
        if over(self.caps.unauthenticated, count.unauthenticated) || over(self.caps.total, count.total) {
            return Err(Refused::TooMany { retry_after: RETRY_AFTER });
        }
        count.unauthenticated += 1;
        count.total += 1;
        Ok(Permit { admission: self.clone(), address, is_known: false })
    }

    fn change(&self, address: &str, change: impl FnOnce(&mut Count)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(address) {
            change(count);
            if count.total == 0 {
                counts.remove(address);
            }
        }
    }
}

/// One socket's place; dropping it gives the place back.
#[derive(Debug)]
pub struct Permit {
    admission: Admission,
    address: String,
    is_known: bool,
}

impl Permit {
    /// The socket has authenticated.
    pub fn identified(&mut self) {
        if !self.is_known {
            self.is_known = true;
            self.admission.change(&self.address, |count| count.unauthenticated -= 1);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let unauthenticated = usize::from(!self.is_known);
        self.admission.change(&self.address, |count| {
            count.unauthenticated -= unauthenticated;
            count.total -= 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t6_the_eleventh_unauthenticated_socket_waits_for_another_to_end() {
        let door = Admission::new(Caps { unauthenticated: Some(10), total: Some(100) });
        let mut permits: Vec<_> = (0..10).map(|_| door.admit("192.0.2.1".into()).unwrap()).collect();
        assert!(door.admit("192.0.2.1".into()).is_err());
        assert!(door.admit("192.0.2.2".into()).is_ok(), "another address is not concerned");
        permits[0].identified();
        permits.push(door.admit("192.0.2.1".into()).unwrap());
        assert!(door.admit("192.0.2.1".into()).is_err());
        permits.pop();
        assert!(door.admit("192.0.2.1".into()).is_ok());
    }

    #[test]
    fn nothing_is_remembered_of_who_is_gone() {
        let door = Admission::new(Caps { unauthenticated: None, total: Some(1) });
        drop(door.admit("192.0.2.1".into()).unwrap());
        assert!(door.counts.lock().unwrap().is_empty());
    }
}
