//! The texts and nonces of a run. A nonce says who sent it, as which message, and when; a text begins with its nonce.
//!
//! So a client that hears a message needs no table to know its latency, and the judge knows every message by a number.

use crate::{figures::now_us, judge::Mark};

/// A nonce for message `n` of `sender`, made now.
pub(crate) fn nonce(run: &str, sender: usize, n: u32) -> String {
    format!("{run}-{sender}-{n}-{}", now_us())
}

/// A text of `bytes` bytes (or a little more) that starts with the nonce.
pub(crate) fn text(nonce: &str, bytes: usize) -> String {
    let mut text = format!("{nonce} ");
    while text.len() < bytes {
        text.push_str("lorem ipsum dolor sit amet ");
    }
    text.truncate(bytes.max(nonce.len()));
    text
}

/// When a nonce was made, in microseconds of [`now_us`].
pub(crate) fn made_us(nonce: &str) -> Option<u64> {
    nonce.rsplit_once('-')?.1.parse().ok()
}

/// Whose message a nonce stands for; read without checking the run, for those who only measure.
pub(crate) fn sender(nonce: &str) -> Option<usize> {
    nonce.split('-').nth(1)?.parse().ok()
}

/// Which message a nonce stands for.
pub(crate) fn mark(run: &str, nonce: &str) -> Mark {
    let read = || {
        let mut parts = nonce.strip_prefix(run)?.strip_prefix('-')?.split('-');
        let sender: u32 = parts.next()?.parse().ok()?;
        let n: u32 = parts.next()?.parse().ok()?;
        Some(Mark::new(sender, n))
    };
    read().unwrap_or(Mark::FOREIGN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_tells_sender_number_and_time() {
        let before = now_us();
        let nonce = nonce("abcdef", 31, 7);
        assert!(nonce.len() >= 8 && nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        assert_eq!(mark("abcdef", &nonce), Mark::new(31, 7));
        assert_eq!(mark("other", &nonce), Mark::FOREIGN);
        assert_eq!((sender(&nonce), sender("Yk3v0QeT9w")), (Some(31), None));
        assert!((before..=now_us()).contains(&made_us(&nonce).unwrap()));
    }

    #[test]
    fn a_text_starts_with_its_nonce_and_has_the_length() {
        let text = text("abcdef-1-2-3", 100);
        assert_eq!(text.len(), 100);
        assert_eq!(text.split(' ').next(), Some("abcdef-1-2-3"));
    }
}
