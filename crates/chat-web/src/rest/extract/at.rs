//! Where: the segments of the path. What names nothing is `not_found`, as what is not there is.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use chat_domain::{
    ids::{InviteId, MAX_SEQ, RoomId, Seq, SessionId, UserId, WebhookId},
    ports::Secret,
    words::Emoji,
};

use crate::{
    json::FieldError,
    problem::{ErrorCode, Problem},
};

/// Something that a path names.
pub(crate) struct At<T>(pub(crate) T);

/// Read from the path's segments.
pub(crate) trait FromPath: Sized {
    /// Reads it.
    fn from_path(request: &HttpRequest) -> Result<Self, Problem>;
}

impl<T: FromPath> FromRequest for At<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(T::from_path(request).map(At))
    }
}

fn segment<T>(request: &HttpRequest, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Problem> {
    request.match_info().get(name).and_then(read).ok_or_else(|| Problem::new(ErrorCode::NotFound))
}

impl FromPath for RoomId {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        segment(request, "r", Self::parse)
    }
}

impl FromPath for UserId {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        segment(request, "u", Self::parse)
    }
}

impl FromPath for InviteId {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        segment(request, "id", Self::parse)
    }
}

impl FromPath for WebhookId {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        segment(request, "id", Self::parse)
    }
}

/// A webhook's secret.
impl FromPath for Secret {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        segment(request, "secret", |text| Some(Self::new(text.to_owned())))
    }
}

/// A message's number, as it is written: no sign, no leading zero.
impl FromPath for Seq {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        let read = |text: &str| text.parse().ok().filter(|seq: &Seq| *seq <= MAX_SEQ && seq.to_string() == text);
        segment(request, "seq", |text| read(text).filter(|seq| *seq > 0))
    }
}

/// Well-formed and not an emoji is an invalid value, not an unknown one.
impl FromPath for Emoji {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        let text = segment(request, "emoji", |text| Some(text.to_owned()))?;
        Self::parse(&text).map_err(|invalid| vec![FieldError::invalid("/emoji", invalid)].into())
    }
}

/// An invite's code.
impl FromPath for String {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        segment(request, "code", |text| Some(text.to_owned()))
    }
}

impl<A: FromPath, B: FromPath> FromPath for (A, B) {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        Ok((A::from_path(request)?, B::from_path(request)?))
    }
}

impl<A: FromPath, B: FromPath, C: FromPath> FromPath for (A, B, C) {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        Ok((A::from_path(request)?, B::from_path(request)?, C::from_path(request)?))
    }
}

/// A member by id, or `me`.
pub(crate) struct Whom(Option<UserId>);

impl Whom {
    /// Who it is, for the one who asks.
    pub(crate) fn for_user(&self, me: UserId) -> UserId {
        self.0.unwrap_or(me)
    }
}

impl FromPath for Whom {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        segment(
            request,
            "u",
            |text| if text == "me" { Some(Self(None)) } else { UserId::parse(text).map(|u| Self(Some(u))) },
        )
    }
}

/// A session by id, or `current`.
pub(crate) struct OneSession(Option<SessionId>);

impl OneSession {
    /// Which it is, for the session that asks.
    pub(crate) fn for_session(&self, current: SessionId) -> SessionId {
        self.0.unwrap_or(current)
    }
}

impl FromPath for OneSession {
    fn from_path(request: &HttpRequest) -> Result<Self, Problem> {
        let read = |text: &str| if text == "current" { Some(None) } else { SessionId::parse(text).map(Some) };
        segment(request, "id", read).map(Self)
    }
}
