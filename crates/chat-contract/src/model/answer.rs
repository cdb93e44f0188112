//! What a store says, written so that two stores can be compared: where a port leaves the order open it is sorted, and of
//! a refusal only what a client acts on counts.

use std::fmt::Debug;

use chat_domain::{
    command::{Outcome, Reply},
    refusal::Refusal,
};

/// What came of an operation.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// To be compared.
    pub(super) told: String,
    /// The rooms that were made.
    pub(super) made: Vec<chat_domain::ids::RoomId>,
    /// The rooms that were closed, by the place of their command.
    pub(super) closed: Vec<usize>,
    /// The highest number given.
    pub(super) highest: u64,
}

impl Answer {
    pub(super) fn of(value: &impl Debug) -> Self {
        Self { told: format!("{value:?}"), ..Self::default() }
    }

    pub(super) fn of_result<T: Debug>(result: Result<T, Refusal>) -> Self {
        match result {
            Ok(value) => Self::of(&value),
            Err(refusal) => Self { told: kind(&refusal), ..Self::default() },
        }
    }

    /// In any order.
    pub(super) fn of_any_order<T: Debug + Ord>(mut items: Vec<T>) -> Self {
        items.sort();
        Self::of(&items)
    }

    pub(super) fn of_batch(outcomes: Vec<Result<Outcome, Refusal>>) -> Self {
        let mut answer = Self::default();
        for (place, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Ok(outcome) => answer.note(place, outcome),
                Err(refusal) => answer.told += &kind(refusal),
            }
            answer.told += "; ";
        }
        answer
    }

    fn note(&mut self, place: usize, outcome: &Outcome) {
        self.told += &format!("{outcome:?}");
        if let Reply::Room { room, changed: true } = &outcome.reply
            && room.rev == 1
            && !outcome.closed
        {
            self.made.push(room.id);
        }
        if outcome.closed {
            self.closed.push(place);
        }
        self.highest = outcome.events.iter().map(|event| event.seq).fold(self.highest, u64::max);
    }
}

/// A refusal without the words for people.
pub(super) fn kind(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Forbidden(_) => "Forbidden".to_owned(),
        Refusal::Conflict(_) => "Conflict".to_owned(),
        Refusal::Gone(_) => "Gone".to_owned(),
        Refusal::Unavailable(unavailable) => panic!("{unavailable:?}"),
        other @ (Refusal::NotFound
        | Refusal::NonceConflict
        | Refusal::UsernameTaken
        | Refusal::PreconditionFailed { .. }
        | Refusal::InvalidField { .. }
        | Refusal::Muted { .. }
        | Refusal::SlowMode { .. }
        | Refusal::RateLimited { .. }
        | Refusal::ResetRequired { .. }
        | Refusal::Unauthenticated
        | Refusal::TokenExpired
        | Refusal::SessionRevoked
        | Refusal::BadCredentials
        | Refusal::WrongPassword
        | Refusal::RegistrationClosed) => format!("{other:?}"),
    }
}
