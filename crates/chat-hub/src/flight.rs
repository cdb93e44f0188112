//! Work of which one run serves all who asked before it began: questions about a room that many sockets put at once.

/// Counts runs. Who asks gets a ticket: the run whose end answers them.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    running: bool,
    again: bool,
    done: u64,
}

impl Flight {
    /// A ticket, and whether the one who asked must start the work.
    pub(crate) fn ask(&mut self) -> (u64, bool) {
        if self.running {
            // The run under way began before this question: it may have read too early.
            self.again = true;
            (self.done + 2, false)
        } else {
            self.running = true;
            (self.done + 1, true)
        }
    }

    /// A run is over; `true` when another must follow at once.
    pub(crate) fn finish(&mut self) -> bool {
        self.done += 1;
        self.running = std::mem::take(&mut self.again);
        self.running
    }

    /// Whether the run of this ticket is over.
    pub(crate) fn is_over(&self, ticket: u64) -> bool {
        self.done >= ticket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_during_a_run_waits_for_the_next_one() {
        let mut flight = Flight::default();
        let (first, starts) = flight.ask();
        assert!(starts);
        let (second, starts) = flight.ask();
        let (third, _) = flight.ask();
        assert!(!starts && second == third);
        assert!(flight.finish(), "somebody asked meanwhile");
        assert!(flight.is_over(first) && !flight.is_over(second));
        assert!(!flight.finish());
        assert!(flight.is_over(second));
        assert!(flight.ask().1, "the next one starts anew");
    }
}
