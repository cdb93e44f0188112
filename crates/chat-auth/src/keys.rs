//! The keys that sign access tokens: an ordered list, so that they can be rotated without signing anybody out.
//!
//! The first signs, all verify. To rotate: put the new key first on every node, wait one access token's life, drop the
//! old one (security J6). Errors name the entry, never its text: a half-typed secret is still a secret.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use chat_domain::ports::Secret;

use crate::randomness;

/// Fewest bytes of a secret: the output of SHA-256, as RFC 7518 §3.2 demands for HS256.
const MIN_SECRET_BYTES: usize = 32;
/// Most characters of a key's name.
const MAX_KID_CHARS: usize = 64;
/// How the samples in deploy/ begin. Who forgets to replace one must not come up (security J5).
const SAMPLE: &str = "change-me";

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// One key: its name in token headers, and its secret bytes.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) secret: Vec<u8>,
}

/// At least one key; names are unique; every secret is long enough and no sample. `Debug` shows the names only.
#[derive(Clone)]
pub struct SigningKeys(Vec<Key>);

/// Why a text is no list of keys. Entries count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysRefused {
    /// No entry at all.
    #[error("no key given; expected `kid:base64,…`")]
    Empty,
    /// The text that the samples ship with.
    #[error(
        "entry {entry} is the sample `{SAMPLE}…`; make a secret of your own, for instance with `openssl rand -base64 32`"
    )]
    Sample {
        /// Which entry.
        entry: usize,
    },
    /// No colon.
    #[error("entry {entry} is not of the form `kid:base64`")]
    Shape {
        /// Which entry.
        entry: usize,
    },
    /// The name before the colon.
    #[error("entry {entry} has a bad key name; expected 1 to {MAX_KID_CHARS} of A-Z a-z 0-9 _ -")]
    BadName {
        /// Which entry.
        entry: usize,
    },
    /// Two keys of one name.
    #[error("the key name `{kid}` is given twice")]
    Twice {
        /// The name.
        kid: String,
    },
    /// The part after the colon.
    #[error("the secret of key `{kid}` is not base64")]
    NotBase64 {
        /// The key's name.
        kid: String,
    },
    /// Fewer than 32 bytes.
    #[error("the secret of key `{kid}` has {bytes} bytes; at least {MIN_SECRET_BYTES} are needed")]
    TooShort {
        /// The key's name.
        kid: String,
        /// Bytes after decoding.
        bytes: usize,
    },
}

impl SigningKeys {
    /// Reads `kid:base64,kid2:base64`; either base64 alphabet, with or without padding; white space round entries is
    /// ignored, so that a file may end with a newline.
    ///
    /// # Errors
    /// [`KeysRefused`]: one sentence without the secret.
    pub fn parse(text: &str) -> Result<Self, KeysRefused> {
        let mut keys: Vec<Key> = Vec::new();
        if text.trim().is_empty() {
            return Err(KeysRefused::Empty);
        }
        for (index, part) in text.split(',').enumerate() {
            let key = parse_entry(index + 1, part.trim())?;
            if keys.iter().any(|known| known.kid == key.kid) {
                return Err(KeysRefused::Twice { kid: key.kid });
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// A new list of one key in the form that [`SigningKeys::parse`] reads: 256 random bits under a random name.
    #[must_use]
    pub fn fresh_text() -> Secret {
        Secret::new(format!("k{}:{}", randomness::text::<6>(), randomness::text::<MIN_SECRET_BYTES>()))
    }

    /// The names in order; the first signs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.kid.as_str())
    }

    pub(crate) fn as_slice(&self) -> &[Key] {
        &self.0
    }
}

fn parse_entry(entry: usize, text: &str) -> Result<Key, KeysRefused> {
    if is_sample(text.as_bytes()) {
        return Err(KeysRefused::Sample { entry });
    }
    let (kid, secret) = text.split_once(':').ok_or(KeysRefused::Shape { entry })?;
    let named = (1..=MAX_KID_CHARS).contains(&kid.len())
        && kid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !named {
        return Err(KeysRefused::BadName { entry });
    }
    if is_sample(secret.as_bytes()) {
        return Err(KeysRefused::Sample { entry });
    }
    let kid = kid.to_owned();
    let Ok(secret) = STANDARD.decode(secret).or_else(|_| URL_SAFE.decode(secret)) else {
        return Err(KeysRefused::NotBase64 { kid });
    };
    if is_sample(&secret) {
        return Err(KeysRefused::Sample { entry });
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeysRefused::TooShort { kid, bytes: secret.len() });
    }
    Ok(Key { kid, secret })
}

fn is_sample(bytes: &[u8]) -> bool {
    bytes.get(..SAMPLE.len()).is_some_and(|start| start.eq_ignore_ascii_case(SAMPLE.as_bytes()))
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.0.iter().map(|key| (&key.kid, "[redacted]"))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }

