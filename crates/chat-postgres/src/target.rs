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

/// What tokio-postgres understands and may be said in a URL. Names are compared decoded and handed on as they stand here, so
/// nothing that means `sslmode` slips past us under another spelling.
const KNOWN: [&str; 17] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "user",
];

/// What a URL may also say: read here.
const OURS: [&str; 2] = ["sslmode", "sslrootcert"];

impl Target {
    /// Reads a URL. `sslmode` and `sslrootcert` are read here, everything else as tokio-postgres knows it. What is refused is
    /// told without repeating a word of the URL: any of it might be a part of a password that was not encoded.
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let (mut mode, mut roots) = (None, None);
        let (address, query) = split(url)?;
        let mut others = Vec::new();
        for (name, value) in parameters(query)? {
            match name {
                "sslmode" => mode = Some(parse_mode(&decoded(value)?)?),
                "sslrootcert" if decoded(value)? == "system" => roots = Some(Roots::System),
                "sslrootcert" => roots = Some(Roots::File(decoded(value)?.into())),
                _ => others.push(format!("{name}={value}")),
            }
        }
        let rest = if others.is_empty() { address } else { format!("{address}?{}", others.join("&")) };
        let mut config: Config = rest.parse().map_err(|error| OpenError::Url(causes(&error)))?;
        if config.get_ssl_mode() != Config::new().get_ssl_mode() {
            return refuse("it asks for TLS in a way that is not understood");
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return refuse("it names no host");
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

fn refuse<T>(cause: &str) -> Result<T, OpenError> {
    Err(OpenError::Url(cause.to_owned()))
}

/// The URL before its parameters, with every `@` of its credentials encoded, and the parameters.
fn split(url: &str) -> Result<(String, &str), OpenError> {
    let scheme = ["postgres://", "postgresql://"].into_iter().find(|scheme| url.starts_with(scheme));
    let Some(scheme) = scheme else { return refuse("it must begin with postgres://") };
    let rest = url.get(scheme.len()..).unwrap_or_default();
    let (credentials, rest) = credentials(rest)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let credentials = credentials.map(|credentials| format!("{}@", credentials.replace('@', "%40")));
    Ok((format!("{scheme}{}{place}", credentials.unwrap_or_default()), query))
}

/// User and password, and what comes behind them. Passwords come as they are, too, as long as it is clear where they end.
///
/// Hosts hold no `@`, so the last one before the first slash or question mark ends the credentials, if none follows. If one
/// does, then the slash belongs to the password, or that `@` to the path or a parameter. Which, can be told when what stands
/// before the slash can't be hosts (`ann:se/cret@db`: a port is a number) and no parameter is in sight, which might be another
/// password; else nobody can, and a guess might contact, or show, a part of a password as a host.
fn credentials(rest: &str) -> Result<(Option<&str>, &str), OpenError> {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let behind = rest.get(authority.len()..).unwrap_or_default();
    if !behind.contains('@') {
        let parts = authority.rsplit_once('@').map(|(credentials, _)| credentials);
        let length = parts.map_or(0, |credentials| credentials.len() + 1);
        return Ok((parts, rest.get(length..).unwrap_or_default()));
    }
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    match rest.rsplit_once('@') {
        Some((credentials, rest)) if !may_be_hosts(hosts) && !has_parameter(credentials) => {
            Ok((Some(credentials), rest))
        }
        _ => refuse(
            "it is not clear where its password ends; in a password write @ as %40, / as %2F and ? as %3F, \
             in a parameter @ as %40",
        ),
    }
}

fn has_parameter(credentials: &str) -> bool {
    credentials.split_once('?').is_some_and(|(_, query)| query.contains('='))
}

/// Whether each could be a host, with or without a port.
fn may_be_hosts(hosts: &str) -> bool {
    hosts.split(',').all(|host| {
        let behind =
            host.strip_prefix('[').and_then(|literal| literal.split_once(']')).map_or(host, |(_, behind)| behind);
        let port = behind.split_once(':').map_or("", |(_, port)| port);
        port.is_empty() || decoded(port).is_ok_and(|port| port.parse::<u16>().is_ok())
    })
}

/// The parameters: a name that we know, and what it is given, still encoded.
fn parameters(query: &str) -> Result<Vec<(&'static str, &str)>, OpenError> {
    let mut found = Vec::<(&'static str, &str)>::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let Some((name, value)) = parameter.split_once('=') else {
            return refuse("it has a parameter without a value");
        };
        let name = decoded(name)?;
        let Some(known) = OURS.into_iter().chain(KNOWN).find(|known| *known == name) else {
            let known = [OURS.join(", "), KNOWN.join(", ")].join(", ");
            return refuse(&format!("it has a parameter that is not known; known are {known}"));
        };
        if found.iter().any(|(before, _)| *before == known) {
            return refuse(&format!("it says {known} twice"));
        }
        decoded(value)?; // so that nobody else complains of it
        found.push((known, value));
    }
    Ok(found)
}

fn parse_mode(value: &str) -> Result<Mode, OpenError> {
    match value {
        "disable" => Ok(Mode::Disable),
        "prefer" => Ok(Mode::Prefer),
        "require" => Ok(Mode::Require),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-full" => Ok(Mode::VerifyFull),
        _ => refuse("sslmode is not known; known are disable, prefer, require, verify-ca and verify-full"),
    }
}

/// Percent-encoding (RFC 3986 §2.1), as tokio-postgres reads it: what is not a code stands for itself.
fn decoded(value: &str) -> Result<String, OpenError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { encoded(&mut rest).unwrap_or(b'%') } else { byte });
    }
    String::from_utf8(bytes).map_err(|_| OpenError::Url("a part of it is not UTF-8".to_owned()))
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
    use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

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
    fn a_password_comes_as_it_is_where_it_is_clear_where_it_ends() {
        for password in ["p@ss", "@", "12@34", "a#b@c:d", "wh?at", "se/cret", "p@s:x/y", "a/b@c?d"] {
            let target = Target::parse(&format!("postgres://ann:{password}@db:6543/chat?sslmode=disable")).unwrap();
            assert_eq!(target.config.get_password(), Some(password.as_bytes()), "{password}");
            assert_eq!((target.to_string().as_str(), target.mode), ("db:6543/chat", Mode::Disable), "{password}");
        }
        for url in [
            "postgres://ann:p@ss/word@db/chat",
            "postgres://ann:12/34@db/chat",
            "postgres://ann:wh?at=@db/chat",
            "postgres://ann/x@db/chat",
            "postgres://db:5432/chat?password=hunter@2",
            "postgres://db:543x/chat?password=hunter@2",
            "postgres://ann:pw@db/chat?application_name=me@home",
        ] {
            assert!(refused(url).contains("not clear where its password ends"), "{url}");
        }
    }

    #[test]
    fn a_mode_under_another_spelling_is_the_mode() {
        let mode = |parameters: &str| Target::parse(&format!("postgres://db/chat?{parameters}")).map(|of| of.mode);
        for spelling in ["sslmode=require", "sslmod%65=require", "%73slmode=%72equire", "&ssl%6Dode=require&"] {
            assert_eq!(mode(spelling).unwrap(), Mode::Require, "{spelling}");
        }
        assert_eq!(mode("sslmode=verify%2dfull").unwrap(), Mode::VerifyFull);
        let target = Target::parse("postgres://db/chat?sslroot%63ert=%73ystem&sslmode=require").unwrap();
        assert_eq!((target.mode, target.roots), (Mode::VerifyCa, Roots::System));
        for unknown in ["sslmode=", "sslmode=Require", "sslmode=require%20", "sslmode=require;x"] {
            assert!(mode(unknown).unwrap_err().to_string().contains("sslmode is not known"), "{unknown}");
        }
        for unknown in ["SSLMODE=require", "sslmode%00=require", "sslmode%3Drequire=", " sslmode=require", "ssl=true"] {
            assert!(mode(unknown).unwrap_err().to_string().contains("a parameter that is not known"), "{unknown}");
        }
        for twice in ["sslmode=require&sslmode=disable", "sslmode=disable&sslmod%65=require"] {
            assert!(mode(twice).unwrap_err().to_string().contains("says sslmode twice"), "{twice}");
        }
        assert!(refused("postgres://db/chat?port&sslmode=require").contains("without a value"));
    }

    #[test]
    fn what_cannot_be_read_is_told_in_one_sentence() {
        assert!(refused("postgres://db/chat?sslmode=allow").contains("known are disable, prefer"));
        assert!(refused("postgres://db/chat?sslcert=x").contains("known are sslmode, sslrootcert, application_name"));
        assert!(refused("postgres://db/chat?sslrootcert=%FF").contains("not UTF-8"));
        assert!(refused("postgres:///chat").contains("names no host"));
        assert!(refused("mysql://db/chat").contains("must begin with postgres://"));
    }

    /// Printable ASCII, those that mean something in a URL more often.
    fn password(from: &mut StdRng) -> String {
        let length = from.random_range(1..16);
        let mut drawn = || match from.random_range(0..4) {
            0 => char::from(*b"@@@//??::%&=#,[]+;".choose(from).unwrap()),
            _ => char::from(from.random_range(b' '..=b'~')),
        };
        (0..length).map(|_| drawn()).collect()
    }

    /// All that is ever told is the same for each password, so it can hold no part of any.
    #[test]
    fn l2_no_sentence_shows_a_part_of_a_password() {
        let open = "sslmode=disable&application_name=me";
        let sentences = [
            "it is not clear where its password ends; in a password write @ as %40, / as %2F and ? as %3F, in a parameter \
             @ as %40"
                .to_owned(),
            "it has a parameter without a value".to_owned(),
            "a part of it is not UTF-8".to_owned(),
            format!("it has a parameter that is not known; known are sslmode, sslrootcert, {}", KNOWN.join(", ")),
        ];
        let mut from = StdRng::seed_from_u64(1);
        let mut readable = 0;
        for _ in 0..20_000 {
            let password = password(&mut from);
            let encoded: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
            for (url, must) in [
                (format!("postgres://ann:{encoded}@db.example:6543/chat?{open}"), true),
                (format!("postgres://db.example:6543/chat?user=ann&password={encoded}&{open}"), true),
                (format!("postgres://ann:{password}@db.example:6543/chat?{open}"), false),
                (format!("postgres://ann@db.example:6543/chat?password={password}&{open}"), false),
            ] {
                match Target::parse(&url) {
                    Ok(target) => {
                        assert_eq!(format!("{target} {target:?}"), "db.example:6543/chat Target(db.example:6543/chat)");
                        assert_eq!((target.config.get_user(), target.mode), (Some("ann"), Mode::Disable), "{url}");
                        let read = target.config.get_password().unwrap();
                        assert!(!must || read == password.as_bytes(), "{url}");
                        readable += usize::from(!must && read == password.as_bytes());
                    }
                    Err(OpenError::Url(told)) => assert!(!must && sentences.contains(&told), "{url}: {told}"),
                    Err(other) => panic!("{url}: {other}"),
                }
            }
        }
        assert!(readable > 10_000, "{readable}: most come as they are");
    }

    #[test]
    fn l2_no_sentence_about_another_mistake_shows_the_password() {
        let ends = ["db/chat", "db/chat?sslmode=nonsense", "db:port/chat", "db/chat?nonsense=1", "db/chat?port", "%zz"];
        let mut from = StdRng::seed_from_u64(2);
        for end in ends {
            let told = |password: &str| match Target::parse(&format!("postgres://ann:{password}@{end}")) {
                Ok(target) => format!("{target} {target:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            let harmless = told("x");
            for _ in 0..1_000 {
                let encoded: String = password(&mut from).bytes().map(|byte| format!("%{byte:02X}")).collect();
                assert_eq!(told(&encoded), harmless);
            }
        }
    }
}
