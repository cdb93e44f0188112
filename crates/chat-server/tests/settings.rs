//! Settings as an operator meets them: files, environment, and one sentence for every mistake.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::too_many_lines, reason = "tests")]

use std::path::PathBuf;

use chat_server::config::{Level, Loaded, LogFormat, Registration, Settings, Source, Sources, StoreUrl};
use tempfile::TempDir;

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.toml");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, String> {
    let (_directory, path) = file(text);
    Sources::new(Some(path.clone()), environment)
        .load()
        .map_err(|error| error.to_string().replace(&path.display().to_string(), "chat.toml"))
}

#[track_caller]
fn assert_refused(text: &str, environment: &[(&str, &str)], sentence: &str) {
    let error = load(text, environment).map(|loaded| loaded.settings).unwrap_err();
    assert_eq!(error, sentence);
    assert!(!error.contains('\n'));
}

#[test]
fn without_file_and_environment_the_defaults_of_the_protocol_hold() {
    let settings = Sources::new(None, &[]).load().unwrap().settings;
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.metrics.listen.0.unwrap().to_string(), "127.0.0.1:9090");
    assert_eq!(settings.store.url, StoreUrl::Sqlite("data/chat.db".into()));
    assert_eq!((settings.auth.access_ttl_s, settings.auth.refresh_ttl_s), (900, 2_592_000));
    assert_eq!((settings.auth.bcrypt_cost, settings.auth.registration), (12, Registration::Open));
    assert_eq!((settings.limits.text_chars, settings.limits.frame_bytes), (4_000, 65_536));
    assert_eq!((settings.log.format, settings.log.level.default), (LogFormat::Auto, Level::Info));
    assert_eq!((settings.limits.webhooks_per_room, settings.limits.wrong_webhook_secrets_per_minute), (10, 10));
    assert_eq!(settings.drain.seconds, 20);
    assert!(settings.limits.enabled && settings.auth.secret.expose().is_none());
    assert!(!settings.node.name.is_empty());
}

#[test]
fn the_environment_overrides_the_file_and_lists_are_parted_by_commas() {
    let text = "[http]\nlisten = \"0.0.0.0:80\"\nallowed_origins = [\"https://a.example\"]\n[limits]\nenabled = true\n";
    let environment = [
        ("CHAT_HTTP__LISTEN", "127.0.0.1:0"),
        ("CHAT_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("CHAT_LIMITS__ENABLED", "false"),
        ("CHAT_LIMITS__TEXT_CHARS", "10"),
        ("CHAT_NODE__NAME", "007"),
        ("CHAT_METRICS__LISTEN", ""),
        ("PATH", "/bin"),
        ("CHATTER", "1"),
    ];
    let loaded = load(text, &environment).unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.http.listen.port(), 0);
    assert_eq!(settings.http.allowed_origins[0].as_str(), "https://a.example");
    assert_eq!(settings.http.trusted_proxies.len(), 2);
    assert!(!settings.limits.enabled);
    assert_eq!(settings.limits.text_chars, 10);
    assert_eq!(settings.node.name, "007");
    assert_eq!(settings.metrics.listen.0, None);
    assert_eq!(loaded.origin("http.listen"), Some(&Source::Environment("CHAT_HTTP__LISTEN".into())));
    assert!(matches!(loaded.origin("http.allowed_origins"), Some(Source::File(_))));
    assert_eq!(loaded.origin("drain.seconds"), None);
}

#[test]
fn a_part_of_one_is_a_number_with_or_without_a_point() {
    let ratio = |text: &str, environment: &[(&str, &str)]| load(text, environment).unwrap().settings.trace.sample_ratio;
    assert_eq!(ratio("[trace]\nsample_ratio = 0.25\n", &[]), 0.25);
    assert_eq!(ratio("[trace]\nsample_ratio = 1\n", &[]), 1.0);
    assert_eq!(ratio("", &[("CHAT_TRACE__SAMPLE_RATIO", "0")]), 0.0);
    assert_eq!(ratio("", &[("CHAT_TRACE__SAMPLE_RATIO", "1e-3")]), 0.001);
    assert!(load("", &[("CHAT_TRACE__SAMPLE_RATIO", "inf")]).is_err());
}

#[test]
fn the_shared_names_are_understood_and_ours_win() {
    let of =
        |environment: &[(&str, &str)]| load("[store]\nurl = \"memory:\"\n", environment).unwrap().settings.store.url;
    let (shared, ours) = (("DATABASE_URL", "sqlite:a.db"), ("CHAT_STORE__URL", "sqlite:b.db"));
    assert_eq!(of(&[]), StoreUrl::Memory);
    assert_eq!(of(&[shared]), StoreUrl::Sqlite("a.db".into()));
    assert_eq!(of(&[shared, ours]), StoreUrl::Sqlite("b.db".into()));
    assert_eq!(of(&[ours, shared]), StoreUrl::Sqlite("b.db".into()));
    assert_eq!(of(&[("DATABASE_URL", "")]), StoreUrl::Memory);
}

