//! Which piece: the query. Unknown names are ignored, unknown values of known names are `bad_request`.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use chat_domain::pages::PageOf;

use crate::{
    pages::{self, Asked, DEFAULT_LIMIT, Key, MAX_LIMIT},
    problem::Problem,
};

/// The pairs of the query, decoded.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl FromRequest for Query {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let raw = request.query_string();
        let pairs = web::Query::<Vec<(String, String)>>::from_query(raw).ok().filter(|pairs| is_text(raw, pairs));
        ready(pairs.map(|pairs| Self(pairs.into_inner())).ok_or_else(|| Problem::bad_request("the query is malformed")))
    }
}

/// What is no UTF-8 was decoded to replacement characters; somebody may also mean them.
fn is_text(raw: &str, pairs: &[(String, String)]) -> bool {
    let replaced = |text: &String| text.matches(char::REPLACEMENT_CHARACTER).count();
    let found: usize = pairs.iter().map(|(key, value)| replaced(key) + replaced(value)).sum();
    found == raw.to_ascii_uppercase().matches("%EF%BF%BD").count() + raw.matches(char::REPLACEMENT_CHARACTER).count()
}

impl Query {
    /// The value under a name, if there is one.
    ///
    /// # Errors
    /// There are several.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() { Err(Problem::bad_request(format!("{name} is given twice"))) } else { Ok(first) }
    }

    /// A value that `read` understands.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn value<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| Problem::bad_request(format!("{name} has no valid value")))
    }

    /// A number of the log, 0 included.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn place(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.value(name, |text| digits(text).filter(|number| *number <= chat_domain::ids::MAX_SEQ))
    }

    /// `limit`, 1 … `max`.
    ///
    /// # Errors
    /// Out of range.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let read = |text: &str| digits(text).and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=max).contains(n));
        Ok(self.value("limit", read)?.unwrap_or(default))
    }

    /// `cursor` and `limit` of a list.
    ///
    /// # Errors
    /// The cursor was tampered with or is of another list; the limit is out of range.
    pub(crate) fn page<K: Key>(&self, list: impl Into<String>) -> Result<Asked<K>, Problem> {
        let list = list.into();
        let after = self.value("cursor", |text| pages::decode(&list, text))?;
        Ok(Asked { page: PageOf { after, limit: self.limit(DEFAULT_LIMIT, MAX_LIMIT)? }, list })
    }
}

/// Digits and nothing else: `parse` alone would take `+1`.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
