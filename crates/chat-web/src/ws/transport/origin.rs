//! Whose pages may open a socket (RFC 6454): browsers send `Origin`, and no same-origin policy protects WebSockets.
//!
//! Whole origins are compared, never parts of them. Other clients send none and are let in: they prove who they are later.

use actix_web::http::{
    Uri,
    header::{self, HeaderMap},
};

/// An origin: scheme, host and port, in lower case, without the scheme's own port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    authority: String,
}

impl Origin {
    /// Reads `scheme://host[:port]`; `None` for anything else (`null`, a path, a user).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
            return None;
        }
        // The parser of request targets knows what a host and a port are.
        let parsed = authority.parse::<Uri>().ok()?.into_parts();
        let whole = parsed.authority.filter(|_| parsed.path_and_query.is_none())?;
        if whole.as_str() != authority || authority.contains('@') || whole.host().is_empty() {
            return None;
        }
        let authority = without_port(authority, own_port(&scheme));
        Some(Self { scheme, authority })
    }

    /// Whether this page was served under `host`, the value of a `Host` header. The scheme does not count: a proxy may have
    /// ended TLS.
    fn is_served_by(&self, host: &str) -> bool {
        let port = own_port(&self.scheme);
        port.is_some() && without_port(host, port) == self.authority
    }
}

fn own_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some(":80"),
        "https" => Some(":443"),
        _ => None,
    }
}

fn without_port(authority: &str, port: Option<&str>) -> String {
    let authority = authority.to_ascii_lowercase();
    port.and_then(|port| authority.strip_suffix(port)).map_or_else(|| authority.clone(), str::to_owned)
}

/// The origins that an operator allows besides the server's own.
#[derive(Debug, Clone, Default)]
pub struct AllowedOrigins {
    origins: Vec<Origin>,
}

impl AllowedOrigins {
    /// Allows exactly these.
    #[must_use]
    pub fn new(origins: Vec<Origin>) -> Self {
        Self { origins }
    }

    /// Whether a request with these headers may open a socket: no `Origin`, or a single one that is this server's or listed.
    #[must_use]
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(header::ORIGIN);
        let Some(origin) = given.next() else {
            return true;
        };
        let Some(origin) = origin.to_str().ok().and_then(Origin::parse).filter(|_| given.next().is_none()) else {
            return false;
        };
        let mut hosts = headers.get_all(header::HOST);
        let host = hosts.next().and_then(|host| host.to_str().ok()).filter(|_| hosts.next().is_none());
        host.is_some_and(|host| origin.is_served_by(host)) || self.origins.contains(&origin)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn admits(host: &str, origins: &[&str]) -> bool {
        let allowed = ["https://app.example", "https://other.example:8443", "tauri://localhost"];
        let allowed = AllowedOrigins::new(allowed.iter().filter_map(|text| Origin::parse(text)).collect());
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        allowed.admit(&headers)
    }

    #[test]
    fn t2_absent_own_and_listed_origins_are_let_in() {
        assert!(admits("chat.example", &[]));
        for (host, origin) in [
            ("chat.example", "https://chat.example"),
            ("chat.example", "http://Chat.Example"),
            ("chat.example:443", "https://chat.example"),
            ("chat.example", "http://chat.example:80"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("chat.example", "https://app.example"),
            ("chat.example", "HTTPS://app.example:443"),
            ("chat.example", "https://other.example:8443"),
            ("chat.example", "tauri://localhost"),
        ] {
            assert!(admits(host, &[origin]), "{origin} at {host}");
        }
    }

    #[test]
    fn t2_everything_else_is_kept_out() {
        for origin in [
            "",
            "null",
            "https://evil.example",
            "https://chat.example.evil.example",
            "https://evilchat.example",
            "https://chat.example:8443",
            "https://chat.example/",
            "https://chat.example@evil.example",
            "https://user@chat.example",
            "chat.example",
            "://chat.example",
            "tauri://chat.example",
            "http://app.example",
            "https://other.example",
            "https://app.example https://evil.example",
        ] {
            assert!(!admits("chat.example", &[origin]), "{origin:?}");
        }
        assert!(!admits("chat.example", &["https://chat.example", "https://chat.example"]));
    }
}