    #[test]
    fn the_order_of_the_keys_is_kept_and_both_alphabets_are_read() {
        let text = format!(" new:{} , old:{}\n", secret(&[0xfb; 32]), URL_SAFE.encode([0xfb; 33]).replace('=', ""));
        let keys = SigningKeys::parse(&text).unwrap();
        assert_eq!(keys.names().collect::<Vec<_>>(), ["new", "old"]);
        assert_eq!(keys.as_slice()[1].secret, [0xfb; 33]);
    }

    #[test]
    fn j5_a_short_secret_is_refused() {
        let refused = SigningKeys::parse(&format!("k1:{}", secret(&[7; 31]))).unwrap_err();
        assert_eq!(refused, KeysRefused::TooShort { kid: "k1".into(), bytes: 31 });
        assert!(SigningKeys::parse(&format!("k1:{}", secret(&[7; 32]))).is_ok());
    }

    #[test]
    fn j5_a_sample_is_refused_as_text_and_after_decoding() {
        let decoded = format!("k1:{}", secret(b"change-me-change-me-change-me-change-me"));
        for sample in [
            "change-me",
            "k1:change-me",
            "k1:Change-Me-to-a-real-secret-of-32-bytes",
            "change-me:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            &decoded,
        ] {
            assert_eq!(SigningKeys::parse(sample).unwrap_err(), KeysRefused::Sample { entry: 1 }, "{sample}");
        }
    }

    #[test]
    fn bad_lists_are_refused_in_a_sentence_that_does_not_repeat_the_secret() {
        let good = secret(&[7; 32]);
        for (text, sentence) in [
            ("  ".to_owned(), "no key given; expected `kid:base64,…`"),
            (good.clone(), "entry 1 is not of the form `kid:base64`"),
            (format!("k1:{good},"), "entry 2 is not of the form `kid:base64`"),
            (format!(":{good}"), "entry 1 has a bad key name; expected 1 to 64 of A-Z a-z 0-9 _ -"),
            (format!("a b:{good}"), "entry 1 has a bad key name; expected 1 to 64 of A-Z a-z 0-9 _ -"),
            (format!("{}:{good}", "k".repeat(65)), "entry 1 has a bad key name; expected 1 to 64 of A-Z a-z 0-9 _ -"),
            (format!("k1:{good},k1:{good}"), "the key name `k1` is given twice"),
            ("k1:%%%%".to_owned(), "the secret of key `k1` is not base64"),
        ] {
            assert_eq!(SigningKeys::parse(&text).unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn a_fresh_text_is_a_valid_list_of_256_bits_and_never_the_same() {
        let (one, two) = (SigningKeys::fresh_text(), SigningKeys::fresh_text());
        let keys = SigningKeys::parse(one.expose()).unwrap();
        assert_eq!(keys.as_slice()[0].secret.len(), 32);
        assert_ne!(keys.as_slice()[0].secret, SigningKeys::parse(two.expose()).unwrap().as_slice()[0].secret);
    }

    #[test]
    fn l2_keys_do_not_print() {
        let text = SigningKeys::fresh_text();
        let keys = SigningKeys::parse(text.expose()).unwrap();
        let shown = format!("{keys:?} {text:?}");
        let (_, secret) = text.expose().split_once(':').unwrap();
        assert!(shown.contains("[redacted]") && !shown.contains(secret));
    }
}
