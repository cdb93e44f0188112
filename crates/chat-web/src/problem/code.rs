//! The vocabulary of errors: one table, a row a code.
//!
//! Titles and help are read by people (`/errors/{code}`); clients go by the code alone.

/// What is known about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// As clients see it.
    pub code: &'static str,
    /// The HTTP status it usually comes with.
    pub status: u16,
    /// One line.
    pub title: &'static str,
    /// The close code when a socket ends because of it.
    pub close: Option<u16>,
    /// The same request may succeed later, unchanged.
    pub retry: bool,
    /// What it means.
    pub meaning: &'static str,
    /// What the client does about it.
    pub remedy: &'static str,
}

macro_rules! table {
    ($($variant:ident $code:literal $status:literal close $close:expr, retry $retry:literal, $title:literal,
       $meaning:literal, $remedy:literal;)*) => {
        /// Every way in which the house says no.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl ErrorCode {
            /// All of them, in the protocol's order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The row of the table.
            #[must_use]
            pub const fn facts(self) -> Facts {
                match self {
                    $(Self::$variant => Facts {
                        code: $code, status: $status, title: $title, close: $close, retry: $retry,
                        meaning: $meaning, remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

table! {
    BadRequest "bad_request" 400 close Some(4400), retry false, "Malformed request",
        "The JSON, the query or the cursor is malformed, or a frame has an unknown type or lacks a member.",
        "Correct the client; the same request will never succeed.";
    InvalidField "invalid_field" 422 close None, retry false, "Invalid value",
        "The JSON is well-formed, but a member has the wrong type or a value that is not allowed; `errors` lists them.",
        "Show the reason at the field that `pointer` names and let the person change it.";
    Unauthenticated "unauthenticated" 401 close Some(4401), retry false, "Not signed in",
        "There is no access or refresh token, or it is not one of this server's.",
        "Refresh the session once; if that fails, sign in again.";
    TokenExpired "token_expired" 401 close Some(4401), retry false, "Access token expired",
        "The access token was good and is past its end.",
        "POST /api/v1/sessions/refresh, then repeat the request with the new token.";
    SessionRevoked "session_revoked" 401 close Some(4403), retry false, "Session revoked",
        "The session was ended: signed out, password changed, account deleted, or a refresh token used twice.",
        "Forget its tokens and sign in again.";
    BadCredentials "bad_credentials" 401 close None, retry false, "Wrong credentials",
        "Username or password is wrong; which one is not told. The status is 403 where one's own password was asked for again.",
        "Ask the person again.";
    Forbidden "forbidden" 403 close None, retry false, "Not allowed",
        "The thing is known to you, but you may not do this to it.",
        "Do not repeat it; the role of the user in the room must change first.";
    NotFound "not_found" 404 close None, retry false, "Not found",
        "There is no such thing, or none that you may know of.",
        "Forget the identifier.";
    MethodNotAllowed "method_not_allowed" 405 close None, retry false, "Method not allowed",
        "The path is served, but not by this method; `Allow` lists those that are.",
        "Correct the client.";
    Conflict "conflict" 409 close None, retry false, "Conflict",
        "The present state of things stands against it; `detail` says what.",
        "Load the present state and decide anew.";
    NonceConflict "nonce_conflict" 422 close None, retry false, "Nonce used with other content",
        "This nonce was used before by the same author in the same room, with other content.",
        "Choose a fresh nonce for new content; repeat old content exactly.";
    UsernameTaken "username_taken" 409 close None, retry false, "Username taken",
        "Somebody has this username, or had it once: names are given out once, for ever.",
        "Choose another one.";
    Gone "gone" 410 close None, retry false, "Gone",
        "It was here, and is deleted, spent or expired.",
        "Forget it.";
    ResetRequired "reset_required" 410 close None, retry false, "Cursor cannot be served",
        "The cursor is of another epoch, beyond the head, below the floor, or too far behind.",
        "Drop the room's state, load it by GET …/messages, and go on from its `head` and `epoch`.";
    PreconditionFailed "precondition_failed" 412 close None, retry false, "Precondition failed",
        "`If-Match` names a revision that is no longer the present one.",
        "Load the object, apply the change to it, and send its new `ETag`.";
    TooLarge "too_large" 413 close Some(1009), retry false, "Too large",
        "The body (413), the header block (431), the URL (414) or the frame is over its limit.",
        "Send less; the limits are at GET /api/v1/meta.";
    UnsupportedMedia "unsupported_media" 415 close Some(1003), retry false, "Unsupported media type",
        "The body is not `application/json`, or has a `Content-Encoding`.",
        "Send plain JSON and say so in `Content-Type`.";
    Timeout "timeout" 408 close Some(4408), retry true, "Too slow",
        "The request did not arrive in time.",
        "Send it again on a new connection.";
    UpgradeRequired "upgrade_required" 426 close None, retry false, "WebSocket required",
        "This path speaks WebSocket, version 13.",
        "Open a WebSocket to it.";
    RateLimited "rate_limited" 429 close Some(4429), retry true, "Too many requests",
        "A rate was exceeded.",
        "Wait for `retry_ms` (or `Retry-After` seconds), then repeat it.";
    SlowMode "slow_mode" 429 close None, retry true, "Slow mode",
        "The room is in slow mode, and the last post of this user was too short a while ago.",
        "Wait for `retry_ms`, then repeat it with the same nonce.";
    Muted "muted" 403 close None, retry false, "Muted",
        "An admin has muted this user in this room; `retry_ms` says for how long.",
        "Tell the person.";
    TooManyInflight "too_many_inflight" 429 close None, retry true, "Too many requests in flight",
        "The socket has more unanswered requests than it may have.",
        "Wait for an answer, then repeat it.";
    TooManySubscriptions "too_many_subscriptions" 429 close None, retry false, "Too many subscriptions",
        "The socket is subscribed to as many rooms as it may be.",
        "Unsubscribe from a room first.";
    RegistrationClosed "registration_closed" 403 close None, retry false, "Registration closed",
        "Nobody can make an account here by themselves.",
        "Ask the operator.";
    Unavailable "unavailable" 503 close Some(1013), retry true, "Temporarily unavailable",
        "The server is stopping, overloaded, or cannot reach its store. Whether a write happened may be unknown.",
        "Wait for `retry_ms`, then repeat it with the same nonce: nothing is posted twice.";
    Internal "internal" 500 close Some(1011), retry true, "Server fault",
        "A fault of the server.",
        "Try again with backoff; report the `instance` to the operator.";
}

impl ErrorCode {
    /// As clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.facts().code
    }

    /// The HTTP status it usually comes with.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        self.facts().status
    }

    /// The close code when a socket ends because of it.
    #[must_use]
    pub const fn close_code(self) -> Option<u16> {
        self.facts().close
    }

    /// The same request may succeed later, unchanged.
    #[must_use]
    pub const fn retry(self) -> bool {
        self.facts().retry
    }

    /// Finds a code by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// Adds one to `chat_errors_total{code}`; called once, where the error is answered.
    pub fn count(self) {
        metrics::counter!("chat_errors_total", "code" => self.as_str()).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_codes_of_the_protocol_in_its_order() {
        let protocol = "bad_request invalid_field unauthenticated token_expired session_revoked bad_credentials forbidden \
            not_found method_not_allowed conflict nonce_conflict username_taken gone reset_required precondition_failed \
            too_large unsupported_media timeout upgrade_required rate_limited slow_mode muted too_many_inflight \
            too_many_subscriptions registration_closed unavailable internal";
        let ours: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(ours, protocol.split_whitespace().collect::<Vec<_>>());
        assert_eq!(ErrorCode::named("slow_mode"), Some(ErrorCode::SlowMode));
        assert_eq!(ErrorCode::named("Slow_mode"), None);
    }
}
