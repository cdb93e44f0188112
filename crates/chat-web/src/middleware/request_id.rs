//! The name of a request, by which a person's report finds its log line.

use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderValue};

/// Most characters of an id that is taken over.
const MAX: usize = 64;

/// An id that the client (or a proxy) gave and that is sane, or a fresh random one. It is in the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get("x-request-id").and_then(|id| id.to_str().ok()).filter(|id| is_sane(id));
        Self(given.map_or_else(|| format!("{:032x}", rand::random::<u128>()).into(), Arc::from))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("-"))
    }
}

/// Nothing that could break a log line, a header or a page.
fn is_sane(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id".parse().unwrap(), HeaderValue::from_bytes(given.as_bytes()).unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn l1_sane_ids_are_echoed_and_others_replaced() {
        for sane in ["a", "Ab9._-", &"x".repeat(64)] {
            assert_eq!(id(sane), sane);
        }
        for odd in ["", "a b", &"x".repeat(65), "\u{e9}", "a\tb", "<b>"] {
            assert!(is_sane(&id(odd)) && id(odd) != *odd, "{odd:?}");
        }
        assert_ne!(id(""), id(""));
    }
}
