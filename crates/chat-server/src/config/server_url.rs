//! The address of another server, which may hold a password: used by the code that connects, shown without it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in the place of a password.
const REDACTED: &str = "[redacted]";

/// `scheme://[user[:password]@]host[:port][/path][?parameters]`, perhaps empty (= none).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// The whole text, for the one place that connects; `None` when there is none.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|text| !text.is_empty())
    }

    /// Without what may be secret: the password before `@`, and parameters that are called so.
    #[must_use]
    pub fn shown(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return if self.0.is_empty() { String::new() } else { REDACTED.to_owned() };
        };
        // A password may hold an unescaped slash, question mark or `@`: the place begins after the last `@`. What is taken for
        // a password too much is only not shown.
        let (credentials, place) =
            rest.rsplit_once('@').map_or((None, rest), |(credentials, place)| (Some(credentials), place));
        let (place, parameters) = place.split_once('?').map_or((place, None), |(place, after)| (place, Some(after)));
        let credentials = match credentials.map(|credentials| credentials.split_once(':')) {
            None => String::new(),
            // A parameter's value may hold an `@` as well.
            Some(None) if credentials.is_some_and(|user| user.contains(['/', '?', '='])) => format!("{REDACTED}@"),
            Some(None) => format!("{}@", credentials.unwrap_or_default()),
            Some(Some((user, _))) => format!("{user}:{REDACTED}@"),
        };
        let parameters = parameters.map_or_else(String::new, |given| format!("?{}", shown_parameters(given)));
        format!("{scheme}://{credentials}{place}{parameters}")
    }
}

fn shown_parameters(given: &str) -> String {
    let shown = given.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}={REDACTED}"),
        Some(_) | None => pair.to_owned(),
    });
    shown.collect::<Vec<_>>().join("&")
}

impl From<String> for ServerUrl {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

impl<'de> Deserialize<'de> for ServerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_a_password_is_never_shown() {
        for (url, shown) in [
            ("", ""),
            ("postgres://db/chat", "postgres://db/chat"),
            ("postgres://chat@db:5433/chat?sslmode=require", "postgres://chat@db:5433/chat?sslmode=require"),
            ("postgres://chat:hunter2@db/chat", "postgres://chat:[redacted]@db/chat"),
            ("redis://:hunter2@cache:6379/1", "redis://:[redacted]@cache:6379/1"),
            ("postgres://chat:hun/ter@2@db/chat", "postgres://chat:[redacted]@db/chat"),
            ("postgres://db/chat?user=chat&password=hunter2", "postgres://db/chat?user=chat&password=[redacted]"),
            ("postgres://chat:hun?ter2@db/chat", "postgres://chat:[redacted]@db/chat"),
            ("postgres://chat:hun#ter2?x=y@z@db/chat", "postgres://chat:[redacted]@db/chat"),
            ("postgres://db/chat?user=chat&password=hunter2@x", "postgres://[redacted]@x"),
            ("chat:hunter2@db", "[redacted]"),
        ] {
            let url = ServerUrl::from(url.to_owned());
            assert_eq!(url.shown(), shown);
            assert!(!format!("{url:?} {}", serde_json::to_string(&url).unwrap()).contains("hunter2"));
        }
    }
}
