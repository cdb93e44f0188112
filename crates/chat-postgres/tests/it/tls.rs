//! TLS by `sslmode`, against a server that has it and one that has not.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use chat_domain::ports::LogStore;
use chat_postgres::{OpenError, Postgres};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::fixture::{Database, server, settings};

/// A server whose certificate is for `localhost`, signed by an authority of ours.
struct Secured {
    server: chat_testbed::Postgres,
    roots: PathBuf,
    /// Of an authority that has signed nothing.
    other_roots: PathBuf,
}

fn secured() -> &'static Secured {
    static SECURED: OnceLock<Secured> = OnceLock::new();
    SECURED.get_or_init(|| {
        let server = chat_testbed::Postgres::start().unwrap();
        let directory = server.directory().to_owned();
        let [roots, other_roots] = ["roots.pem", "other.pem"].map(|name| directory.join(name));
        let (authority, pem) = authority();
        fs::write(&roots, pem).unwrap();
        fs::write(&other_roots, self::authority().1).unwrap();

        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let files = [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())].map(|(name, pem)| {
            let path = directory.join(name);
            fs::write(&path, pem).unwrap();
            give(&path, &directory.join("data"));
            path
        });
        let [certificate, key] = files.map(|path| path.display().to_string());
        let settings = format!(
            "ALTER SYSTEM SET ssl_cert_file = '{certificate}'; ALTER SYSTEM SET ssl_key_file = '{key}';
            ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf();"
        );
        server.run_sql("postgres", &settings).unwrap();
        Secured { server, roots, other_roots }
    })
}

fn authority() -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

/// For the owner of `like` alone, as the server demands of a key.
fn give(path: &Path, like: &Path) {
    let owner = fs::metadata(like).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

impl Secured {
    fn url(&self, host: &str, database: &str, parameters: &str) -> String {
        format!("postgres://postgres@{host}:{}/{database}?{parameters}", self.server.port())
    }

    /// Whether connections of the record are encrypted, all or none.
    async fn encrypts(&self, host: &str, parameters: &str) -> Result<bool, OpenError> {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let name = format!("tls_{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        self.server.create_database(&name, None).unwrap();
        let store = Postgres::open(&self.url(host, &name, parameters), &settings()).await?;
        store.ping().await.unwrap();
        let ask = "SELECT DISTINCT s.ssl FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid)
            WHERE a.datname = current_database() AND a.application_name = 'chat'";
        match self.server.run_sql(&name, ask).unwrap().trim() {
            "t" => Ok(true),
            "f" => Ok(false),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn tls_is_had_where_it_is_asked_for() {
    let secured = secured();
    let roots = secured.roots.display();
    for parameters in ["", "sslmode=prefer", "sslmode=require", &format!("sslmode=require&sslrootcert={roots}")] {
        assert!(secured.encrypts("127.0.0.1", parameters).await.unwrap(), "{parameters}");
    }
    assert!(secured.encrypts("127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={roots}")).await.unwrap());
    assert!(secured.encrypts("localhost", &format!("sslmode=verify-full&sslrootcert={roots}")).await.unwrap());
    assert!(!secured.encrypts("127.0.0.1", "sslmode=disable").await.unwrap());
}

#[tokio::test]
async fn a_server_that_is_not_the_one_is_refused() {
    let secured = secured();
    let (roots, other) = (secured.roots.display(), secured.other_roots.display());
    for (host, parameters, told) in [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={roots}"), "not valid for name"),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}"), "invalid peer certificate"),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={other}"), "invalid peer certificate"),
        ("localhost", format!("sslmode=require&sslrootcert={other}"), "invalid peer certificate"),
        ("localhost", "sslmode=verify-ca".to_owned(), ""),
    ] {
        let refused = secured.encrypts(host, &parameters).await.unwrap_err();
        assert!(matches!(refused, OpenError::Connect { .. } | OpenError::Tls(_)), "{refused}");
        assert!(refused.to_string().contains(told), "{refused}");
    }
}

#[tokio::test]
async fn where_there_is_no_tls_only_prefer_and_disable_connect() {
    let database = Database::migrated();
    for mode in ["prefer", "disable"] {
        Postgres::open(&format!("{}?sslmode={mode}", database.url()), &settings()).await.unwrap();
    }
    let roots = secured().roots.display();
    for mode in ["require".to_owned(), format!("verify-full&sslrootcert={roots}")] {
        let refused = Postgres::open(&format!("{}?sslmode={mode}", database.url()), &settings()).await.unwrap_err();
        assert!(refused.to_string().contains("server does not support TLS"), "{refused}");
    }
}

#[tokio::test]
async fn a_mode_under_another_spelling_connects_no_more_in_the_clear() {
    let database = Database::migrated();
    for spelling in ["sslmod%65=require", "%73slmode=%72equire", "sslmode=verif%79-full&sslroot%63ert=system"] {
        let refused = Postgres::open(&format!("{}?{spelling}", database.url()), &settings()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Connect { .. } | OpenError::Tls(_)), "{spelling}: {refused}");
    }
    assert!(secured().encrypts("127.0.0.1", "sslmod%65=require").await.unwrap());
    assert!(!secured().encrypts("127.0.0.1", "sslmod%65=disable").await.unwrap());
    for nonsense in ["sslmode=require&sslmod%65=disable", "SSLMODE=require", "sslmode=demand"] {
        let refused = Postgres::open(&format!("{}?{nonsense}", database.url()), &settings()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Url(_)), "{nonsense}: {refused}");
    }
}

#[tokio::test]
async fn root_certificates_that_cannot_be_read_are_told() {
    let empty = secured().server.directory().join("empty.pem");
    fs::write(&empty, "nothing").unwrap();
    for path in [empty.as_path(), Path::new("/nowhere/roots.pem")] {
        let url = format!("{}?sslmode=verify-full&sslrootcert={}", server().url("x"), path.display());
        let refused = Postgres::open(&url, &settings()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Tls(_)), "{refused}");
        assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
    }
}
