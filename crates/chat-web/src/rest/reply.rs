//! From what a use case gives to an answer: views, entity tags, status codes.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chat_domain::{
    ids::{Seq, UserId},
    objects::{Message, User},
    pages::Page,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    pages::{Key, PageView},
    problem::{Answered, ErrorCode, Problem},
};

/// 200 with an object.
pub(super) fn ok(view: &impl Serialize) -> Answered {
    Ok(HttpResponse::Ok().json(view))
}

/// 204.
pub(super) fn nothing() -> Answered {
    Ok(HttpResponse::NoContent().finish())
}

/// 201 when something came to be, 200 when it was there.
pub(super) fn created(is_new: bool) -> HttpResponseBuilder {
    if is_new { HttpResponse::Created() } else { HttpResponse::Ok() }
}

/// A page of a list.
pub(super) fn page<T: Serialize, K: Key>(list: &str, page: Page<T, K>) -> Answered {
    ok(&PageView::of(list, page))
}

/// 200 with an object and its tag, or 304 when the client has it (RFC 9110 §13.1.2).
pub(super) fn tagged(request: &HttpRequest, tag: &str, view: &impl Serialize) -> Answered {
    let tag = format!("\"{tag}\"");
    let status = if has(request, &tag) { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::ETAG, tag));
    Ok(if status == StatusCode::OK { answer.json(view) } else { answer.finish() })
}

/// `If-None-Match`: compared weakly, `*` is any.
fn has(request: &HttpRequest, tag: &str) -> bool {
    let given = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let mut given = given.flat_map(|value| value.split(','));
    given.any(|one| matches!(one.trim(), one if one == "*" || one.trim_start_matches("W/") == tag))
}

/// `If-Match`, for the rules to compare. A tag that is none of ours is a revision that nothing has.
///
/// # Errors
/// Several tags: an object has one revision, so there is no sense in it.
pub(super) fn if_match(request: &HttpRequest) -> Result<Option<Seq>, Problem> {
    let mut given = request.headers().get_all(header::IF_MATCH);
    let Some(tag) = given.next().map(|value| value.to_str().unwrap_or_default().trim()) else { return Ok(None) };
    if given.next().is_some() || tag.contains(',') {
        return Err(Problem::bad_request("If-Match takes one entity tag"));
    }
    let rev = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|rev| rev.parse().ok());
    Ok(if tag == "*" { None } else { Some(rev.unwrap_or(0)) })
}

/// The tag of a user, who has no revision.
pub(super) fn user_tag(user: &User) -> String {
    let text = serde_json::to_vec(user).unwrap_or_default();
    let hash = Sha256::digest(text);
    URL_SAFE_NO_PAD.encode(hash.get(..9).unwrap_or_default())
}

/// A message out of an outcome, as its reader sees it.
pub(super) fn seen(message: Arc<Message>, reader: UserId) -> Message {
    Arc::unwrap_or_clone(message).seen_by(reader)
}

/// The journal answered another command than was given.
pub(super) fn odd() -> Problem {
    Problem::new(ErrorCode::Internal).reason("the reply is of another command")
}
