//! The caller's trace, when it sent one: the header `traceparent` (W3C Trace Context, level 1, §3.2).
//!
//! Only its three values are taken over, each of a fixed size and checked; `tracestate` is nobody's business here.

use actix_web::http::header::HeaderMap;

/// Whose part a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; not 0.
    pub trace: u128,
    /// The caller's span; not 0.
    pub span: u64,
    /// Whether the caller records the trace.
    pub is_sampled: bool,
}

impl TraceParent {
    /// `None` when there is no such header, more than one, or one that the standard says to ignore.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut given = headers.get_all("traceparent");
        let (Some(one), None) = (given.next(), given.next()) else { return None };
        Self::parse(one.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace) = (hex(parts.next()?, 2)?, hex(parts.next()?, 32)?);
        let (span, flags) = (hex(parts.next()?, 16)?, hex(parts.next()?, 2)?);
        // Later versions may add parts behind; version ff is forbidden.
        let is_known = if version == 0 { parts.next().is_none() } else { version != 0xff };
        let span = u64::try_from(span).ok()?;
        (is_known && trace != 0 && span != 0).then_some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }
}

/// So many digits, lower case as the standard demands.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex { u128::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0c9902b7";

    #[test]
    fn a_sane_parent_is_understood() {
        let parent = TraceParent::parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!((parent.trace, parent.span), (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0c99_02b7));
        assert!(parent.is_sampled);
        assert!(!TraceParent::parse(&format!("00-{TRACE}-{SPAN}-02")).unwrap().is_sampled);
        assert!(TraceParent::parse(&format!("cc-{TRACE}-{SPAN}-01-what-comes-later")).is_some());
    }

    #[test]
    fn l1_everything_else_is_ignored() {
        let zeros = "0".repeat(32);
        for odd in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-+{}-{SPAN}-01", TRACE.get(1..).unwrap()),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-1"),
            "x".repeat(10_000),
        ] {
            assert_eq!(TraceParent::parse(&odd), None, "{odd:?}");
        }
        let mut twice = HeaderMap::new();
        for _ in 0..2 {
            let value = format!("00-{TRACE}-{SPAN}-01").parse().unwrap();
            twice.append(actix_web::http::header::HeaderName::from_static("traceparent"), value);
        }
        assert_eq!(TraceParent::of(&twice), None);
    }
}
