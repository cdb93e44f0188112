//! A private Redis server: it keeps nothing on disk, and can be killed, restarted, stopped in its tracks and emptied.

use std::{
    ffi::OsString,
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Child,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    keeper::Keeper,
    port::free_port,
    processes::{signal, until, wait},
    programs::redis_server,
    resp,
};

/// How long a start and an end may take, each.
const LIMIT: Duration = Duration::from_secs(30);

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Ports tried before a start fails.
const TRIES: usize = 3;

/// How a server is made.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// Where its directory is made; the directory for temporary files when there is none.
    pub parent: Option<PathBuf>,
    /// Whether it is a cluster: one node that has all the slots.
    pub cluster: bool,
    /// Further arguments, such as `--maxmemory` and `10mb`.
    pub arguments: Vec<String>,
}

/// A running server; it ends with this value, and at the latest with this process.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    options: RedisOptions,
    port: u16,
    server: Mutex<Option<Child>>,
    keeper: Keeper,
}

impl Redis {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When the program is missing or the server does not come up; the end of its log is in the message.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&RedisOptions::default())
    }

    /// As [`Redis::start`], by these options.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_with(options: &RedisOptions) -> io::Result<Self> {
        let keeper = Keeper::new(options.parent.as_deref(), "KILL")?;
        let mut made =
            Self { program: redis_server()?, options: options.clone(), port: 0, server: Mutex::default(), keeper };
        for left in (0..TRIES).rev() {
            made.port = free_port()?;
            match made.launch(&mut made.server()) {
                Ok(()) => break,
                Err(e) if left > 0 && e.to_string().contains("Address already in use") => {
                    fs::write(made.keeper.log(), "")?
                }
                Err(e) => return Err(e),
            }
        }
        if options.cluster {
            made.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])?;
            until(LIMIT, "the cluster was not whole", || {
                Ok(made.ask(&["CLUSTER", "INFO"])?.contains("cluster_state:ok"))
            })?;
        }
        Ok(made)
    }

    /// What a client connects to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Where it listens; the same after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its process; `None` after [`Redis::kill`].
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server().as_ref().map(Child::id)
    }

    /// Kills it, with everything it holds.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&self) -> io::Result<()> {
        self.end(&mut self.server())
    }

    /// Starts it again, empty, at its address; kills it first if it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&self) -> io::Result<()> {
        let mut server = self.server();
        self.end(&mut server)?;
        self.launch(&mut server)
    }

    /// Stops it in its tracks: connections stay, nothing answers.
    ///
    /// # Errors
    /// When it is not running.
    pub fn pause(&self) -> io::Result<()> {
        signal(self.running()?, Signal::STOP)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When it is not running.
    pub fn resume(&self) -> io::Result<()> {
        signal(self.running()?, Signal::CONT)
    }

    /// Removes every key (`FLUSHALL`).
    ///
    /// # Errors
    /// When it does not answer.
    pub fn flush(&self) -> io::Result<()> {
        self.ask(&["FLUSHALL"]).map(drop)
    }

    /// Sends one command; answers what it says, lists line by line and nothing as the empty text.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub fn ask(&self, words: &[&str]) -> io::Result<String> {
        resp::ask(self.address(), words, ANSWER)
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> io::Result<u32> {
        self.pid().ok_or_else(|| io::Error::other("Redis is not running"))
    }

    fn arguments(&self) -> Vec<OsString> {
        let port = self.port.to_string();
        let ours = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--daemonize", "no"];
        let cluster = if self.options.cluster { "yes" } else { "no" };
        let ours = ours.into_iter().chain(["--cluster-enabled", cluster]).map(OsString::from);
        let directory = ["--dir".into(), self.keeper.directory().into()];
        ours.chain(directory).chain(self.options.arguments.iter().map(OsString::from)).collect()
    }

    fn launch(&self, server: &mut Option<Child>) -> io::Result<()> {
        let child = server.insert(self.keeper.launch(&self.program, &self.arguments(), None)?);
        // Somebody else's server at this port would answer, too.
        let ours = format!("process_id:{}\r\n", child.id());
        let answers = until(LIMIT, "Redis did not answer", || match child.try_wait()? {
            Some(status) => Err(io::Error::other(format!("Redis ended with {status}"))),
            None => Ok(self.ask(&["INFO", "server"]).is_ok_and(|info| info.contains(&ours))),
        });
        answers.map_err(|e| {
            let shown = self.keeper.failed(&e.to_string());
            self.end(server).err().unwrap_or(shown)
        })
    }

    fn end(&self, server: &mut Option<Child>) -> io::Result<()> {
        let Some(mut child) = server.take() else { return Ok(()) };
        child.kill()?;
        wait(&mut child, LIMIT)?;
        self.keeper.watch(&[])
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // What cannot be ended here is ended by the keeper, which is dropped next.
        let mut server = self.server().take();
        drop(self.end(&mut server));
    }
}