#[test]
fn an_unknown_key_is_one_sentence_that_names_it() {
    assert_refused(
        "[http]\nlisten_on = \"x\"\n",
        &[],
        "http.listen_on: there is no such setting; did you mean http.listen? (from chat.toml)",
    );
    assert_refused("[htp]\n", &[], "htp: there is no such setting (from chat.toml)");
    assert_refused("listen = \"127.0.0.1:80\"\n", &[], "listen: there is no such setting (from chat.toml)");
    assert_refused("[http.listen]\nport = 1\n", &[], "http.listen: expected a text in quotes (from chat.toml)");
    for (name, sentence) in [
        (
            "CHAT_LIMITS__TEXT_CHAR",
            "limits.text_char: there is no such setting; did you mean limits.text_chars? (from CHAT_LIMITS__TEXT_CHAR)",
        ),
        ("CHAT_BOGUS", "bogus: there is no such setting (from CHAT_BOGUS)"),
        ("CHAT_", ": there is no such setting (from CHAT_)"),
    ] {
        assert_refused("", &[(name, "1")], sentence);
    }
}

#[test]
fn a_wrong_value_is_one_sentence_that_names_the_key_and_where_it_came_from() {
    for (text, sentence) in [
        ("[limits]\ntext_chars = \"many\"", "limits.text_chars: expected a whole number, 0 or more (from chat.toml)"),
        ("[limits]\ntext_chars = 1.5", "limits.text_chars: expected a whole number, 0 or more (from chat.toml)"),
        ("[limits]\ntext_chars = true", "limits.text_chars: expected a whole number, 0 or more (from chat.toml)"),
        ("[limits]\ntext_chars = -1", "limits.text_chars: expected a whole number, 0 or more (from chat.toml)"),
        ("[limits]\ntext_chars = 0", "limits.text_chars: 0 is not within 1 … 100000 (from chat.toml)"),
        ("[limits]\nenabled = 1", "limits.enabled: expected true or false (from chat.toml)"),
        ("[http]\nallowed_origins = \"https://a\"", "http.allowed_origins: expected a list of texts (from chat.toml)"),
        ("[trace]\nsample_ratio = 1.5", "trace.sample_ratio: 1.5 is not within 0 … 1 (from chat.toml)"),
        ("[trace]\nsample_ratio = \"1\"", "trace.sample_ratio: expected a number, 0 or more (from chat.toml)"),
        ("[trace]\nsample_ratio = -0.5", "trace.sample_ratio: expected a number, 0 or more (from chat.toml)"),
        ("[trace]\nsample_ratio = nan", "trace.sample_ratio: expected a number, 0 or more (from chat.toml)"),
        (
            "[trace]\nendpoint = \"https://collector:4318\"",
            "trace.endpoint: https is not spoken here: name a collector on this machine or in this network, by http (from chat.toml)",
        ),
        (
            "[http]\nallowed_origins = [\"https://a\", \"*\"]",
            "http.allowed_origins: \"*\" is no web origin such as https://chat.example (from chat.toml)",
        ),
        ("[http]\nlisten = \"here\"", "http.listen: invalid socket address syntax (from chat.toml)"),
        ("[metrics]\nlisten = \"here\"", "metrics.listen: invalid socket address syntax (from chat.toml)"),
        (
            "[log]\nlevel = \"loud\"",
            "log.level: \"loud\" is no level; known are off, error, warn, info, debug and trace (from chat.toml)",
        ),
    ] {
        assert_refused(text, &[], sentence);
    }
    for (name, value, sentence) in [
        (
            "CHAT_LIMITS__FRAMES_BURST",
            "x",
            "limits.frames_burst: expected a whole number, 0 or more, found \"x\" (from CHAT_LIMITS__FRAMES_BURST)",
        ),
        (
            "CHAT_LIMITS__ENABLED",
            "yes",
            "limits.enabled: expected true or false, found \"yes\" (from CHAT_LIMITS__ENABLED)",
        ),
        (
            "CHAT_NODE__NAME",
            "a b",
            "node.name: expected 1 to 64 printable ASCII characters without spaces (from CHAT_NODE__NAME)",
        ),
        (
            "CHAT_STORE__URL",
            "mysql://u:pw@h/d",
            "store.url: unknown scheme \"mysql\"; known are sqlite:PATH, postgres://HOST/DATABASE and memory: (from CHAT_STORE__URL)",
        ),
        (
            "DATABASE_URL",
            "mariadb://u:pw@h/d",
            "store.url: unknown scheme \"mariadb\"; known are sqlite:PATH, postgres://HOST/DATABASE and memory: (from DATABASE_URL)",
        ),
        (
            "REDIS_URL",
            "redis://h",
            "redis.url: Redis joins several nodes and needs a PostgreSQL store, but store.url is `sqlite:` (from REDIS_URL)",
        ),
    ] {
        assert_refused("", &[(name, value)], sentence);
    }
    for (name, value) in
        [("CHAT_AUTH__REGISTRATION", "maybe"), ("CHAT_LOG__FORMAT", "xml"), ("CHAT_DRAIN__SECONDS", "99999")]
    {
        let error = load("", &[(name, value)]).map(|_| ()).unwrap_err();
        let key = name.strip_prefix("CHAT_").unwrap().to_lowercase().replace("__", ".");
        assert!(error.starts_with(&format!("{key}: ")) && error.ends_with(&format!("(from {name})")), "{error}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    assert_refused(
        "[auth]\nbcrypt_cost = 4",
        &[],
        "auth.bcrypt_cost: 4 is below 10, which needs auth.allow_weak_hash = true (tests only) (from chat.toml)",
    );
    assert!(load("[auth]\nbcrypt_cost = 4\nallow_weak_hash = true", &[]).is_ok());
    assert_refused(
        "[auth]\nbcrypt_cost = 3\nallow_weak_hash = true",
        &[],
        "auth.bcrypt_cost: 3 is not within 4 … 16 (from chat.toml)",
    );
    assert_refused(
        "[auth]\nsecret = \"k:x\"\nsecret_file = \"y\"",
        &[],
        "auth.secret_file: is set beside auth.secret; give one of them (from chat.toml)",
    );
    assert_refused(
        "[limits]\nsilence_seconds = 25",
        &[],
        "limits.silence_seconds: 25 is not above limits.heartbeat_seconds = 25 (from chat.toml)",
    );
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_one_sentence_that_names_it() {
    let missing = Sources::new(Some("nowhere/chat.toml".into()), &[]).load().unwrap_err().to_string();
    assert!(missing.starts_with("the settings file `nowhere/chat.toml` can't be read: "), "{missing}");
    let broken = load("[auth]\nsecret = \"k1:c2VjcmV0\n", &[]).map(|_| ()).unwrap_err();
    let start = "the settings file `chat.toml` is not valid TOML: TOML parse error at line 2, column ";
    assert!(broken.starts_with(start), "{broken}");
    assert!(!broken.contains("c2VjcmV0"), "l2: a secret is not repeated: {broken}");
    assert!(!broken.contains('\n'));
}

#[test]
fn every_setting_is_documented_with_a_default_and_the_file_made_of_the_defaults_means_the_defaults() {
    let documented = Settings::documented();
    let keys: std::collections::HashSet<_> = documented.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys.len(), documented.len());
    for key in ["http.listen", "limits.registrations_per_address_per_hour", "auth.secret", "drain.seconds", "redis.url"]
    {
        assert!(keys.contains(key), "{key}");
    }
    let mut text = String::new();
    let mut section = "";
    for row in &documented {
        assert!(row.doc.len() > 10 && row.doc.ends_with('.'), "{}: {}", row.key, row.doc);
        let (of, key) = row.key.split_once('.').unwrap();
        if of != section {
            text.push_str(&format!("[{of}]\n"));
            section = of;
        }
        text.push_str(&format!("{key} = {}\n", row.default));
    }
    let read = load(&text, &[]).unwrap();
    assert_eq!(format!("{:?}", read.settings), format!("{:?}", Sources::new(None, &[]).load().unwrap().settings));
}

#[test]
fn l2_the_printed_settings_are_toml_with_secrets_redacted_and_sources_named() {
    let secret = "k1:c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==";
    let loaded = load("[limits]\ntext_chars = 5", &[("CHAT_AUTH__SECRET", secret)]).unwrap();
    let text = loaded.to_toml();
    assert!(!text.contains(secret) && !format!("{loaded:?}").contains(secret));
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.contains(&"secret = \"[redacted]\"  # from CHAT_AUTH__SECRET"));
    assert!(lines.contains(&"listen = \"127.0.0.1:8080\"  # default"));
    assert!(lines.iter().any(|line| line.starts_with("text_chars = 5  # from /")));
    assert_eq!(load(&text, &[]).unwrap().settings.limits.text_chars, 5);
}

#[test]
fn a_value_that_is_not_utf_8_is_refused_when_it_is_ours_and_ignored_otherwise() {
    use std::os::unix::ffi::OsStrExt;
    // Only this test touches an environment: that of the binary.
    let odd = std::ffi::OsStr::from_bytes(b"\xff");
    let run = |name: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chat-server"));
        command.arg("config").env(name, odd).output().unwrap().status.code()
    };
    assert_eq!(run("SOMEBODY_ELSES"), Some(0));
    assert_eq!(run("CHAT_NODE__NAME"), Some(2));
}
