//! A web origin (RFC 6454): scheme, host and port, compared whole and never by substring.

use serde::{Deserialize, Serialize};

/// `https://host` or `http://host:port` as browsers send it: lower case, no default port, no path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// The text to compare an `Origin` header with.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let refused = || format!("{text:?} is no web origin such as https://chat.example");
        let (scheme, authority) = lower.split_once("://").ok_or_else(refused)?;
        let default_port = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return Err(refused()),
        };
        let (host, port) = split_port(authority);
        let host_is_sane =
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
        let port_is_sane = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if !host_is_sane || !port_is_sane {
            return Err(refused());
        }
        let authority = authority.strip_suffix(default_port).unwrap_or(authority);
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

/// The host and the text after its colon; a colon inside the brackets of an IPv6 address is part of the host.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_normalised_and_nothing_else_is_taken_for_one() {
        for (text, origin) in [
            ("https://Chat.Example", "https://chat.example"),
            ("https://chat.example:443", "https://chat.example"),
            ("http://chat.example:80", "http://chat.example"),
            ("http://chat.example:443", "http://chat.example:443"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(Origin::try_from(text.to_owned()).unwrap().as_str(), origin);
        }
        let bad = ["", "*", "null", "chat.example", "ftp://a", "https://", "https://a/", "https://a b", "https://a@b"];
        for text in bad.into_iter().chain(["https://*.a", "https://a:0", "https://a:x", "https://a:99999"]) {
            assert!(Origin::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
