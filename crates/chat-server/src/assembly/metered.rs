//! Rates with a tally: what was too much, by the rule that said so, wherever the rates are counted.

use std::sync::Arc;

use chat_domain::{
    limits::{Rate, RateKind},
    ports::RateLimits,
};
use metrics::counter;

/// By its label `rule`; the doors count under the same name what they refuse themselves.
const REFUSED: &str = "chat_rate_limited_total";

const KINDS: [RateKind; 8] = [
    RateKind::SendsOfUser,
    RateKind::SendsIntoRoom,
    RateKind::RestOfUser,
    RateKind::SignInsFrom,
    RateKind::SignInsFor,
    RateKind::RegistrationsFrom,
    RateKind::Typing,
    RateKind::WrongSecretsOf,
];

/// Other rates, counted.
pub(super) struct Metered(Arc<dyn RateLimits>);

impl Metered {
    /// Begins every rule's tally at zero.
    pub(super) fn over(rates: Arc<dyn RateLimits>) -> Self {
        for kind in KINDS {
            counter!(REFUSED, "rule" => rule(kind)).absolute(0);
        }
        Self(rates)
    }
}

impl RateLimits for Metered {
    fn count(&self, rate: &Rate) -> Result<(), u64> {
        self.0.count(rate).inspect_err(|_| counter!(REFUSED, "rule" => rule(rate.kind())).increment(1))
    }

    fn refund(&self, rate: &Rate) {
        self.0.refund(rate);
    }

    fn forgive(&self, rate: &Rate) {
        self.0.forgive(rate);
    }
}

/// As the settings under `limits` call it.
fn rule(kind: RateKind) -> &'static str {
    match kind {
        RateKind::SendsOfUser => "sends_per_user",
        RateKind::SendsIntoRoom => "sends_per_room",
        RateKind::RestOfUser => "rest",
        RateKind::SignInsFrom => "sign_in_per_address",
        RateKind::SignInsFor => "sign_in_per_name",
        RateKind::RegistrationsFrom => "registrations_per_address",
        RateKind::Typing => "typing",
        RateKind::WrongSecretsOf => "wrong_webhook_secrets",
    }
}
