//! A server of one's own: started, watched, killed, started again on the same data.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{Reply, Request, User, within};

/// The key that tests sign with: 32 bytes of `s`.
pub(crate) const SECRET: &str = "test:c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M=";

/// The binary under test.
pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_chat-server")
}

/// How a server differs from the usual one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    settings: Vec<(String, String)>,
    file_bytes: Option<u64>,
}

impl Options {
    /// `set("LIMITS__TEXT_CHARS", 10)`.
    pub(crate) fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((format!("CHAT_{key}"), value.to_string()));
        self
    }

    /// The rates of protocol §4 as they are by default.
    pub(crate) fn with_default_rates(mut self) -> Self {
        self.settings.retain(|(key, _)| !RAISED.contains(&key.as_str()));
        self
    }

    /// No file may grow beyond this: a disk that is full.
    pub(crate) fn no_file_beyond(mut self, bytes: u64) -> Self {
        self.file_bytes = Some(bytes);
        self
    }

    /// Starts it.
    pub(crate) async fn spawn(self) -> App {
        let directory = tempfile::tempdir().unwrap();
        let running = Running::start(directory.path(), &self).await;
        App { directory, options: self, running }
    }
}

/// Rates that would only make tests slow; a test of a rate sets it low.
const RAISED: [&str; 9] = [
    "CHAT_LIMITS__REST_PER_SECOND",
    "CHAT_LIMITS__REST_BURST",
    "CHAT_LIMITS__FRAMES_PER_SECOND",
    "CHAT_LIMITS__FRAMES_BURST",
    "CHAT_LIMITS__SENDS_PER_USER_BURST",
    "CHAT_LIMITS__SENDS_PER_ROOM_BURST",
    "CHAT_LIMITS__SIGN_IN_PER_ADDRESS_PER_MINUTE",
    "CHAT_LIMITS__SIGN_IN_PER_NAME_PER_MINUTE",
    "CHAT_LIMITS__REGISTRATIONS_PER_ADDRESS_PER_HOUR",
];

/// The usual server: cheap hashes, rates that do not get in the way.
pub(crate) fn usual() -> Options {
    let mut options = Options::default();
    for key in RAISED {
        options = options.set(key.trim_start_matches("CHAT_"), 100_000);
    }
    options
}

impl App {
    /// A server that differs from the usual one.
    pub(crate) fn usual() -> Options {
        usual()
    }
}

/// A usual server.
pub(crate) async fn spawn_app() -> App {
    usual().spawn().await
}

/// A running server and its data.
pub(crate) struct App {
    directory: TempDir,
    options: Options,
    running: Running,
}

struct Running {
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
}

impl Running {
    async fn start(directory: &Path, options: &Options) -> Self {
        let log = std::fs::OpenOptions::new().append(true).create(true).open(directory.join("log")).unwrap();
        let mut command = match options.file_bytes {
            None => Command::new(binary()),
            Some(bytes) => {
                // Without the signal a write beyond the limit is refused as on a full disk.
                let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\"", bytes / 512);
                let mut command = Command::new("sh");
                command.arg("-c").arg(script).arg(binary());
                command
            }
        };
        command
            .env_clear()
            .env("CHAT_HTTP__LISTEN", "127.0.0.1:0")
            .env("CHAT_METRICS__LISTEN", "127.0.0.1:0")
            .envs(crate::record::place(directory))
            .env("CHAT_NODE__NAME", "n1")
            .env("CHAT_AUTH__SECRET", SECRET)
            .env("CHAT_AUTH__BCRYPT_COST", "4")
            .env("CHAT_AUTH__ALLOW_WEAK_HASH", "true")
            .env("CHAT_DRAIN__SECONDS", "3")
            .envs(options.settings.iter().map(|(key, value)| (key, value)))
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = within(Duration::from_secs(30), "the server's first line", lines.next_line()).await.unwrap();
        let Some(line) = line else {
            panic!("the server did not start: {}", std::fs::read_to_string(directory.join("log")).unwrap())
        };
        // "listening on http://A, metrics on http://B/metrics"
        let (address, metrics) =
            line.strip_prefix("listening on http://").unwrap().split_once(", metrics on http://").unwrap();
        Self {
            child,
            address: address.parse().unwrap(),
            metrics: metrics.trim_end_matches("/metrics").parse().unwrap(),
        }
    }
}

impl App {
    /// Where the public listener is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Where `/metrics` is.
    pub(crate) fn metrics_address(&self) -> SocketAddr {
        self.running.metrics
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Everything it logged so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.directory.path().join("log")).unwrap()).into_owned()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.running.child.id().expect("it runs") as i32).unwrap()
    }

    /// A signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Raises what `no_file_beyond` set.
    pub(crate) fn free_the_disk(&self) {
        prlimit(Some(self.pid()), Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    }

    /// Waits for the process's end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        within(Duration::from_secs(20), "the server's end", self.running.child.wait()).await.unwrap()
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        self.running.child.kill().await.unwrap();
    }

    /// Starts again, on the same data; the port is another.
    pub(crate) async fn start_again(&mut self) {
        self.running = Running::start(self.directory.path(), &self.options).await;
    }

    /// The same, with other settings beside.
    pub(crate) async fn start_again_with(&mut self, key: &str, value: &str) {
        self.options = self.options.clone().set(key, value);
        self.start_again().await;
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// The scrape as text.
    pub(crate) async fn metrics(&self) -> String {
        Request::new("GET", "/metrics").send(self.metrics_address()).await.text()
    }

    /// The sum of the series of that name whose labels hold each of `labels`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.metrics().await;
        let of_name = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        of_name.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Somebody new, signed in.
    pub(crate) async fn user(&self, name: &str) -> User {
        User::registers(self.address(), name).await
    }

    /// A request by nobody.
    pub(crate) async fn anonymous(&self, method: &str, path: &str, body: Option<serde_json::Value>) -> Reply {
        Request::new(method, &format!("/api/v1{path}")).maybe_json(body).send(self.address()).await
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let log = self.log();
        if std::thread::panicking() {
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- the end of the server's log\n{}", lines[lines.len().saturating_sub(15)..].join("\n"));
        } else {
            assert!(!log.contains("panicked"), "a server panicked:\n{log}");
        }
    }
}
