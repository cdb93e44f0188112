//! From the domain's refusals to codes and answers: exhaustive, so that a new refusal does not compile without a code.

use chat_domain::refusal::Refusal;

use super::{ErrorCode, Problem, body::Reset};
use crate::json::FieldError;

/// The code of a refusal.
#[must_use]
pub fn code_of(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::NotFound => ErrorCode::NotFound,
        Refusal::Forbidden(_) => ErrorCode::Forbidden,
        Refusal::Conflict(_) => ErrorCode::Conflict,
        Refusal::NonceConflict => ErrorCode::NonceConflict,
        Refusal::UsernameTaken => ErrorCode::UsernameTaken,
        Refusal::Gone(_) => ErrorCode::Gone,
        Refusal::PreconditionFailed { .. } => ErrorCode::PreconditionFailed,
        Refusal::InvalidField { .. } => ErrorCode::InvalidField,
        Refusal::Muted { .. } => ErrorCode::Muted,
        Refusal::SlowMode { .. } => ErrorCode::SlowMode,
        Refusal::RateLimited { .. } => ErrorCode::RateLimited,
        Refusal::ResetRequired { .. } => ErrorCode::ResetRequired,
        Refusal::Unauthenticated => ErrorCode::Unauthenticated,
        Refusal::TokenExpired => ErrorCode::TokenExpired,
        Refusal::SessionRevoked => ErrorCode::SessionRevoked,
        Refusal::BadCredentials | Refusal::WrongPassword => ErrorCode::BadCredentials,
        Refusal::RegistrationClosed => ErrorCode::RegistrationClosed,
        Refusal::Unavailable(_) => ErrorCode::Unavailable,
    }
}

impl ErrorCode {
    /// See [`code_of`].
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        code_of(refusal)
    }
}

/// When to try again, where a refusal says so.
#[must_use]
pub fn retry_ms(refusal: &Refusal) -> Option<u64> {
    match refusal {
        Refusal::Muted { retry_ms } | Refusal::SlowMode { retry_ms } | Refusal::RateLimited { retry_ms } => {
            Some(*retry_ms)
        }
        Refusal::Unavailable(unavailable) => Some(unavailable.retry_ms),
        Refusal::NotFound
        | Refusal::Forbidden(_)
        | Refusal::Conflict(_)
        | Refusal::NonceConflict
        | Refusal::UsernameTaken
        | Refusal::Gone(_)
        | Refusal::PreconditionFailed { .. }
        | Refusal::InvalidField { .. }
        | Refusal::ResetRequired { .. }
        | Refusal::Unauthenticated
        | Refusal::TokenExpired
        | Refusal::SessionRevoked
        | Refusal::BadCredentials
        | Refusal::WrongPassword
        | Refusal::RegistrationClosed => None,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut problem = Self::new(code_of(&refusal));
        if let Some(retry_ms) = retry_ms(&refusal) {
            problem = problem.retry_ms(retry_ms);
        }
        match refusal {
            // 403 and not 401: the token is good, only the password beside it is not.
            Refusal::WrongPassword => problem.status(403).detail(refusal.to_string()),
            Refusal::Unavailable(unavailable) => problem.reason(unavailable.reason),
            Refusal::InvalidField { pointer, reason } => problem.errors(vec![FieldError::invalid(pointer, reason)]),
            Refusal::ResetRequired { reason, log } => problem.reset(Reset { reason, log }),
            Refusal::NotFound => problem,
            Refusal::Forbidden(_)
            | Refusal::Conflict(_)
            | Refusal::NonceConflict
            | Refusal::UsernameTaken
            | Refusal::Gone(_)
            | Refusal::PreconditionFailed { .. }
            | Refusal::Muted { .. }
            | Refusal::SlowMode { .. }
            | Refusal::RateLimited { .. }
            | Refusal::Unauthenticated
            | Refusal::TokenExpired
            | Refusal::SessionRevoked
            | Refusal::BadCredentials
            | Refusal::RegistrationClosed => problem.detail(refusal.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use chat_domain::{refusal::Unavailable, words::Invalid};

    use super::*;

    #[test]
    fn a_store_that_is_down_tells_clients_nothing_about_itself() {
        let problem = Problem::from(Refusal::Unavailable(Unavailable::because("SELECT at /var/db failed")));
        let body = problem.body(Some("r1")).to_string();
        assert!(!body.contains("SELECT") && !body.contains("/var/db"), "{body}");
        assert_eq!(problem.log_reason(), Some("SELECT at /var/db failed"));
    }

    #[test]
    fn an_invalid_member_is_named_by_its_pointer() {
        let problem = Problem::from(Refusal::invalid("/text", Invalid::too_long(4000)));
        let body = problem.body(None);
        assert_eq!(body["errors"][0], serde_json::json!({"pointer": "/text", "code": "too_long", "max": 4000}));
        assert_eq!((body["status"].as_u64(), body["code"].as_str()), (Some(422), Some("invalid_field")));
    }
}
