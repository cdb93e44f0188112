//! Where the database is and how it wants to be spoken to: the URL, read without ever showing its password again.

use std::{path::PathBuf, time::Duration};

use tokio_postgres::config::{Config, Host};

use crate::OpenError;

/// `sslmode`, as libpq means it (PostgreSQL manual, 34.19.3). `allow` is not known: it only encrypts what need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Never.
    Disable,
    /// Where the server can; nobody's word is checked.
    Prefer,
    /// Always; nobody's word is checked, unless root certificates are named.
    Require,
    /// Always, and a known authority has signed.
    VerifyCa,
    /// Always, a known authority has signed, and it is this server.
    VerifyFull,
}

/// Whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Those that the machine trusts.
    System,
    /// Those in this file.
    File(PathBuf),
}

/// What a URL says.
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) mode: Mode,
    pub(crate) roots: Roots,
}

/// Hosts and database: all that may be told of a URL.
impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ports = self.config.get_ports();
        for (at, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(path) => write!(f, "{comma}{}:{port}", path.display())?,
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({self})")
    }
}

/// A dead line is noticed when what was sent stays without an answer so long.
const UNANSWERED: Duration = Duration::from_secs(10);
/// An idle line is asked for a sign of life after so long; tokio-postgres comes with two hours.
const IDLE: Duration = Duration::from_secs(30);

impl Target {
    /// Reads a URL. `sslmode` and `sslrootcert` are read here, everything else as tokio-postgres knows it.
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::Url("it must begin with postgres://".to_owned()));
        }
        let (mut mode, mut roots) = (None, None);
        let (address, query) = split(url);
        let mut others = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(parse_mode(value)?),
                Some(("sslrootcert", "system")) => roots = Some(Roots::System),
                Some(("sslrootcert", value)) => roots = Some(Roots::File(decoded(value)?.into())),
                Some(_) | None => others.push(parameter),
            }
        }
        let rest = if others.is_empty() { address.to_owned() } else { format!("{address}?{}", others.join("&")) };
        let mut config: Config = rest.parse().map_err(|error| OpenError::Url(causes(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(OpenError::Url("it names no host".to_owned()));
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNANSWERED);
        }
        if config.get_keepalives_idle() > IDLE {
            config.keepalives_idle(IDLE).keepalives_interval(UNANSWERED).keepalives_retries(2);
        }
        if config.get_application_name().is_none() {
            config.application_name("chat");
        }
        let mode = match (mode.unwrap_or(Mode::Prefer), &roots) {
            // As libpq does: whoever names root certificates wants them to count.
            (Mode::Require, Some(_)) => Mode::VerifyCa,
            (mode, _) => mode,
        };
        Ok(Self { config, mode, roots: roots.unwrap_or(Roots::System) })
    }
}

/// The URL before its parameters, and the parameters. A password may hold a question mark.
fn split(url: &str) -> (&str, &str) {
    let credentials = url.find('@').unwrap_or(0);
    let rest = url.get(credentials..).unwrap_or_default();
    let Some(at) = rest.find('?').map(|at| credentials + at) else { return (url, "") };
    (url.get(..at).unwrap_or_default(), url.get(at + 1..).unwrap_or_default())
}

fn parse_mode(value: &str) -> Result<Mode, OpenError> {
    match value {
        "disable" => Ok(Mode::Disable),
        "prefer" => Ok(Mode::Prefer),
        "require" => Ok(Mode::Require),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-full" => Ok(Mode::VerifyFull),
        _ => Err(OpenError::Url(format!(
            "sslmode is {value:?}; known are disable, prefer, require, verify-ca and verify-full"
        ))),
    }
}

/// Percent-encoding (RFC 3986 §2.1) of a parameter.
fn decoded(value: &str) -> Result<String, OpenError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { encoded(&mut rest).unwrap_or(b'%') } else { byte });
    }
    String::from_utf8(bytes).map_err(|_| OpenError::Url("sslrootcert is not UTF-8".to_owned()))
}

fn encoded(rest: &mut std::str::Bytes<'_>) -> Option<u8> {
    let mut digits = rest.clone();
    let high = char::from(digits.next()?).to_digit(16)?;
    let low = char::from(digits.next()?).to_digit(16)?;
    *rest = digits;
    u8::try_from(high * 16 + low).ok()
}

/// An error with what is behind it, in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_told = cause.to_string();
        if !told.contains(&cause_told) {
            told = format!("{told}: {cause_told}");
        }
        source = cause.source();
    }
    told.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Target::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn a_url_says_where_and_how() {
        let target = Target::parse("postgres://ann:secret@db.example:6543/chat?sslmode=verify-full").unwrap();
        assert_eq!((target.to_string().as_str(), target.mode), ("db.example:6543/chat", Mode::VerifyFull));
        assert_eq!(target.roots, Roots::System);
        let target = Target::parse("postgresql://db/chat").unwrap();
        assert_eq!((target.to_string().as_str(), target.mode), ("db:5432/chat", Mode::Prefer));
    }

    #[test]
    fn root_certificates_are_a_file_and_make_require_check() {
        let target = Target::parse("postgres://db/chat?sslrootcert=/etc/my%20roots.pem&sslmode=require").unwrap();
        assert_eq!((target.mode, target.roots), (Mode::VerifyCa, Roots::File("/etc/my roots.pem".into())));
    }

    #[test]
    fn other_parameters_go_their_way() {
        let target = Target::parse("postgres://db/chat?application_name=me&sslmode=disable&connect_timeout=7").unwrap();
        assert_eq!(target.config.get_application_name(), Some("me"));
        assert_eq!(target.config.get_connect_timeout(), Some(&Duration::from_secs(7)));
        assert_eq!(target.mode, Mode::Disable);
    }

    #[test]
    fn a_password_with_a_question_mark_is_a_password() {
        let target = Target::parse("postgres://ann:wh?at@db/chat?sslmode=disable").unwrap();
        assert_eq!(target.config.get_password(), Some("wh?at".as_bytes()));
        assert_eq!(target.mode, Mode::Disable);
    }

    #[test]
    fn what_cannot_be_read_is_told_in_one_sentence() {
        assert!(refused("postgres://db/chat?sslmode=allow").contains("known are disable, prefer"));
        assert!(refused("postgres://db/chat?sslcert=x").contains("sslcert"));
        assert!(refused("postgres:///chat").contains("names no host"));
        assert!(refused("mysql://db/chat").contains("must begin with postgres://"));
    }

    #[test]
    fn l2_no_sentence_shows_the_password() {
        let secret = "hunter2";
        for end in ["db/chat", "db/chat?sslmode=nonsense", "db:port/chat", "db/chat?nonsense=1", "db/chat?port", "%zz"]
        {
            let url = format!("postgres://ann:{secret}@{end}");
            let told = match Target::parse(&url) {
                Ok(target) => format!("{target} {target:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!told.contains(secret), "{told}");
        }
    }
}
